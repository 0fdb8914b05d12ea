import { copyBytes } from '../copy-bytes.js';
import { remainingLengthMax } from '../fixed-header.js';
import { type ProtocolVersion, type PublishPacket, type PublishProperties } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { type PublishFrame, publishFirstByte } from '../publish-frame.js';
import { checkTopicNameCharacters } from '../topic-syntax.js';
import { utf8Length, writeUtf8 } from '../utf8.js';
import { variableByteIntegerLength, Writer, writeVariableByteInteger } from '../writer.js';
import { checkPacketId } from './acknowledgement.js';
import { propertiesLength, writeProperties } from './properties.js';

/** What a PUBLISH says, whoever gets it. */
export interface PublishContent {
  /** Empty only when `properties` has a topic alias. */
  readonly topicName: string;
  readonly payload: Uint8Array;
  /** Left out of the layouts of 3.x. */
  readonly properties?: PublishProperties;
}

/**
 * Encodes a message once for all receivers of one layout. The flags are those of QoS 0 or 1 and the packet identifier is 0 until
 * `copyPublishFrame` patches them.
 * @throws TypeError for a topic name that is none, RangeError for values out of their range.
 */
export function publishFrame(protocolVersion: ProtocolVersion, message: PublishContent, withPacketId: boolean): PublishFrame {
  const { topicName, payload, properties } = message;
  const topicLength = topicNameLength(topicName, protocolVersion, properties);
  const propertyBytes = protocolVersion === 5 ? propertiesLength(properties, PropertyList.publish) : 0;
  const remaining = remainingLength(topicLength, withPacketId, protocolVersion, propertyBytes, payload.length);
  const bytes = new Uint8Array(1 + variableByteIntegerLength(remaining) + remaining);
  bytes[0] = withPacketId ? publishFirstByte(1, false, false) : publishFirstByte(0, false, false);
  let at = writeTopicName(topicName, topicLength, bytes, writeVariableByteInteger(remaining, bytes, 1));
  const packetIdAt = withPacketId ? at : -1;
  if (withPacketId) at += 2;
  let messageExpiryAt = -1;
  if (protocolVersion === 5) {
    const listStart = at + variableByteIntegerLength(propertyBytes);
    at = writePropertyList(properties, propertyBytes, bytes, at);
    messageExpiryAt = expiryPosition(properties, listStart);
  }
  copyBytes(payload, 0, payload.length, bytes, at);
  return { bytes, start: 0, payloadStart: at, end: bytes.length, packetIdAt, messageExpiryAt };
}

/** The Message Expiry Interval is the second property that is written; before it there can only be the two bytes of the Payload Format Indicator. */
function expiryPosition(properties: PublishProperties | undefined, listStart: number): number {
  if (properties?.messageExpiryInterval === undefined) return -1;
  return listStart + (properties.payloadFormatIndicator === undefined ? 0 : 2) + 1;
}

/** Bytes of the whole packet. */
export function publishLength(packet: PublishPacket, protocolVersion: ProtocolVersion): number {
  const topicLength = topicNameLength(packet.topicName, protocolVersion, packet.properties);
  const propertyBytes = protocolVersion === 5 ? propertiesLength(packet.properties, PropertyList.publish) : 0;
  const remaining = remainingLength(topicLength, packet.qos > 0, protocolVersion, propertyBytes, packet.payload.length);
  return 1 + variableByteIntegerLength(remaining) + remaining;
}

/** Writes the whole packet; a `target` of undefined stands for a new buffer of the right size. Returns the offset behind it, or that buffer. */
export function encodePublish(packet: PublishPacket, protocolVersion: ProtocolVersion, target: undefined, offset: 0): Uint8Array;
export function encodePublish(packet: PublishPacket, protocolVersion: ProtocolVersion, target: Uint8Array, offset: number): number;
export function encodePublish(
  packet: PublishPacket,
  protocolVersion: ProtocolVersion,
  target: Uint8Array | undefined,
  offset: number,
): number | Uint8Array {
  const { topicName, payload, properties, qos } = packet;
  const topicLength = topicNameLength(topicName, protocolVersion, properties);
  const propertyBytes = protocolVersion === 5 && properties !== undefined ? propertiesLength(properties, PropertyList.publish) : 0;
  const remaining = remainingLength(topicLength, qos > 0, protocolVersion, propertyBytes, payload.length);
  if (qos === 0 ? packet.dup : !(qos === 1 || qos === 2)) throw new TypeError('PUBLISH with DUP and QoS 0, or with a QoS that is none'); // [MQTT-3.3.1-2]
  if (qos > 0) checkPacketId(packet.packetId);
  const end = offset + 1 + variableByteIntegerLength(remaining) + remaining;
  const bytes = target ?? new Uint8Array(end);
  if (end > bytes.length || offset < 0) throw new RangeError('the packet does not fit');
  bytes[offset] = publishFirstByte(qos, packet.retain, packet.dup);
  let at = writeTopicName(topicName, topicLength, bytes, writeVariableByteInteger(remaining, bytes, offset + 1));
  if (qos > 0) {
    bytes[at++] = packet.packetId >> 8;
    bytes[at++] = packet.packetId & 0xff;
  }
  if (protocolVersion === 5) {
    if (propertyBytes === 0) bytes[at++] = 0;
    else at = writePropertyList(properties, propertyBytes, bytes, at);
  }
  copyBytes(payload, 0, payload.length, bytes, at);
  return target === undefined ? bytes : end;
}

/** Bytes of the topic name without its length. */
function topicNameLength(topicName: string, protocolVersion: ProtocolVersion, properties: PublishProperties | undefined): number {
  if (topicName === '' && protocolVersion === 5 && properties?.topicAlias !== undefined) return 0;
  const length = utf8Length(topicName);
  const problem = length < 0 ? 'contains U+0000 or a lone surrogate' : checkTopicNameCharacters(topicName);
  if (problem !== undefined) throw new TypeError(`Topic Name ${problem}`); // [MQTT-3.3.2-2] [MQTT-4.7.3-1]
  if (length > 0xffff) throw new RangeError('Topic Name is longer than 65,535 bytes');
  return length;
}

function remainingLength(
  topicLength: number,
  withPacketId: boolean,
  protocolVersion: ProtocolVersion,
  propertyBytes: number,
  payloadLength: number,
): number {
  const listLength = protocolVersion === 5 ? variableByteIntegerLength(propertyBytes) + propertyBytes : 0;
  const length = 2 + topicLength + (withPacketId ? 2 : 0) + listLength + payloadLength;
  if (length > remainingLengthMax) throw new RangeError(`PUBLISH with more than ${remainingLengthMax} bytes`);
  return length;
}

function writeTopicName(topicName: string, length: number, target: Uint8Array, at: number): number {
  target[at] = length >> 8;
  target[at + 1] = length & 0xff;
  return writeUtf8(topicName, target, at + 2);
}

function writePropertyList(properties: PublishProperties | undefined, propertyBytes: number, target: Uint8Array, at: number): number {
  const writer = new Writer(target, at);
  writeProperties(writer, properties, PropertyList.publish, propertyBytes);
  return writer.at;
}
