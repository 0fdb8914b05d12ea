import {
  type AcknowledgementType,
  acknowledgementLengthMax,
  copyPublishFrame,
  copyPublishHead,
  encodeAcknowledgementInto,
  encodedLength,
  encodeInto,
  type Packet,
  type ProtocolVersion,
  type PublishFrame,
  ReasonCode,
} from '@si-mqtt/codec';
import { type AnswerPacket, type AnswerTerms, completeAnswer, largePacketBytes, type Output, type Session } from '@si-mqtt/session';
import { type Broker } from './broker.js';
import { HeldAcknowledgement, HeldControlPacket, HeldPackets, HeldPublish } from './held-packets.js';
import { type ByteStream } from './listeners/byte-stream.js';
import { largeBytes } from './send-buffer.js';

/** Bytes that were written and not yet sent above which a client gets no further PUBLISH until its socket has drained. */
const congestionBytes = 65_536;
/** What can wait before that is known: with TLS twice as much, and the buffer that is collected meanwhile. */
const uncongestedBytesMax = 3 * congestionBytes;

/** Packets that may wait for the journal before the client is not read any more. */
const heldPacketsMax = 10_000;

/** What one connection sends: packets are collected in a borrowed buffer, which is written once per event-loop turn. */
export class ConnectionOutput implements Output {
  writable = true;
  /** Of the client, as soon as its CONNECT says so. */
  protocolVersion: ProtocolVersion = 4;
  /** What its CONNECT says about Reason Strings and User Properties. */
  terms: AnswerTerms | undefined;
  /** Whose messages go out here, while the connection is open. */
  session: Session | undefined;
  private readonly broker: Broker;
  private readonly stream: ByteStream;
  /** Bytes of the largest PUBLISH since the socket was empty. */
  private publishBytesMax = 0;
  private buffer: Buffer | undefined;
  private used = 0;
  private isDirty = false;
  private pumpWanted = false;
  private isClosed = false;
  /** What waits for the journal. */
  private held: HeldPackets | undefined;

  constructor(broker: Broker, stream: ByteStream) {
    this.broker = broker;
    this.stream = stream;
  }

  sendPublish(frame: PublishFrame, firstByte: number, packetId: number, messageExpiryInterval: number): void {
    if (packetId !== 0 && this.held !== undefined) {
      this.held.add(new HeldPublish(frame, firstByte, packetId, messageExpiryInterval));
      return;
    }
    this.broker.counters.publishSent++;
    const length = frame.end - frame.start;
    if (length > this.publishBytesMax) this.publishBytesMax = length;
    if (length < largePacketBytes) {
      const at = this.reserve(length);
      this.used = copyPublishFrame(frame, firstByte, packetId, messageExpiryInterval, this.buffer!, at);
      return;
    }
    const at = this.reserve(frame.payloadStart - frame.start);
    this.used = copyPublishHead(frame, firstByte, packetId, messageExpiryInterval, this.buffer!, at);
    this.flush(frame.bytes.subarray(frame.payloadStart, frame.end));
  }

  sendAcknowledgement(type: AcknowledgementType, packetId: number, reasonCode: ReasonCode): void {
    if (this.held !== undefined) {
      this.held.add(new HeldAcknowledgement(type, packetId, reasonCode));
      return;
    }
    if (this.protocolVersion === 5 && (reasonCode >= ReasonCode.unspecifiedError || this.broker.answers.policy !== undefined)) {
      this.sendAnswer({ type, packetId, reasonCode });
      return;
    }
    const at = this.reserve(acknowledgementLengthMax);
    this.used = encodeAcknowledgementInto(type, packetId, reasonCode, this.protocolVersion, this.buffer!, at);
  }

  send(packet: Packet): void {
    if (this.held !== undefined) {
      this.held.add(new HeldControlPacket(packet));
      return;
    }
    const version = this.protocolVersion;
    const at = this.reserve(encodedLength(packet, version));
    this.used = encodeInto(packet, version, this.buffer!, at);
  }

  /** With what may be attached to it. False: the client takes no packet as large as this one, so that nothing was sent. */
  sendAnswer(packet: AnswerPacket): boolean {
    const complete = this.protocolVersion === 5 ? this.completeAnswer(packet, this.terms!) : packet;
    if (complete === undefined) return false;
    this.send(complete);
    return true;
  }

  /** A policy that throws, or says what no packet can say, costs nobody an acknowledgement. */
  private completeAnswer(packet: AnswerPacket, terms: AnswerTerms): AnswerPacket | undefined {
    const { answers, parts } = this.broker;
    if (answers.policy === undefined) return completeAnswer(packet, terms, answers);
    try {
      return completeAnswer(packet, terms, answers);
    } catch (error) {
      parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
      return completeAnswer(packet, terms, { ...answers, policy: undefined });
    }
  }

  hold(batch: number): void {
    if (this.held === undefined) {
      this.held = new HeldPackets();
      this.broker.journaling!.holds(this);
    }
    this.held.batch = batch;
  }

  whenCommitted(batch: number, call: () => void): void {
    this.broker.journaling!.whenCommitted(batch, () => {
      if (!this.isClosed) call();
    });
  }

  /** The batch that the last of what is held back waits for; 0: nothing is. */
  get heldBatch(): number {
    return this.held?.batch ?? 0;
  }

  /** So much is held back that nothing more should be read that is answered. */
  get holdsTooMuch(): boolean {
    return this.held !== undefined && this.held.length > heldPacketsMax;
  }

  /** Lets go what waited for batches up to this one. False: more waits. */
  release(committedBatch: number): boolean {
    const { held } = this;
    if (held === undefined) return true;
    this.held = undefined;
    if (held.sendTo(this, committedBatch)) return true;
    this.held = held;
    return false;
  }

  /** What is held back will never be sent. */
  dropHeld(): void {
    this.held = undefined;
  }

  /** The PUBACK or PUBREC that is held back says no instead. False: there is none. */
  refuse(packetId: number, reasonCode: ReasonCode): boolean {
    return this.held?.refuse(packetId, reasonCode) === true;
  }

  /** A publication that the journal does not take must not be sent. True: it had not been. */
  revoke(packetId: number): boolean {
    return this.held?.revoke(packetId) === true;
  }

  /** Bytes that are a packet already. */
  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer!.set(bytes, at);
    this.used = at + bytes.length;
  }

  requestPump(): void {
    if (this.pumpWanted) return;
    this.pumpWanted = true;
    this.broker.pumpLater(this);
  }

  pump(): void {
    this.pumpWanted = false;
    this.session?.outbound.pump();
  }

  /** The socket has sent everything. */
  drained(): void {
    this.writable = true;
    this.publishBytesMax = 0;
    this.pump();
  }

  /** Writes what was collected, and what follows it; called by the broker at the end of a turn. */
  flush(following?: Uint8Array): void {
    this.isDirty = false;
    const { buffer, used } = this;
    if (buffer === undefined) return;
    this.buffer = undefined;
    this.used = 0;
    // Behind bytes that wait it would wait too, and hold much more than it needs.
    const isCopied = 2 * used < buffer.length && this.stream.pendingBytes > 0;
    if (used > 0 && !this.isClosed) this.writeOut(isCopied ? Buffer.from(buffer.subarray(0, used)) : buffer.subarray(0, used), following);
    // What the kernel took at once can be used again; otherwise the stream holds the buffer.
    if (isCopied || this.stream.pendingBytes === 0) this.broker.buffers.give(buffer);
  }

  /** The stream is gone, and with it what was not written. */
  closed(): void {
    this.isClosed = true;
    this.held = undefined;
    const { buffer } = this;
    this.buffer = undefined;
    this.used = 0;
    if (buffer !== undefined) this.broker.buffers.give(buffer);
  }

  /** Makes room for `length` more bytes and returns where they begin. */
  private reserve(length: number): number {
    const { buffer } = this;
    if (buffer !== undefined && this.used + length <= buffer.length) {
      if (!this.isDirty) this.markDirty();
      return this.used;
    }
    const used = this.used;
    if (buffer !== undefined && used + length <= largeBytes) {
      const larger = this.broker.buffers.take(largeBytes);
      buffer.copy(larger, 0, 0, used);
      this.broker.buffers.give(buffer);
      this.buffer = larger;
    } else {
      if (buffer !== undefined) this.flush();
      this.buffer = this.broker.buffers.take(length);
    }
    if (!this.isDirty) this.markDirty();
    return this.used;
  }

  private markDirty(): void {
    this.isDirty = true;
    this.broker.flushLater(this);
  }

  private writeOut(bytes: Uint8Array, following: Uint8Array | undefined): void {
    this.broker.counters.bytesSent += bytes.length + (following?.length ?? 0);
    if (this.stream.write(bytes, following)) return;
    const { pendingBytes } = this.stream;
    this.writable = pendingBytes <= congestionBytes;
    // A socket that has not drained gets no further PUBLISH: what is more than the last of them and those before it are acknowledgements and
    // control packets alone.
    const publications = this.publishBytesMax + uncongestedBytesMax;
    if (pendingBytes > this.broker.settings.outgoingBytesPerConnectionMax + publications) {
      this.broker.counters.slowConnectionsClosed++;
      this.stream.destroy();
    }
  }
}
