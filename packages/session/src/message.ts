import {
  type DecodedPublish,
  moveFrame,
  ownFrame,
  type ProtocolVersion,
  type PublishFrame,
  type PublishProperties,
  publishFrame,
  type QoS,
} from '@si-mqtt/codec';
import { FrameSlab } from './frame-slab.js';

/** Who published. A session is one; so is the broker itself, with an empty client id. */
export interface Publisher {
  readonly clientId: string;
  readonly userName: string | undefined;
}

/** What a message is made from when it does not come from a PUBLISH packet: wills, `$SYS`, the library's own publications, stored messages. */
export interface MessageContent {
  readonly topicName: string;
  /** Owned by the message from now on. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Without Topic Alias and Subscription Identifiers, which belong to one connection. */
  readonly properties?: PublishProperties;
}

/** A frame of one connection's own: with its alias, or with the identifiers of the subscriptions that matched. */
interface ParticularFrame {
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly topicAlias: number;
  readonly withTopicName: boolean;
  readonly withPacketId: boolean;
  readonly frame: PublishFrame;
}

const layoutCount = 4;

function layoutOf(protocolVersion: ProtocolVersion, withPacketId: boolean): number {
  return (protocolVersion === 5 ? 2 : 0) + (withPacketId ? 1 : 0);
}

/** Where a message's bytes are: in the chunk that was read, in a slab with those of many others, or where they may stay. */
const Place = { chunk: 0, slab: 1, own: 2 } as const;
type Place = (typeof Place)[keyof typeof Place];

/** Of all messages: a frame is made within one call. */
const briefFrameBytesMax = 2048;
const slab = new FrameSlab(16_384, briefFrameBytesMax);
/**
 * For what is kept. An array above 64 bytes lies outside of V8's heap and takes 300 bytes more than it has; so the last frame of a slab of 1 KiB
 * holds hardly more than an array of its own would.
 */
const lastingFrameBytesMax = 256;
const lastingSlab = new FrameSlab(1024, lastingFrameBytesMax);

/**
 * What is in the broker: one application message with its topic name resolved. Made once from a PUBLISH packet, and encoded at most once per
 * layout however many sessions it is delivered to. As long as `keep` was not called its bytes are a view into the chunk that was read.
 */
export class Message {
  readonly topicName: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
  readonly publisher: Publisher;
  /** Wall clock, milliseconds. */
  readonly receivedAt: number;
  /** Wall clock, milliseconds; Infinity without a Message Expiry Interval. */
  readonly expiresAt: number;
  /** Position in the log of the node that took it, once there is one; globally unique. */
  origin: bigint | undefined;
  /** Under which its publisher's acknowledgement waits for the journal; 0: none does. */
  packetId: number;
  private place: Place;
  private payloadBytes: Uint8Array | undefined;
  private frames: (PublishFrame | undefined)[] | undefined;
  private source: PublishFrame | undefined;
  private sourceLayout: number;
  private particular: ParticularFrame | undefined;

  private constructor(content: Omit<MessageContent, 'payload'>, publisher: Publisher, receivedAt: number) {
    this.topicName = content.topicName;
    this.qos = content.qos;
    this.retain = content.retain;
    const properties = content.properties;
    this.properties = properties;
    this.publisher = publisher;
    this.receivedAt = receivedAt;
    this.expiresAt = properties?.messageExpiryInterval === undefined ? Infinity : receivedAt + properties.messageExpiryInterval * 1000;
    this.origin = undefined;
    this.packetId = 0;
    this.place = Place.own;
    this.payloadBytes = undefined;
    this.frames = undefined;
    this.source = undefined;
    this.sourceLayout = -1;
    this.particular = undefined;
  }

  /** A message that owns its payload. */
  static of(content: MessageContent, publisher: Publisher, receivedAt: number): Message {
    const message = new Message(content, publisher, receivedAt);
    message.payloadBytes = content.payload;
    return message;
  }

  /** A message on the bytes of a packet that was just read; `topicName` is resolved, `properties` are without alias. */
  static ofPacket(
    packet: DecodedPublish,
    topicName: string,
    properties: PublishProperties | undefined,
    protocolVersion: ProtocolVersion,
    publisher: Publisher,
    receivedAt: number,
  ): Message {
    const message = new Message({ topicName, qos: packet.qos, retain: packet.retain, properties }, publisher, receivedAt);
    if (!packet.ownsBytes) message.place = Place.chunk;
    if (packet.forwardable && properties === packet.properties) {
      message.source = packet;
      message.sourceLayout = layoutOf(protocolVersion, packet.qos > 0);
    } else {
      message.payloadBytes = packet.payload;
    }
    return message;
  }

  /** The application message; a view that is valid until the read callback returns unless the message was kept. */
  get payload(): Uint8Array {
    const source = this.source;
    return this.payloadBytes ?? source!.bytes.subarray(source!.payloadStart, source!.end);
  }

  get payloadLength(): number {
    const source = this.source;
    return this.payloadBytes?.length ?? source!.end - source!.payloadStart;
  }

  /** Bytes that keeping this message costs, for queue limits: topic name, payload and a share for its objects and properties. */
  get size(): number {
    return this.topicName.length + this.payloadLength + (this.properties === undefined ? 100 : 300);
  }

  /** Copies the bytes out of the chunk that was read, once. Everybody who holds a message beyond the current call keeps it. */
  keep(): this {
    if (this.place !== Place.own) this.own();
    return this;
  }

  /** The same for a message that is likely to be finished soon: until `keep` its bytes are in a slab, which it holds alive. */
  keepBriefly(): this {
    if (this.place !== Place.chunk) return this;
    const { source } = this;
    if (source === undefined || source.end - source.start > briefFrameBytesMax) {
      this.own();
    } else {
      this.source = inSlab(source, slab);
      this.place = Place.slab;
    }
    return this;
  }

  private own(): void {
    this.place = Place.own;
    // They may hold slabs.
    this.frames = undefined;
    this.particular = undefined;
    if (this.source !== undefined) {
      const { start, end } = this.source;
      this.source = end - start > lastingFrameBytesMax ? ownFrame(this.source) : inSlab(this.source, lastingSlab);
    } else if (this.payloadBytes !== undefined) {
      this.payloadBytes = this.payloadBytes.slice();
    }
  }

  isExpired(now: number): boolean {
    return this.expiresAt <= now;
  }

  /** Seconds left of the Message Expiry Interval, at least 1; -1 when nothing has to be patched [MQTT-3.3.2-6]. */
  remainingExpiry(now: number): number {
    if (this.expiresAt === Infinity) return -1;
    const waited = Math.floor((now - this.receivedAt) / 1000);
    const remaining = this.properties!.messageExpiryInterval! - waited;
    return remaining < 1 ? 1 : remaining;
  }

  /** The bytes for receivers of this version that need neither alias nor identifiers; encoded on first use. */
  frame(protocolVersion: ProtocolVersion, withPacketId: boolean): PublishFrame {
    const layout = layoutOf(protocolVersion, withPacketId);
    if (layout === this.sourceLayout) return this.source!;
    const frames = (this.frames ??= new Array<PublishFrame | undefined>(layoutCount).fill(undefined));
    return (frames[layout] ??= publishFrame(
      protocolVersion,
      { topicName: this.topicName, payload: this.payload, properties: this.properties },
      withPacketId,
      this.room,
    ));
  }

  /** Where its encoded copies go, which live as long as it does. */
  private get room(): FrameSlab {
    return this.place === Place.own ? lastingSlab : slab;
  }

  /**
   * The bytes for a 5.0 receiver whose copy carries a topic alias (0 for none) or subscription identifiers. The last such frame is
   * remembered, because subscribers of one topic tend to have the same alias and identifiers.
   */
  particularFrame(
    withPacketId: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    topicAlias: number,
    withTopicName: boolean,
  ): PublishFrame {
    const last = this.particular;
    if (
      last !== undefined &&
      last.topicAlias === topicAlias &&
      last.withTopicName === withTopicName &&
      last.withPacketId === withPacketId &&
      sameNumbers(last.subscriptionIdentifiers, subscriptionIdentifiers)
    ) {
      return last.frame;
    }
    const properties: PublishProperties = { ...this.properties };
    if (topicAlias > 0) properties.topicAlias = topicAlias;
    if (subscriptionIdentifiers !== undefined) properties.subscriptionIdentifiers = subscriptionIdentifiers;
    const content = { topicName: withTopicName ? this.topicName : '', payload: this.payload, properties };
    const frame = publishFrame(5, content, withPacketId, this.room);
    this.particular = { subscriptionIdentifiers, topicAlias, withTopicName, withPacketId, frame };
    return frame;
  }
}

function inSlab(frame: PublishFrame, room: FrameSlab): PublishFrame {
  const at = room.take(frame.end - frame.start);
  return moveFrame(frame, room.bytes, at);
}

function sameNumbers(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((value, index) => value === b[index]);
}
