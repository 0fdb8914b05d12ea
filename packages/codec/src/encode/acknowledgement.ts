import { acknowledgementFirstByte } from '../fixed-header.js';
import { type AcknowledgementPacket, type AcknowledgementType, type ProtocolVersion } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { type ReasonCode } from '../reason-codes.js';
import { checkInteger } from '../writer.js';
import { type Layout } from './layout.js';
import { propertiesLength, propertyListLength, writeProperties } from './properties.js';

/** The most that `encodeAcknowledgementInto` writes, in bytes. */
export const acknowledgementLengthMax = 5;

/**
 * Writes an acknowledgement without properties: four bytes; five in 5.0 with a reason code other than 0.
 * @returns the offset behind it.
 * @throws RangeError when it does not fit, for packet identifier 0 and for a reason code that the packet does not have.
 */
export function encodeAcknowledgementInto(
  type: AcknowledgementType,
  packetId: number,
  reasonCode: ReasonCode,
  protocolVersion: ProtocolVersion,
  target: Uint8Array,
  at: number,
): number {
  const isShort = reasonCode === 0 || protocolVersion < 5;
  const end = at + (isShort ? 4 : 5);
  if (end > target.length || at < 0) throw new RangeError('the acknowledgement does not fit');
  if (!(packetId > 0 && packetId <= 0xffff)) throw new RangeError('Packet Identifier is not from 1 to 65,535');
  target[at] = acknowledgementFirstByte[type];
  target[at + 1] = isShort ? 2 : 3;
  target[at + 2] = packetId >> 8;
  target[at + 3] = packetId & 0xff;
  if (!isShort) {
    if (!isReasonCodeOf(type, reasonCode)) throw new RangeError(`${type} with reason code ${reasonCode}`);
    target[at + 4] = reasonCode;
  }
  return end;
}

export function acknowledgementLayout(packet: AcknowledgementPacket, protocolVersion: ProtocolVersion): Layout {
  const { type, reasonCode } = packet;
  const packetId = checkPacketId(packet.packetId);
  if (protocolVersion < 5 && reasonCode !== 0) throw new RangeError(`${type} with a reason code before MQTT 5.0`);
  if (!isReasonCodeOf(type, reasonCode)) throw new RangeError(`${type} with reason code ${reasonCode}`); // [MQTT-3.4.2-1] [MQTT-3.5.2-1]
  const properties = protocolVersion === 5 ? packet.properties : undefined;
  const propertyBytes = propertiesLength(properties, PropertyList.acknowledgement);
  const listLength = propertyBytes === 0 ? 0 : propertyListLength(properties, PropertyList.acknowledgement);
  return {
    firstByte: acknowledgementFirstByte[type],
    remainingLength: 2 + (reasonCode !== 0 || propertyBytes > 0 ? 1 : 0) + listLength,
    write(writer) {
      writer.uint16(packetId);
      if (reasonCode !== 0 || propertyBytes > 0) writer.byte(reasonCode);
      if (propertyBytes > 0) writeProperties(writer, properties, PropertyList.acknowledgement, propertyBytes);
    },
  };
}

/** [MQTT-2.2.1-3] [MQTT-2.2.1-4] */
export function checkPacketId(packetId: number): number {
  return checkInteger(packetId, 1, 0xffff, 'Packet Identifier');
}
