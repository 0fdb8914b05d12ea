import { type DecoderOptions } from '../decoder-options.js';
import {
  type AuthPacket,
  type AuthProperties,
  type DisconnectPacket,
  type DisconnectProperties,
  type ProtocolVersion,
} from '../packets.js';
import { PropertyList } from '../property-table.js';
import { protocolError } from '../protocol-error.js';
import { type Reader } from '../reader.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { readProperties } from './properties.js';

export function decodeDisconnect(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): DisconnectPacket {
  const packet: DisconnectPacket = { type: 'disconnect', reasonCode: 0 };
  // Reason Code and Property Length may be left out from the end.
  if (protocolVersion === 5 && reader.remaining > 0) {
    packet.reasonCode = reader.byte('Disconnect Reason Code');
    if (!isReasonCodeOf('disconnect', packet.reasonCode, options.from)) {
      throw protocolError(`DISCONNECT with reason code ${packet.reasonCode} from a ${options.from}`); // [MQTT-3.14.2-1]
    }
    const properties = reader.remaining > 0 ? readProperties<DisconnectProperties>(reader, PropertyList.disconnect, options) : undefined;
    if (options.from === 'server' && properties?.sessionExpiryInterval !== undefined) {
      throw protocolError('Session Expiry Interval in DISCONNECT from a server'); // [MQTT-3.14.2-2]
    }
    if (options.from === 'client' && properties?.serverReference !== undefined) {
      throw protocolError('Server Reference in DISCONNECT from a client'); // section 3.14.2.2.5
    }
    if (properties !== undefined) packet.properties = properties;
  }
  reader.expectEnd('DISCONNECT');
  return packet;
}

export function decodeAuth(reader: Reader, options: DecoderOptions): AuthPacket {
  const packet: AuthPacket = { type: 'auth', reasonCode: 0 };
  // Section 3.15.2.1: Reason Code and Property Length are left out together or not at all.
  if (reader.remaining > 0) {
    packet.reasonCode = reader.byte('Authenticate Reason Code');
    const properties = readProperties<AuthProperties>(reader, PropertyList.auth, options);
    if (properties !== undefined) packet.properties = properties;
    reader.expectEnd('AUTH');
  }
  if (!isReasonCodeOf('auth', packet.reasonCode, options.from)) {
    throw protocolError(`AUTH with reason code ${packet.reasonCode} from a ${options.from}`); // [MQTT-3.15.2-1]
  }
  // Section 3.15.2.2.2 forbids to leave out the method; only the form without any properties, which 3.15.2.1 allows, has none.
  const mayLackMethod = packet.reasonCode === 0 && packet.properties === undefined;
  if (packet.properties?.authenticationMethod === undefined && !mayLackMethod) throw protocolError('AUTH without Authentication Method');
  return packet;
}
