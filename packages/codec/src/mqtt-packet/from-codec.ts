import { type Packet as CodecPacket, type ConnectPacket, type ProtocolVersion, type SubscriptionRequest } from '../packets.js';
import { asBuffer } from './buffer.js';
import { type Frame } from './frame-buffer.js';
import { type ISubscription, type Packet, type PacketCmd } from './packet.js';
import { fromCodecProperties } from './properties.js';

/** What the CONNECT, or the options of the parser, said about the connection. */
export interface ParserSettings {
  readonly protocolVersion: ProtocolVersion;
  readonly bridgeMode: boolean;
}

/** The fields that mqtt-packet gives to every packet, whether or not the packet has them on the wire. */
interface CommonFields {
  cmd: PacketCmd;
  retain: boolean;
  qos: number;
  dup: boolean;
  length: number;
  topic: string | null;
  payload: Uint8Array | null;
  [field: string]: unknown;
}

/** A decoded packet in the shape of mqtt-packet. Its byte values are views into `frame`. */
export function fromCodec(packet: CodecPacket, frame: Frame, settings: ParserSettings): Packet {
  const flags = frame.bytes[0] & 0x0f;
  const result: CommonFields = {
    cmd: packet.type,
    retain: (flags & 0x01) !== 0,
    qos: (flags >> 1) & 0x03,
    dup: (flags & 0x08) !== 0,
    length: frame.bytes.length - frame.headerLength,
    topic: null,
    payload: null,
  };
  if ('packetId' in packet && (packet.type !== 'publish' || packet.qos > 0)) result['messageId'] = packet.packetId;
  const properties = 'properties' in packet ? fromCodecProperties(packet.properties, frame.bytes) : undefined;
  if (properties !== undefined) result['properties'] = properties;
  addFields(result, packet, frame, settings);
  return result as unknown as Packet;
}

function addFields(result: CommonFields, packet: CodecPacket, frame: Frame, settings: ParserSettings): void {
  const isVersion5 = settings.protocolVersion === 5;
  switch (packet.type) {
    case 'connect':
      addConnectFields(result, packet, frame);
      break;
    case 'connack':
      result['sessionPresent'] = packet.sessionPresent;
      result[isVersion5 ? 'reasonCode' : 'returnCode'] = packet.reasonCode;
      break;
    case 'publish':
      result.topic = packet.topicName;
      result.payload = asBuffer(packet.payload, frame.bytes);
      break;
    case 'subscribe':
      result['subscriptions'] = packet.subscriptions.map((subscription) => subscriptionFields(subscription, settings));
      break;
    case 'suback':
      result['granted'] = [...packet.reasonCodes];
      break;
    case 'unsubscribe':
      result['unsubscriptions'] = [...packet.topicFilters];
      break;
    case 'unsuback':
      if (isVersion5) result['granted'] = [...packet.reasonCodes];
      break;
    case 'pingreq':
    case 'pingresp':
      break;
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'disconnect':
    case 'auth':
      if (isVersion5) result['reasonCode'] = packet.reasonCode;
      break;
  }
}

function addConnectFields(result: CommonFields, packet: ConnectPacket, frame: Frame): void {
  result['protocolId'] = packet.protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
  result['protocolVersion'] = packet.protocolVersion;
  if (packet.bridge) result['bridgeMode'] = true;
  result['clean'] = packet.cleanStart;
  result['keepalive'] = packet.keepAlive;
  result['clientId'] = packet.clientId;
  const will = packet.will;
  if (will !== undefined) {
    const properties = fromCodecProperties(will.properties, frame.bytes);
    result['will'] = {
      retain: will.retain,
      qos: will.qos,
      ...(properties !== undefined && { properties }),
      topic: will.topicName,
      payload: asBuffer(will.payload, frame.bytes),
    };
  }
  if (packet.userName !== undefined) result['username'] = packet.userName;
  if (packet.password !== undefined) result['password'] = asBuffer(packet.password, frame.bytes);
}

function subscriptionFields(subscription: SubscriptionRequest, settings: ParserSettings): ISubscription {
  const { topicFilter: topic, qos } = subscription;
  if (settings.protocolVersion === 5) {
    return { topic, qos, nl: subscription.noLocal, rap: subscription.retainAsPublished, rh: subscription.retainHandling };
  }
  // A bridge of 3.x wants what a 5.0 client would ask for with these options; mqtt-packet fills them in.
  return settings.bridgeMode ? { topic, qos, rh: 0, rap: true, nl: true } : { topic, qos };
}
