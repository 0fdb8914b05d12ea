import { type AcknowledgementType, type Packet, type PublishFrame, type ReasonCode } from '@si-mqtt/codec';

/**
 * Bytes of a PUBLISH from which on its payload is written by reference instead of being copied for each receiver. To copy 64 KiB into a buffer
 * that is used again takes 2 µs; to have an array of its own for each message costs ten times as much, because its pages are new as well.
 */
export const largePacketBytes = 131_072;

/**
 * A session's way to its client: the connection. Calls are synchronous, keep their order on the wire and never throw;
 * the bytes of a frame below `largePacketBytes` are copied before the call returns, those of a larger one must not change.
 */
export interface Output {
  /** False while the socket has not drained: PUBLISH packets wait or are dropped, everything else is still sent. */
  readonly writable: boolean;
  /** `messageExpiryInterval` in seconds is patched into the frame; -1 leaves what is there. */
  sendPublish(frame: PublishFrame, firstByte: number, packetId: number, messageExpiryInterval: number): void;
  sendAcknowledgement(type: AcknowledgementType, packetId: number, reasonCode: ReasonCode): void;
  send(packet: Packet): void;
  /**
   * From now on, what is sent with a packet identifier, and `send`, leave only when this batch of the journal is committed,
   * in their order. A higher batch takes the place of a lower one.
   */
  hold(batch: number): void;
  /** Calls when the batch is committed; never if the connection ends before. */
  whenCommitted(batch: number, call: () => void): void;
  /** There is more to send than one turn should take: `Session.pump` wants to be called again in a later turn. */
  requestPump(): void;
}
