import { type DecoderOptions } from '../decoder-options.js';
import {
  type ConnackPacket,
  type ConnackProperties,
  type ConnectPacket,
  type ConnectProperties,
  type ProtocolVersion,
  type QoS,
  type Will,
  type WillProperties,
} from '../packets.js';
import { PropertyList } from '../property-table.js';
import { malformed, ProtocolError, protocolError } from '../protocol-error.js';
import { type Reader } from '../reader.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { ReasonCode } from '../reason-codes.js';
import { checkTopicNameCharacters, topicLevels } from '../topic-syntax.js';
import { readProperties } from './properties.js';

const Flag = { reserved: 0x01, cleanStart: 0x02, will: 0x04, willQos: 0x18, willRetain: 0x20, password: 0x40, userName: 0x80 } as const;
const bridgeBit = 0x80;
const unacceptableProtocolLevel = 1;

/** Section 3.1 of the version that the packet itself names. */
export function decodeConnect(reader: Reader, options: DecoderOptions): ConnectPacket {
  const { protocolVersion, bridge } = readProtocol(reader);
  const flags = reader.byte('Connect Flags');
  checkFlags(flags, protocolVersion);
  const keepAlive = reader.uint16('Keep Alive');
  const properties =
    protocolVersion === 5 ? checkAuthentication(readProperties<ConnectProperties>(reader, PropertyList.connect, options)) : undefined;
  // The order of the payload [MQTT-3.1.3-1].
  const clientId = reader.string('Client Identifier'); // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = (flags & Flag.will) === 0 ? undefined : readWill(reader, flags, protocolVersion, options);
  // In 3.1 the Remaining Length takes precedence over these two flags: what is flagged may be missing.
  const mayBeMissing = protocolVersion === 3;
  const userName = (flags & Flag.userName) === 0 || (mayBeMissing && reader.remaining === 0) ? undefined : reader.string('User Name'); // [MQTT-3.1.2-17] [MQTT-3.1.3-12]
  const password = (flags & Flag.password) === 0 || (mayBeMissing && reader.remaining === 0) ? undefined : reader.binary('Password'); // [MQTT-3.1.2-19]
  reader.expectEnd('CONNECT'); // [MQTT-3.1.2-16] [MQTT-3.1.2-18]
  const packet: ConnectPacket = { type: 'connect', protocolVersion, cleanStart: (flags & Flag.cleanStart) !== 0, keepAlive, clientId };
  if (bridge) packet.bridge = true;
  if (will !== undefined) packet.will = will;
  if (userName !== undefined) packet.userName = userName;
  if (password !== undefined) packet.password = password;
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function readProtocol(reader: Reader): { protocolVersion: ProtocolVersion; bridge: boolean } {
  const name = reader.string('Protocol Name');
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    throw new ProtocolError(ReasonCode.unsupportedProtocolVersion, 'Protocol Name is neither MQTT nor MQIsdp'); // [MQTT-3.1.2-1]
  }
  const byte = reader.byte('Protocol Version');
  if (name === 'MQTT' && byte === 5) return { protocolVersion: 5, bridge: false };
  const level = byte & ~bridgeBit;
  if (level === (name === 'MQTT' ? 4 : 3)) return { protocolVersion: level, bridge: byte !== level };
  const message = `${name} with protocol level ${byte}`;
  if (name === 'MQTT' && byte > 5) throw new ProtocolError(ReasonCode.unsupportedProtocolVersion, message); // [MQTT-3.1.2-2]
  throw new ProtocolError(ReasonCode.unsupportedProtocolVersion, message, unacceptableProtocolLevel); // [v3.1.1 MQTT-3.1.2-2]
}

function checkFlags(flags: number, protocolVersion: ProtocolVersion): void {
  const willQos = (flags & Flag.willQos) >> 3;
  const hasWill = (flags & Flag.will) !== 0;
  if (hasWill && willQos === 3) throw malformed('Will QoS is 3'); // [MQTT-3.1.2-12]
  // 3.1 has no rule for its unused bit, nor for the will's flags when there is no will.
  if (protocolVersion !== 3) {
    if ((flags & Flag.reserved) !== 0) throw malformed('the reserved Connect Flag is set'); // [MQTT-3.1.2-3]
    if (!hasWill && willQos !== 0) throw malformed('Will QoS without a will'); // [MQTT-3.1.2-11]
    if (!hasWill && (flags & Flag.willRetain) !== 0) throw malformed('Will Retain without a will'); // [MQTT-3.1.2-13]
  }
  if (protocolVersion !== 5 && (flags & Flag.password) !== 0 && (flags & Flag.userName) === 0) {
    throw malformed('Password without User Name'); // [v3.1.1 MQTT-3.1.2-22]
  }
}

function readWill(reader: Reader, flags: number, protocolVersion: ProtocolVersion, options: DecoderOptions): Will {
  const properties = protocolVersion === 5 ? readProperties<WillProperties>(reader, PropertyList.will, options) : undefined; // [MQTT-3.1.2-9]
  const topicName = reader.string('Will Topic'); // [MQTT-3.1.3-11]
  const problem = checkTopicNameCharacters(topicName);
  if (problem !== undefined) throw malformed(`Will Topic ${problem}`);
  if (options.topicLevelsMax !== undefined && topicLevels(topicName) > options.topicLevelsMax) {
    throw new ProtocolError(ReasonCode.topicNameInvalid, `Will Topic has more than ${options.topicLevelsMax} levels`);
  }
  const payload = reader.binary('Will Payload');
  const will: Will = { topicName, payload, qos: ((flags & Flag.willQos) >> 3) as QoS, retain: (flags & Flag.willRetain) !== 0 };
  if (properties !== undefined) will.properties = properties;
  return will;
}

/** Sections 3.1.2.11.10 and 3.2.2.3.18: data belongs to a method. */
function checkAuthentication<Properties extends ConnectProperties | ConnackProperties>(
  properties: Properties | undefined,
): Properties | undefined {
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('Authentication Data without Authentication Method');
  }
  return properties;
}

const connackReturnCodeMax = 5;

export function decodeConnack(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): ConnackPacket {
  const flags = reader.byte('Connect Acknowledge Flags');
  if (protocolVersion !== 3 && flags > 1) throw malformed('CONNACK has reserved flags set'); // [MQTT-3.2.2-1]
  const sessionPresent = protocolVersion !== 3 && flags === 1; // 3.1 does not use this byte.
  const reasonCode = reader.byte('Connect Reason Code');
  const isDefined = protocolVersion === 5 ? isReasonCodeOf('connack', reasonCode, 'server') : reasonCode <= connackReturnCodeMax;
  if (!isDefined) throw protocolError(`CONNACK with reason code ${reasonCode}`); // [MQTT-3.2.2-8]
  if (sessionPresent && reasonCode !== 0) throw protocolError('CONNACK refuses with Session Present'); // [MQTT-3.2.2-6]
  const packet: ConnackPacket = { type: 'connack', sessionPresent, reasonCode };
  if (protocolVersion === 5) {
    const properties = checkAuthentication(readProperties<ConnackProperties>(reader, PropertyList.connack, options));
    if (properties !== undefined) packet.properties = properties;
  }
  reader.expectEnd('CONNACK');
  return packet;
}
