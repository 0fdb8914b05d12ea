/** The few MQTT packets that the generator sends, made once; only packet identifiers and payload headers are written for each message. */

const KEEP_ALIVE_SECONDS = 300;
const CONNECT = 0x10;
const PUBLISH = 0x30;
const SUBSCRIBE = 0x82;
const DISCONNECT = 0xe0;

export type ProtocolVersion = 4 | 5;

/** Length prefix of two bytes, and the text. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

function variableByteInteger(value: number): Buffer {
  const bytes = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

function packet(firstByte: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([firstByte]), variableByteInteger(body.length), body]);
}

const noProperties = (version: ProtocolVersion): Buffer => Buffer.alloc(version === 5 ? 1 : 0);

/** @param sessionExpiryInterval in seconds; 0: a clean session, or a clean start */
export function connectPacket(clientId: string, version: ProtocolVersion, sessionExpiryInterval: number): Buffer {
  const isPersistent = sessionExpiryInterval > 0;
  const flags = Buffer.from([version, isPersistent ? 0 : 0x02, KEEP_ALIVE_SECONDS >> 8, KEEP_ALIVE_SECONDS & 0xff]);
  const properties = isPersistent && version === 5 ? Buffer.from([5, 0x11, 0, 0, 0, 0]) : noProperties(version);
  if (properties.length > 1) properties.writeUInt32BE(sessionExpiryInterval, 2);
  return packet(CONNECT, text('MQTT'), flags, properties, text(clientId));
}

export function subscribePacket(topicFilters: readonly string[], qos: number, version: ProtocolVersion): Buffer {
  const filters = topicFilters.flatMap((filter) => [text(filter), Buffer.from([qos])]);
  return packet(SUBSCRIBE, Buffer.from([0, 1]), noProperties(version), ...filters);
}

export const disconnectPacket: Buffer = packet(DISCONNECT);

/** Message Expiry Interval, Content Type, Response Topic, Correlation Data and one User Property. */
function publishProperties(): Buffer {
  const body = Buffer.concat([
    Buffer.from([0x02, 0, 0, 0x0e, 0x10]),
    Buffer.from([0x03]),
    text('application/json'),
    Buffer.from([0x08]),
    text('bench/answers/1'),
    Buffer.from([0x09]),
    text('correlat'),
    Buffer.from([0x26]),
    text('trace'),
    text('4bf92f3577b34da6'),
  ]);
  return Buffer.concat([variableByteInteger(body.length), body]);
}

/** PUBLISH packets of one length, one behind the other. */
export interface PublishBurst {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** How many bytes one packet takes. */
  readonly packetBytes: number;
  /** Where the topic name ends, in a packet. */
  readonly topicEnd: number;
  /** Where the packet identifier stands; meaningful above QoS 0. */
  readonly packetIdOffset: number;
  /** Where the payload begins. */
  readonly payloadOffset: number;
}

export interface PublishContent {
  readonly topicName: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain?: boolean;
  readonly version: ProtocolVersion;
  readonly properties: boolean;
}

export function publishBurst({ topicName, payload, qos, retain, version, properties }: PublishContent, count: number): PublishBurst {
  const topic = text(topicName);
  const packetId = Buffer.alloc(qos > 0 ? 2 : 0);
  const propertyBytes = properties && version === 5 ? publishProperties() : noProperties(version);
  const one = packet(PUBLISH | (qos << 1) | (retain ? 1 : 0), topic, packetId, propertyBytes, payload);
  // Of its own: a view must not reach into Node's pool of small buffers.
  const bytes = Buffer.from(new ArrayBuffer(one.length * count));
  for (let i = 0; i < count; i++) one.copy(bytes, i * one.length);
  const payloadOffset = one.length - payload.length;
  const packetIdOffset = payloadOffset - propertyBytes.length - packetId.length;
  return { bytes, view: new DataView(bytes.buffer), packetBytes: one.length, topicEnd: packetIdOffset, packetIdOffset, payloadOffset };
}
