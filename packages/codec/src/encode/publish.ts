import { copyBytes } from '../copy-bytes.js';
import { remainingLengthMax } from '../fixed-header.js';
import { type ProtocolVersion, type PublishPacket, type PublishProperties } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { type PublishFrame, publishFirstByte } from '../publish-frame.js';
import { checkTopicNameCharacters } from '../topic-syntax.js';
import { utf8Length, writeUtf8 } from '../utf8.js';
import { checkInteger, variableByteIntegerLength, Writer, writeVariableByteInteger } from '../writer.js';
import { checkPacketId } from './acknowledgement.js';
import { newBytes } from './new-bytes.js';
import { propertiesLength, writeProperties } from './properties.js';

/** What a PUBLISH says, whoever gets it. */
export interface PublishContent {
  /** Empty only when `properties` has a topic alias. */
  readonly topicName: string;
  readonly payload: Uint8Array;
  /** Left out of the layouts of 3.x. */
  readonly properties?: PublishProperties;
}

/** Bytes for frames that are made and forgotten together with others. */
export interface FrameRoom {
  /** The array in which the last `take` has found room. */
  readonly bytes: Uint8Array;
  /** Where `length` bytes begin that are the caller's. */
  take(length: number): number;
}

/**
 * Encodes a message once for all receivers of one layout. The flags are those of QoS 0 or 1 and the packet identifier is 0 until
 * `copyPublishFrame` patches them.
 * @param room where the bytes go; an array of their own unless given.
 * @throws TypeError for a topic name that is none, RangeError for values out of their range.
 */
export function publishFrame(
  protocolVersion: ProtocolVersion,
  message: PublishContent,
  withPacketId: boolean,
  room?: FrameRoom,
): PublishFrame {
  const { topicName, payload, properties } = message;
  const topicLength = topicNameLength(topicName, protocolVersion, properties);
  const propertyBytes = publishPropertiesLength(properties, protocolVersion);
  const remaining = remainingLength(topicLength, withPacketId, protocolVersion, propertyBytes, payload.length);
  const length = 1 + variableByteIntegerLength(remaining) + remaining;
  const start = room === undefined ? 0 : room.take(length);
  const bytes = room === undefined ? new Uint8Array(length) : room.bytes;
  bytes[start] = withPacketId ? publishFirstByte(1, false, false) : publishFirstByte(0, false, false);
  let at = writeTopicName(topicName, topicLength, bytes, writeVariableByteInteger(remaining, bytes, start + 1));
  const packetIdAt = withPacketId ? at : -1;
  if (withPacketId) at += 2;
  let messageExpiryAt = -1;
  if (protocolVersion === 5) {
    const listStart = at + variableByteIntegerLength(propertyBytes);
    at = writePropertyList(properties, propertyBytes, bytes, at);
    messageExpiryAt = expiryPosition(properties, listStart);
  }
  copyBytes(payload, 0, payload.length, bytes, at);
  return { bytes, start, payloadStart: at, end: start + length, packetIdAt, messageExpiryAt, whole: undefined };
}

/** The Message Expiry Interval is the second property that is written; before it there can only be the two bytes of the Payload Format Indicator. */
function expiryPosition(properties: PublishProperties | undefined, listStart: number): number {
  if (properties?.messageExpiryInterval === undefined) return -1;
  return listStart + (properties.payloadFormatIndicator === undefined ? 0 : 2) + 1;
}

/** Bytes of the whole packet. */
export function publishLength(packet: PublishPacket, protocolVersion: ProtocolVersion): number {
  const topicLength = topicNameLength(packet.topicName, protocolVersion, packet.properties);
  const propertyBytes = publishPropertiesLength(packet.properties, protocolVersion);
  const remaining = remainingLength(topicLength, packet.qos > 0, protocolVersion, propertyBytes, packet.payload.length);
  return 1 + variableByteIntegerLength(remaining) + remaining;
}

/** The whole packet in new bytes. */
export function encodePublish(packet: PublishPacket, protocolVersion: ProtocolVersion): Uint8Array {
  const { topicName, payload, properties, qos } = packet;
  checkFlags(packet);
  const propertyBytes = publishPropertiesLength(properties, protocolVersion);
  // Nearly all topic names are ASCII: write one as if it were, and begin again if it is not.
  const asciiRest = remainingLength(topicName.length, qos > 0, protocolVersion, propertyBytes, payload.length);
  const asciiTarget = newBytes(1 + variableByteIntegerLength(asciiRest) + asciiRest);
  if (writePublish(packet, protocolVersion, topicName.length, true, asciiRest, propertyBytes, asciiTarget, 0) >= 0) return asciiTarget;
  const topicLength = topicNameLength(topicName, protocolVersion, properties);
  const rest = remainingLength(topicLength, qos > 0, protocolVersion, propertyBytes, payload.length);
  const target = newBytes(1 + variableByteIntegerLength(rest) + rest);
  writePublish(packet, protocolVersion, topicLength, false, rest, propertyBytes, target, 0);
  return target;
}

/** Writes the whole packet. Returns the offset behind it. */
export function encodePublishInto(packet: PublishPacket, protocolVersion: ProtocolVersion, target: Uint8Array, offset: number): number {
  const { topicName, payload, properties, qos } = packet;
  checkFlags(packet);
  const propertyBytes = publishPropertiesLength(properties, protocolVersion);
  const asciiRest = remainingLength(topicName.length, qos > 0, protocolVersion, propertyBytes, payload.length);
  const end = writePublish(packet, protocolVersion, topicName.length, true, asciiRest, propertyBytes, target, offset);
  if (end >= 0) return end;
  const topicLength = topicNameLength(topicName, protocolVersion, properties);
  const rest = remainingLength(topicLength, qos > 0, protocolVersion, propertyBytes, payload.length);
  return writePublish(packet, protocolVersion, topicLength, false, rest, propertyBytes, target, offset);
}

function checkFlags(packet: PublishPacket): void {
  const qos = packet.qos;
  if (qos === 0) {
    if (packet.dup) throw new TypeError('PUBLISH with DUP and QoS 0'); // [MQTT-3.3.1-2]
    return;
  }
  checkInteger(qos, 1, 2, 'QoS'); // [MQTT-3.3.1-4]
  checkPacketId(packet.packetId);
}

function publishPropertiesLength(properties: PublishProperties | undefined, protocolVersion: ProtocolVersion): number {
  return protocolVersion === 5 && properties !== undefined ? propertiesLength(properties, PropertyList.publish) : 0;
}

/** Returns the offset behind the packet; -1 when the topic name was to be ASCII (and not empty) and is not, or is no topic name at all. */
function writePublish(
  packet: PublishPacket,
  protocolVersion: ProtocolVersion,
  topicLength: number,
  asAscii: boolean,
  rest: number,
  propertyBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  const { topicName, payload, qos, packetId } = packet;
  if (asAscii && (topicLength === 0 || topicLength > 0xffff)) return -1;
  if (offset < 0 || offset + 1 + variableByteIntegerLength(rest) + rest > target.length) throw new RangeError('the packet does not fit');
  target[offset] = publishFirstByte(qos, packet.retain, packet.dup);
  let at = writeVariableByteInteger(rest, target, offset + 1);
  target[at++] = topicLength >> 8;
  target[at++] = topicLength & 0xff;
  at = asAscii ? writeAsciiTopicName(topicName, target, at) : writeUtf8(topicName, target, at);
  if (at < 0) return at;
  if (qos > 0) {
    target[at++] = packetId >> 8;
    target[at++] = packetId & 0xff;
  }
  if (protocolVersion === 5) {
    if (propertyBytes === 0) target[at++] = 0;
    else at = writePropertyList(packet.properties, propertyBytes, target, at);
  }
  copyBytes(payload, 0, payload.length, target, at);
  return at + payload.length;
}

/** Returns the offset behind the name, or -1 when it is not valid or not ASCII. */
function writeAsciiTopicName(topicName: string, target: Uint8Array, start: number): number {
  const length = topicName.length;
  for (let index = 0; index < length; index += 1) {
    const unit = topicName.charCodeAt(index);
    if (unit >= 0x80 || unit === 0 || unit === 0x2b || unit === 0x23) return -1;
    target[start + index] = unit;
  }
  return start + length;
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
