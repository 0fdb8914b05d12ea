import { type ConnackPacket, type ConnectPacket, type ProtocolVersion, type Will } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { checkTopicName } from '../topic-syntax.js';
import { binaryLength, checkInteger, stringLength, type Writer } from '../writer.js';
import { type Layout } from './layout.js';
import { propertiesLength, propertyListLength, writeProperties } from './properties.js';

const protocolNames: Readonly<Record<ProtocolVersion, string>> = { 3: 'MQIsdp', 4: 'MQTT', 5: 'MQTT' };

export function connectLayout(packet: ConnectPacket, protocolVersion: ProtocolVersion): Layout {
  if (packet.protocolVersion !== protocolVersion) throw new TypeError('CONNECT names another protocol version');
  if (packet.bridge === true && protocolVersion === 5) throw new TypeError('a bridge is a matter of 3.x');
  if (packet.password !== undefined && packet.userName === undefined && protocolVersion !== 5) {
    throw new TypeError('Password without User Name'); // [v3.1.1 MQTT-3.1.2-22]
  }
  if (packet.properties?.authenticationData !== undefined && packet.properties.authenticationMethod === undefined) {
    throw new TypeError('Authentication Data without Authentication Method');
  }
  checkInteger(packet.keepAlive, 0, 0xffff, 'Keep Alive');
  let remainingLength = 2 + protocolNames[protocolVersion].length + 4;
  if (protocolVersion === 5) remainingLength += propertyListLength(packet.properties, PropertyList.connect);
  remainingLength += stringLength(packet.clientId, 'Client Identifier');
  if (packet.will !== undefined) remainingLength += willLength(packet.will, protocolVersion);
  if (packet.userName !== undefined) remainingLength += stringLength(packet.userName, 'User Name');
  if (packet.password !== undefined) remainingLength += binaryLength(packet.password, 'Password');
  return { firstByte: 0x10, remainingLength, write: (writer) => writeConnect(writer, packet) };
}

function willLength(will: Will, protocolVersion: ProtocolVersion): number {
  const problem = checkTopicName(will.topicName);
  if (problem !== undefined) throw new TypeError(`Will Topic ${problem}`);
  checkInteger(will.qos, 0, 2, 'Will QoS');
  const propertyBytes = protocolVersion === 5 ? propertyListLength(will.properties, PropertyList.will) : 0;
  return propertyBytes + stringLength(will.topicName, 'Will Topic') + binaryLength(will.payload, 'Will Payload');
}

function writeConnect(writer: Writer, packet: ConnectPacket): void {
  const { protocolVersion, will, userName, password, properties } = packet;
  writer.string(protocolNames[protocolVersion]);
  writer.byte(protocolVersion | (packet.bridge === true ? 0x80 : 0));
  const willFlags = will === undefined ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
  writer.byte((packet.cleanStart ? 0x02 : 0) | willFlags | (password === undefined ? 0 : 0x40) | (userName === undefined ? 0 : 0x80));
  writer.uint16(packet.keepAlive);
  if (protocolVersion === 5) writeProperties(writer, properties, PropertyList.connect, propertiesLength(properties, PropertyList.connect));
  writer.string(packet.clientId);
  if (will !== undefined) {
    if (protocolVersion === 5) {
      writeProperties(writer, will.properties, PropertyList.will, propertiesLength(will.properties, PropertyList.will));
    }
    writer.string(will.topicName);
    writer.binary(will.payload);
  }
  if (userName !== undefined) writer.string(userName);
  if (password !== undefined) writer.binary(password);
}

export function connackLayout(packet: ConnackPacket, protocolVersion: ProtocolVersion): Layout {
  const { reasonCode, properties } = packet;
  const isDefined =
    protocolVersion === 5 ? isReasonCodeOf('connack', reasonCode) : Number.isInteger(reasonCode) && reasonCode >= 0 && reasonCode <= 5;
  if (!isDefined) throw new RangeError(`CONNACK with reason code ${reasonCode}`); // [MQTT-3.2.2-8]
  if (packet.sessionPresent && reasonCode !== 0) throw new TypeError('CONNACK refuses with Session Present'); // [MQTT-3.2.2-6]
  const propertyBytes = protocolVersion === 5 ? propertyListLength(properties, PropertyList.connack) : 0;
  return {
    firstByte: 0x20,
    remainingLength: 2 + propertyBytes,
    write(writer) {
      writer.byte(packet.sessionPresent && protocolVersion !== 3 ? 1 : 0); // [MQTT-3.2.2-1]; 3.1 has no Session Present.
      writer.byte(reasonCode);
      if (protocolVersion === 5)
        writeProperties(writer, properties, PropertyList.connack, propertiesLength(properties, PropertyList.connack));
    },
  };
}
