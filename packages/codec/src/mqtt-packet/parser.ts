import { Decoder } from '../decoder.js';
import { type Sender } from '../decoder-options.js';
import { acceptedFirstBytes, PacketType, refuseFirstByte, remainingLengthMax } from '../fixed-header.js';
import { type Packet as CodecPacket, type ProtocolVersion } from '../packets.js';
import { Emitter, type Listener } from './emitter.js';
import { type Frame, FrameBuffer } from './frame-buffer.js';
import { fromCodec, type ParserSettings } from './from-codec.js';
import { type Packet } from './packet.js';

/** Emits `packet` for each packet and `error` for a breach of the protocol. */
export interface Parser extends Emitter {
  on(event: 'packet', listener: (packet: Packet) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: string | symbol, listener: Listener): this;
  /**
   * Takes bytes, emits the packets that are complete now, and returns how many bytes are left to parse.
   * After an `error` nothing more is emitted; the next call starts anew, without what was left.
   */
  parse(chunk: Uint8Array): number;
}

/** The largest packet that MQTT can express: mqtt-packet has no limit of its own, and MQTT.js applies its own after parsing. */
const maximumPacketSize = 5 + remainingLengthMax;

const fromClient: readonly number[] = [PacketType.connect, PacketType.subscribe, PacketType.unsubscribe, PacketType.pingreq];
const fromServer: readonly number[] = [PacketType.connack, PacketType.suback, PacketType.unsuback, PacketType.pingresp];

/** Who sends packets of this type; undefined where both do. */
function senderOf(firstByte: number, protocolVersion: ProtocolVersion): Sender | undefined {
  const type = firstByte >> 4;
  if (fromClient.includes(type) || (type === PacketType.disconnect && protocolVersion !== 5)) return 'client';
  return fromServer.includes(type) ? 'server' : undefined;
}

class MqttPacketParser extends Emitter implements Parser {
  /** The error that stopped the parser; undefined while it runs. */
  error: Error | undefined;
  readonly #frames = new FrameBuffer();
  #settings: ParserSettings;
  /** Who is at the other end, once a packet has shown it. */
  #sender: Sender | undefined;
  /** Made for the current settings when first needed. */
  readonly #decoders = new Map<Sender, Decoder>();
  readonly #receiver = { receive: (packet: CodecPacket): void => void (this.#decoded = packet) };
  #decoded: CodecPacket | undefined;

  constructor(settings: ParserSettings) {
    super();
    this.#settings = settings;
  }

  parse(chunk: Uint8Array): number {
    if (this.error !== undefined) {
      this.error = undefined;
      this.#frames.clear();
    }
    this.#frames.append(chunk);
    for (;;) {
      const packet = this.#next();
      if (packet === undefined) return this.#frames.unparsedLength;
      this.emit('packet', packet);
    }
  }

  /** The next packet; undefined when it is incomplete and when an error stops the parser. */
  #next(): Packet | undefined {
    if (this.error !== undefined) return undefined;
    try {
      const firstByte = this.#frames.firstByte;
      if (firstByte === undefined) return undefined;
      const senders = this.#sendersOf(firstByte);
      this.#checkFirstByte(firstByte, senders);
      const frame = this.#frames.take();
      return frame === undefined ? undefined : this.#decode(frame, senders);
    } catch (error) {
      this.error = error as Error;
      this.emit('error', error);
      return undefined;
    }
  }

  /** From whom a packet may come. Until one has shown the direction, either is tried: what differs are a few properties and reason codes. */
  #sendersOf(firstByte: number): readonly Sender[] {
    const sender = senderOf(firstByte, this.#settings.protocolVersion) ?? this.#sender;
    return sender === undefined ? ['server', 'client'] : [sender];
  }

  /** Refuses what the first byte betrays before the rest is collected. */
  #checkFirstByte(firstByte: number, senders: readonly Sender[]): void {
    // A decoder that knows its version takes every CONNECT for a second one. Here each one begins anew, as in mqtt-packet.
    const version = firstByte >> 4 === PacketType.connect ? undefined : this.#settings.protocolVersion;
    const [first] = senders;
    if (senders.every((sender) => acceptedFirstBytes(sender, version)[firstByte] === 0)) refuseFirstByte(firstByte, first, version);
  }

  #decode(frame: Frame, senders: readonly Sender[]): Packet {
    const [first, second] = senders;
    if (frame.bytes[0] >> 4 === PacketType.connect) return this.#decodeConnect(frame);
    let decoded: CodecPacket;
    try {
      decoded = this.#decodeFrom(first, frame.bytes);
    } catch (error) {
      if (second === undefined) throw error;
      decoded = this.#decodeFrom(second, frame.bytes);
    }
    this.#sender ??= senderOf(frame.bytes[0], this.#settings.protocolVersion);
    return fromCodec(decoded, frame, this.#settings);
  }

  #decodeConnect(frame: Frame): Packet {
    new Decoder(this.#receiver, { from: 'client', maximumPacketSize }).push(frame.bytes);
    const decoded = this.#takeDecoded();
    if (decoded.type === 'connect') this.#settings = { protocolVersion: decoded.protocolVersion, bridgeMode: decoded.bridge ?? false };
    this.#sender = 'client';
    this.#decoders.clear();
    return fromCodec(decoded, frame, this.#settings);
  }

  #decodeFrom(sender: Sender, bytes: Uint8Array): CodecPacket {
    let decoder = this.#decoders.get(sender);
    if (decoder === undefined) {
      decoder = new Decoder(this.#receiver, { from: sender, maximumPacketSize, protocolVersion: this.#settings.protocolVersion });
      this.#decoders.set(sender, decoder);
    }
    try {
      decoder.push(bytes);
    } catch (error) {
      // It has stopped; the next packet gets a new one.
      this.#decoders.delete(sender);
      throw error;
    }
    return this.#takeDecoded();
  }

  #takeDecoded(): CodecPacket {
    const decoded = this.#decoded;
    this.#decoded = undefined;
    if (decoded === undefined) throw new Error('a whole frame gave no packet');
    return decoded;
  }
}

/**
 * A parser for both directions.
 * @param options `protocolVersion` of the connection, 3, 4 or 5 (4 when absent); a CONNECT that is parsed overrides it.
 */
export function parser(options?: object): Parser {
  const { protocolVersion, bridgeMode } = (options ?? {}) as { protocolVersion?: unknown; bridgeMode?: unknown };
  return new MqttPacketParser({
    protocolVersion: protocolVersion === 3 || protocolVersion === 5 ? protocolVersion : 4,
    bridgeMode: Boolean(bridgeMode),
  });
}
