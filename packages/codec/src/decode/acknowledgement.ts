import { type DecoderOptions } from '../decoder-options.js';
import { type AcknowledgementPacket, type AcknowledgementProperties, type AcknowledgementType, type ProtocolVersion } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { protocolError } from '../protocol-error.js';
import { type Reader } from '../reader.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { readProperties } from './properties.js';

/** A Packet Identifier that is not 0 [MQTT-2.2.1-3] [MQTT-2.2.1-4]. */
export function readPacketId(reader: Reader): number {
  const packetId = reader.uint16('Packet Identifier');
  if (packetId === 0) throw protocolError('Packet Identifier is 0');
  return packetId;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP: sections 3.4 to 3.7. */
export function decodeAcknowledgement(
  type: AcknowledgementType,
  reader: Reader,
  protocolVersion: ProtocolVersion,
  options: DecoderOptions,
): AcknowledgementPacket {
  const packetId = readPacketId(reader);
  let reasonCode = 0;
  let properties: AcknowledgementProperties | undefined;
  // Reason Code and Property Length may be left out from the end.
  if (protocolVersion === 5 && reader.remaining > 0) {
    reasonCode = reader.byte('Reason Code');
    if (!isReasonCodeOf(type, reasonCode, options.from)) throw protocolError(`${type} with reason code ${reasonCode}`);
    if (reader.remaining > 0) properties = readProperties(reader, PropertyList.acknowledgement, options);
  }
  reader.expectEnd(type);
  return { type, packetId, reasonCode, properties };
}
