import { copyBytes } from './copy-bytes.js';
import { type QoS } from './packets.js';

/**
 * A whole PUBLISH packet as bytes that can go to any number of receivers: what differs between them (the flags of the first byte,
 * the packet identifier, the remaining expiry) is patched while it is copied. A decoded PUBLISH is one too, so that a message
 * whose receiver wants the layout in which it came in is never encoded at all.
 */
export interface PublishFrame {
  readonly bytes: Uint8Array;
  /** Offset of the fixed header. */
  readonly start: number;
  /** Offset of the payload, which reaches to `end`. */
  readonly payloadStart: number;
  readonly end: number;
  /** Offset of the two bytes of the packet identifier, or -1 in the layout of QoS 0. */
  readonly packetIdAt: number;
  /** Offset of the four bytes of the Message Expiry Interval, or -1. */
  readonly messageExpiryAt: number;
  /** Made when the frame is copied: a view of the packet, so that each further receiver costs one `set`. */
  whole?: Uint8Array | undefined;
}

/** The first byte of a PUBLISH (section 3.3.1). */
export function publishFirstByte(qos: QoS, retain: boolean, dup: boolean): number {
  return 0x30 | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
}

/**
 * Copies the whole packet to `target` at `at` and patches what differs between receivers.
 * @param packetId ignored in the layout of QoS 0.
 * @param messageExpiryInterval seconds; -1 leaves what is there, as does a layout without it.
 * @returns the offset behind the packet.
 * @throws RangeError when it does not fit; TypeError when the QoS in `firstByte` needs the other layout.
 */
export function copyPublishFrame(
  frame: PublishFrame,
  firstByte: number,
  packetId: number,
  messageExpiryInterval: number,
  target: Uint8Array,
  at: number,
): number {
  const { bytes, start, end } = frame;
  const length = end - start;
  checkCopy(frame, at + length, firstByte, target, at);
  if (frame.whole === undefined) frame.whole = copyBytes(bytes, start, end, target, at);
  else target.set(frame.whole, at);
  patch(frame, firstByte, packetId, messageExpiryInterval, target, at);
  return at + length;
}

/** The same up to the payload, for payloads that are too large to be copied and are written on their own. */
export function copyPublishHead(
  frame: PublishFrame,
  firstByte: number,
  packetId: number,
  messageExpiryInterval: number,
  target: Uint8Array,
  at: number,
): number {
  const { bytes, start, payloadStart } = frame;
  checkCopy(frame, at + payloadStart - start, firstByte, target, at);
  copyBytes(bytes, start, payloadStart, target, at);
  patch(frame, firstByte, packetId, messageExpiryInterval, target, at);
  return at + payloadStart - start;
}

function checkCopy(frame: PublishFrame, targetEnd: number, firstByte: number, target: Uint8Array, at: number): void {
  if (targetEnd > target.length || at < 0) throw new RangeError('the packet does not fit');
  if ((firstByte & 0x06) === 0 ? frame.packetIdAt >= 0 : frame.packetIdAt < 0) throw new TypeError('the layout is for another QoS');
}

function patch(
  frame: PublishFrame,
  firstByte: number,
  packetId: number,
  messageExpiryInterval: number,
  target: Uint8Array,
  at: number,
): void {
  const { start, packetIdAt, messageExpiryAt } = frame;
  target[at] = firstByte;
  if (packetIdAt >= 0) {
    if (!(packetId > 0 && packetId <= 0xffff)) throw new RangeError('Packet Identifier is not from 1 to 65,535');
    target[packetIdAt - start + at] = packetId >> 8;
    target[packetIdAt - start + at + 1] = packetId & 0xff;
  }
  if (messageExpiryInterval >= 0 && messageExpiryAt >= 0) {
    const expiryAt = messageExpiryAt - start + at;
    target[expiryAt] = messageExpiryInterval >>> 24;
    target[expiryAt + 1] = messageExpiryInterval >>> 16;
    target[expiryAt + 2] = messageExpiryInterval >>> 8;
    target[expiryAt + 3] = messageExpiryInterval;
  }
}

/** The same frame on bytes of its own, which outlive the chunk. */
export function ownFrame(frame: PublishFrame): PublishFrame {
  return moveFrame(frame, new Uint8Array(frame.end - frame.start), 0);
}

/** The same frame on `target[at, …)`, to which it is copied: several frames can share one array, and live as long as it. */
export function moveFrame(frame: PublishFrame, target: Uint8Array, at: number): PublishFrame {
  const { start, payloadStart, end, packetIdAt, messageExpiryAt } = frame;
  if (at < 0 || at + end - start > target.length) throw new RangeError('the packet does not fit');
  copyBytes(frame.bytes, start, end, target, at);
  const shift = at - start;
  return {
    bytes: target,
    start: at,
    payloadStart: payloadStart + shift,
    end: end + shift,
    packetIdAt: packetIdAt < 0 ? -1 : packetIdAt + shift,
    messageExpiryAt: messageExpiryAt < 0 ? -1 : messageExpiryAt + shift,
    whole: undefined,
  };
}
