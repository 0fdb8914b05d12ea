import { type Packet as CodecPacket, type ProtocolVersion, type QoS, type SubscriptionRequest, type Will } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { type PacketCmd } from './packet.js';
import { toCodecProperties } from './properties.js';
import { bytesOf, textOf } from './text.js';

/** What callers in JavaScript may really hand over: every field can be anything. */
interface Unchecked {
  readonly cmd?: unknown;
  readonly messageId?: unknown;
  readonly properties?: unknown;
  readonly reasonCode?: unknown;
  readonly returnCode?: unknown;
  readonly sessionPresent?: unknown;
  readonly topic?: unknown;
  readonly payload?: unknown;
  readonly qos?: unknown;
  readonly dup?: unknown;
  readonly retain?: unknown;
  readonly subscriptions?: unknown;
  readonly unsubscriptions?: unknown;
  readonly granted?: unknown;
  readonly nl?: unknown;
  readonly rap?: unknown;
  readonly rh?: unknown;
  readonly protocolId?: unknown;
  readonly protocolVersion?: unknown;
  readonly bridgeMode?: unknown;
  readonly clean?: unknown;
  readonly keepalive?: unknown;
  readonly clientId?: unknown;
  readonly will?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
}

const empty = new Uint8Array(0);

const propertyLists: Readonly<Partial<Record<PacketCmd, PropertyList>>> = {
  connect: PropertyList.connect,
  connack: PropertyList.connack,
  publish: PropertyList.publish,
  puback: PropertyList.acknowledgement,
  pubrec: PropertyList.acknowledgement,
  pubrel: PropertyList.acknowledgement,
  pubcomp: PropertyList.acknowledgement,
  subscribe: PropertyList.subscribe,
  suback: PropertyList.acknowledgement,
  unsubscribe: PropertyList.unsubscribe,
  unsuback: PropertyList.acknowledgement,
  disconnect: PropertyList.disconnect,
  auth: PropertyList.auth,
};

/**
 * A packet in the shape of mqtt-packet, in that of the codec. Types are checked here, values by the encoder.
 * @throws Error whose message names the field.
 */
export function toCodec(packet: object, version: ProtocolVersion): CodecPacket {
  const fields: Unchecked = packet;
  const type = fields.cmd as PacketCmd;
  const list = propertyLists[type];
  const properties = version === 5 && list !== undefined ? toCodecProperties(fields.properties, list) : undefined;
  switch (type) {
    case 'connect':
      return connect(fields, version, properties);
    case 'connack':
      return { type, sessionPresent: Boolean(fields.sessionPresent), reasonCode: connackCode(fields, version), properties };
    case 'publish':
      return publish(fields, properties);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { type, packetId: packetId(fields), reasonCode: reasonCode(fields, version), properties };
    case 'subscribe':
      return { type, packetId: packetId(fields), subscriptions: subscriptions(fields, version), properties };
    case 'suback':
      return { type, packetId: packetId(fields), reasonCodes: granted(fields), properties };
    case 'unsubscribe':
      return { type, packetId: packetId(fields), topicFilters: unsubscriptions(fields), properties };
    case 'unsuback':
      return { type, packetId: packetId(fields), reasonCodes: version === 5 ? granted(fields) : [], properties };
    case 'pingreq':
    case 'pingresp':
      return { type };
    case 'disconnect':
      return { type, reasonCode: reasonCode(fields, version), properties };
    case 'auth':
      if (version !== 5) throw new Error('Invalid mqtt version for auth packet');
      return { type, reasonCode: reasonCode(fields, version), properties };
    default:
      throw new Error('Unknown command');
  }
}

function connect(fields: Unchecked, version: ProtocolVersion, properties: Record<string, unknown> | undefined): CodecPacket {
  const protocolId = version === 3 ? 'MQIsdp' : 'MQTT';
  if (fields.protocolId && text(fields.protocolId, 'protocolId') !== protocolId) throw new Error('Invalid protocolId');
  const cleanStart = fields.clean === undefined || Boolean(fields.clean);
  const clientId = fields.clientId ? text(fields.clientId, 'clientId') : '';
  if (clientId === '' && version === 3) throw new Error('clientId must be supplied before 3.1.1');
  // [v3.1.1 MQTT-3.1.3-7]; in 5.0 the server assigns one, whatever Clean Start says.
  if (clientId === '' && !cleanStart && version === 4) throw new Error('clientId must be given if cleanSession set to 0');
  const keepAlive = fields.keepalive || 0;
  if (typeof keepAlive !== 'number') throw new Error('Invalid keepalive');
  return {
    type: 'connect',
    protocolVersion: version,
    bridge: Boolean(fields.bridgeMode),
    cleanStart,
    keepAlive,
    clientId,
    will: fields.will ? will(fields.will, version) : undefined,
    userName: isAbsent(fields.username) ? undefined : text(fields.username, 'username'),
    password: isAbsent(fields.password) ? undefined : bytes(fields.password, 'password'),
    properties,
  };
}

function will(value: unknown, version: ProtocolVersion): Will {
  if (typeof value !== 'object') throw new Error('Invalid will');
  const fields = value as Unchecked;
  return {
    topicName: text(fields.topic, 'will topic'),
    payload: fields.payload ? bytes(fields.payload, 'will payload') : empty,
    qos: qos(fields.qos ?? 0, 'Invalid will qos'),
    retain: Boolean(fields.retain),
    properties: version === 5 ? toCodecProperties(fields.properties, PropertyList.will) : undefined,
  };
}

function publish(fields: Unchecked, properties: Record<string, unknown> | undefined): CodecPacket {
  const level = qos(fields.qos ?? 0, 'Invalid qos');
  return {
    type: 'publish',
    // [MQTT-3.3.1-2]: mqtt-packet would send the flag.
    dup: level > 0 && Boolean(fields.dup),
    qos: level,
    retain: Boolean(fields.retain),
    topicName: text(fields.topic, 'topic'),
    packetId: level > 0 ? packetId(fields) : 0,
    payload: fields.payload ? bytes(fields.payload, 'payload') : empty,
    properties,
  };
}

function subscriptions(fields: Unchecked, version: ProtocolVersion): SubscriptionRequest[] {
  if (!Array.isArray(fields.subscriptions) || fields.subscriptions.length === 0) throw new Error('Invalid subscriptions');
  return fields.subscriptions.map((subscription: Unchecked) => {
    const topicFilter = filter(subscription.topic, 'Invalid subscriptions - invalid topic');
    const level = qos(subscription.qos, 'Invalid subscriptions - invalid qos');
    if (version !== 5) return { topicFilter, qos: level, noLocal: false, retainAsPublished: false, retainHandling: 0 };
    const { nl = false, rap = false, rh = 0 } = subscription;
    if (typeof nl !== 'boolean') throw new Error('Invalid subscriptions - invalid No Local');
    if (typeof rap !== 'boolean') throw new Error('Invalid subscriptions - invalid Retain as Published');
    if (rh !== 0 && rh !== 1 && rh !== 2) throw new Error('Invalid subscriptions - invalid Retain Handling');
    return { topicFilter, qos: level, noLocal: nl, retainAsPublished: rap, retainHandling: rh };
  });
}

function unsubscriptions(fields: Unchecked): string[] {
  if (!Array.isArray(fields.unsubscriptions) || fields.unsubscriptions.length === 0) throw new Error('Invalid unsubscriptions');
  return fields.unsubscriptions.map((topic: unknown) => filter(topic, 'Invalid unsubscriptions'));
}

function filter(topic: unknown, message: string): string {
  if (typeof topic !== 'string') throw new Error(message);
  return topic;
}

function granted(fields: Unchecked): number[] {
  if (!Array.isArray(fields.granted) || fields.granted.length === 0) throw new Error('Invalid qos vector');
  return fields.granted;
}

function connackCode(fields: Unchecked, version: ProtocolVersion): number {
  const code = version === 5 ? fields.reasonCode : fields.returnCode;
  if (typeof code !== 'number') throw new Error('Invalid return code');
  return code;
}

function reasonCode(fields: Unchecked, version: ProtocolVersion): number {
  const code = version === 5 ? (fields.reasonCode ?? 0) : 0;
  if (typeof code !== 'number') throw new Error('Invalid reason code');
  return code;
}

function packetId(fields: Unchecked): number {
  if (typeof fields.messageId !== 'number') throw new Error('Invalid messageId');
  return fields.messageId;
}

function qos(value: unknown, message: string): QoS {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new Error(message);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** mqtt-packet takes text as bytes, too. */
function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (!(value instanceof Uint8Array)) throw new Error(`Invalid ${name}`);
  try {
    return textOf(value);
  } catch {
    throw new Error(`Invalid ${name}: not UTF-8`);
  }
}

function bytes(value: unknown, name: string): Uint8Array {
  if (typeof value === 'string') return bytesOf(value);
  if (value instanceof Uint8Array) return value;
  throw new Error(`Invalid ${name}`);
}
