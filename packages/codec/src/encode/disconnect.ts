import { type AuthPacket, type DisconnectPacket, type ProtocolVersion } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { variableByteIntegerLength } from '../writer.js';
import { type Layout } from './layout.js';
import { propertiesLength, writeProperties } from './properties.js';

export function disconnectLayout(packet: DisconnectPacket, protocolVersion: ProtocolVersion): Layout {
  const { reasonCode, properties } = packet;
  if (!isReasonCodeOf('disconnect', reasonCode)) throw new RangeError(`DISCONNECT with reason code ${reasonCode}`); // [MQTT-3.14.2-1]
  if (protocolVersion === 5) return reasonedLayout(0xe0, reasonCode, properties, PropertyList.disconnect, false);
  if (reasonCode !== 0) throw new RangeError('DISCONNECT with a reason code before MQTT 5.0');
  return { firstByte: 0xe0, remainingLength: 0, write: () => {} };
}

export function authLayout(packet: AuthPacket, protocolVersion: ProtocolVersion): Layout {
  const { reasonCode, properties } = packet;
  if (protocolVersion !== 5) throw new TypeError('AUTH before MQTT 5.0');
  if (!isReasonCodeOf('auth', reasonCode)) throw new RangeError(`AUTH with reason code ${reasonCode}`); // [MQTT-3.15.2-1]
  const layout = reasonedLayout(0xf0, reasonCode, properties, PropertyList.auth, true);
  if (layout.remainingLength > 0 && properties?.authenticationMethod === undefined)
    throw new TypeError('AUTH without Authentication Method');
  return layout;
}

/** Reason code and properties, as far as they say something. */
function reasonedLayout(
  firstByte: number,
  reasonCode: number,
  properties: object | undefined,
  list: PropertyList,
  bothOrNone: boolean,
): Layout {
  const propertyBytes = propertiesLength(properties, list);
  const hasCode = reasonCode !== 0 || propertyBytes > 0;
  const hasList = propertyBytes > 0 || (bothOrNone && hasCode);
  return {
    firstByte,
    remainingLength: (hasCode ? 1 : 0) + (hasList ? variableByteIntegerLength(propertyBytes) + propertyBytes : 0),
    write(writer) {
      if (hasCode) writer.byte(reasonCode);
      if (hasList) writeProperties(writer, properties, list, propertyBytes);
    },
  };
}
