import { decodeAcknowledgement } from './decode/acknowledgement.js';
import { decodeConnack, decodeConnect } from './decode/connect.js';
import { decodeAuth, decodeDisconnect } from './decode/disconnect.js';
import { DecodedPublish, decodePublish } from './decode/publish.js';
import { decodeSuback, decodeSubscribe, decodeUnsuback, decodeUnsubscribe } from './decode/subscribe.js';
import { type DecoderOptions } from './decoder-options.js';
import { acceptedFirstBytes, PacketType, packetName, refuseFirstByte } from './fixed-header.js';
import { KeptBytes } from './kept-bytes.js';
import { type Packet, type PingreqPacket, type PingrespPacket, type ProtocolVersion } from './packets.js';
import { malformed, ProtocolError } from './protocol-error.js';
import { Reader } from './reader.js';
import { ReasonCode } from './reason-codes.js';

export interface PacketReceiver {
  /**
   * Called once per packet, in their order, inside `push` or `resume`. Payloads are valid until it returns. It may call `pause`, `resume` and
   * `stop`. What it throws comes out of `push`, and the decoder has then stopped.
   */
  receive(packet: Packet): void;
}

const pingreq: PingreqPacket = Object.freeze({ type: 'pingreq' });
const pingresp: PingrespPacket = Object.freeze({ type: 'pingresp' });

/** Decoding is synchronous and over before the receiver is called, so that one cursor serves all decoders (and holds the last chunk that it read). */
const reader = new Reader();

const incomplete = -1;

/** Bytes of one connection to packets. Chunks may be cut anywhere. It owns no buffer unless a packet is incomplete or it is paused. */
export class Decoder {
  /** Bytes of a whole packet; may be changed between packets. */
  maximumPacketSize: number;
  private readonly receiver: PacketReceiver;
  private readonly options: DecoderOptions;
  private version: ProtocolVersion | undefined;
  private accepted: Uint8Array;
  private isPaused = false;
  private isStopped = false;
  private isDelivering = false;
  private kept: KeptBytes | undefined = undefined;

  constructor(receiver: PacketReceiver, options: DecoderOptions) {
    this.receiver = receiver;
    this.options = options;
    this.maximumPacketSize = options.maximumPacketSize;
    this.version = options.protocolVersion;
    this.accepted = acceptedFirstBytes(options.from, options.protocolVersion);
  }

  /** Undefined until CONNECT has told it. */
  get protocolVersion(): ProtocolVersion | undefined {
    return this.version;
  }

  set protocolVersion(protocolVersion: ProtocolVersion | undefined) {
    this.version = protocolVersion;
    this.accepted = acceptedFirstBytes(this.options.from, protocolVersion);
  }

  get paused(): boolean {
    return this.isPaused;
  }

  /** Bytes held: of an incomplete packet, and all that came in while paused. */
  get bufferedBytes(): number {
    return this.kept?.length ?? 0;
  }

  /**
   * Takes the next bytes of the stream and delivers what they complete. The chunk may be reused as soon as it returns.
   * @param length how many bytes of the chunk belong to the stream, if it has room for more: a buffer that is read into needs no view for each read.
   * @throws ProtocolError on a breach; the decoder then holds nothing and ignores whatever else is pushed.
   */
  push(chunk: Uint8Array, length: number = chunk.length): void {
    if (this.isStopped || length === 0) return;
    if (this.isPaused || this.isDelivering) {
      if (this.kept === undefined) this.kept = new KeptBytes(chunk, 0, length, 0);
      else this.kept.append(chunk, 0, length, 0);
      return;
    }
    this.isDelivering = true;
    try {
      this.take(chunk, length);
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      this.isDelivering = false;
    }
  }

  /** Delivers nothing more until `resume`, except that the current call to `receive` goes on. */
  pause(): void {
    this.isPaused = true;
  }

  /** Delivers what has come in since `pause`, before anything that is pushed later. Throws what `push` throws. */
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (this.isDelivering || this.kept === undefined) return; // The delivery that is under way goes on.
    this.isDelivering = true;
    try {
      this.deliverKept();
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      this.isDelivering = false;
    }
  }

  /** Drops what is held and ignores all that comes, as after DISCONNECT. */
  stop(): void {
    this.isStopped = true;
    this.kept = undefined;
  }

  private take(chunk: Uint8Array, length: number): void {
    let at = this.kept === undefined ? 0 : this.completeKept(chunk, length, this.kept);
    at = this.deliver(chunk, at, length);
    if (this.isStopped) return;
    // Still set only while its packet is incomplete and the chunk is used up, or when the receiver itself has pushed.
    const later = this.kept;
    if (at < length) {
      this.kept = new KeptBytes(chunk, at, length, this.lengthWanted(chunk, at, length));
      if (later !== undefined) this.kept.append(later.bytes, later.start, later.end, 0);
    }
    if (later !== undefined) this.deliverKept();
  }

  /** Delivers the packets that are complete in `bytes[at, end)`. Returns where the first one begins that is not, or that was not wanted any more. */
  private deliver(bytes: Uint8Array, at: number, end: number): number {
    let start = at;
    while (start < end && !this.isPaused && !this.isStopped) {
      const packetEnd = this.packetEnd(bytes, start, end);
      if (packetEnd === incomplete || packetEnd > end) return start;
      const packet = this.decode(bytes, start, packetEnd);
      start = packetEnd;
      this.receiver.receive(packet);
    }
    return start;
  }

  /** Where the packet at `start` ends, which may be beyond `end`; `incomplete` while its fixed header is. Refuses what the fixed header alone betrays. */
  private packetEnd(bytes: Uint8Array, start: number, end: number): number {
    const firstByte = bytes[start];
    if (this.accepted[firstByte] === 0) refuseFirstByte(firstByte, this.options.from, this.version);
    let at = start + 1;
    if (at >= end) return incomplete;
    let byte = bytes[at++];
    let length = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift === 28) throw malformed('Remaining Length takes more than four bytes');
      if (at >= end) return incomplete;
      byte = bytes[at++]!;
      if (byte === 0) throw malformed('Remaining Length takes more bytes than it needs'); // [MQTT-1.5.5-1]
      length |= (byte & 0x7f) << shift;
    }
    const packetEnd = at + length;
    if (packetEnd - start > this.maximumPacketSize) {
      throw new ProtocolError(
        ReasonCode.packetTooLarge,
        `${packetName(firstByte)} of ${packetEnd - start} bytes, limit ${this.maximumPacketSize}`,
      );
    }
    return packetEnd;
  }

  /** The complete packet `bytes[start, end)`. */
  private decode(bytes: Uint8Array, start: number, end: number): Packet {
    let at = start + 2;
    while (bytes[at - 1] >= 0x80) at += 1; // The Remaining Length is known to be right.
    const type = bytes[start] >> 4;
    if (type === PacketType.publish) return decodePublish(bytes, start, at, end, reader, this.version!, this.options);
    reader.reset(bytes, at, end);
    return this.decodeBody(type);
  }

  private decodeBody(type: number): Packet {
    const options = this.options;
    const version = this.version!; // Only CONNECT comes without one.
    switch (type) {
      case PacketType.connect:
        return this.connected(decodeConnect(reader, options));
      case PacketType.connack:
        return decodeConnack(reader, version, options);
      case PacketType.puback:
        return decodeAcknowledgement('puback', reader, version, options);
      case PacketType.pubrec:
        return decodeAcknowledgement('pubrec', reader, version, options);
      case PacketType.pubrel:
        return decodeAcknowledgement('pubrel', reader, version, options);
      case PacketType.pubcomp:
        return decodeAcknowledgement('pubcomp', reader, version, options);
      case PacketType.subscribe:
        return decodeSubscribe(reader, version, options);
      case PacketType.suback:
        return decodeSuback(reader, version, options);
      case PacketType.unsubscribe:
        return decodeUnsubscribe(reader, version, options);
      case PacketType.unsuback:
        return decodeUnsuback(reader, version, options);
      case PacketType.pingreq:
        reader.expectEnd('PINGREQ');
        return pingreq;
      case PacketType.pingresp:
        reader.expectEnd('PINGRESP');
        return pingresp;
      case PacketType.disconnect:
        return decodeDisconnect(reader, version, options);
      case PacketType.auth:
        return decodeAuth(reader, options);
      default:
        throw malformed(`packet type ${type}`);
    }
  }

  private connected<Connect extends { protocolVersion: ProtocolVersion }>(packet: Connect): Connect {
    this.protocolVersion = packet.protocolVersion;
    return packet;
  }

  /** Fills up the one packet that is kept, and delivers it when it is complete. Returns how much of the chunk was taken. */
  private completeKept(chunk: Uint8Array, length: number, kept: KeptBytes): number {
    let at = 0;
    let packetEnd = this.packetEnd(kept.bytes, kept.start, kept.end);
    while (at < length) {
      const isHeaderKnown = packetEnd !== incomplete;
      // A fixed header is completed byte by byte, at most four times.
      const taken = isHeaderKnown ? Math.min(packetEnd - kept.end, length - at) : 1;
      kept.append(chunk, at, at + taken, isHeaderKnown ? packetEnd - kept.start : 0);
      at += taken;
      packetEnd = this.packetEnd(kept.bytes, kept.start, kept.end);
      if (packetEnd === kept.end) {
        this.kept = undefined;
        const packet = this.decode(kept.bytes, kept.start, kept.end);
        if (packet instanceof DecodedPublish) packet.ownsBytes = kept.isWhole;
        this.receiver.receive(packet);
        return at;
      }
    }
    return at;
  }

  /** Of the packet at `start`, 0 if it is unknown. A pause looks at nothing: what is wrong with a packet is said when its turn comes. */
  private lengthWanted(chunk: Uint8Array, start: number, end: number): number {
    if (this.isPaused) return 0;
    const packetEnd = this.packetEnd(chunk, start, end);
    return packetEnd === incomplete ? 0 : packetEnd - start;
  }

  /** What came in during a pause, any number of packets; and what the receiver itself pushed meanwhile, which comes after it. */
  private deliverKept(): void {
    while (!this.isPaused && !this.isStopped) {
      const kept = this.takeKept();
      if (kept === undefined) return;
      kept.start = this.deliver(kept.bytes, kept.start, kept.end);
      if (this.isStopped) return;
      if (kept.length === 0) continue;
      const later = this.takeKept();
      this.kept = kept;
      if (later === undefined) return;
      kept.append(later.bytes, later.start, later.end, 0);
    }
  }

  private takeKept(): KeptBytes | undefined {
    const kept = this.kept;
    this.kept = undefined;
    return kept;
  }
}
