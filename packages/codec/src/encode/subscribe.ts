import { isSubackCode } from '../decode/subscribe.js';
import {
  type ProtocolVersion,
  type SubackPacket,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
} from '../packets.js';
import { PropertyList } from '../property-table.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { checkTopicFilter, isSharedTopicFilter } from '../topic-syntax.js';
import { checkInteger, stringLength, variableByteIntegerLength, type Writer } from '../writer.js';
import { checkPacketId } from './acknowledgement.js';
import { type Layout } from './layout.js';
import { propertiesLength, writeProperties } from './properties.js';

/** What the four packets have in common: packet identifier, in 5.0 properties, payload. */
function layoutWithPacketId(
  firstByte: number,
  packet: { readonly packetId: number; readonly properties?: object },
  protocolVersion: ProtocolVersion,
  list: PropertyList,
  payloadLength: number,
  writePayload: (writer: Writer) => void,
): Layout {
  const packetId = checkPacketId(packet.packetId);
  const propertyBytes = protocolVersion === 5 ? propertiesLength(packet.properties, list) : 0;
  const listLength = protocolVersion === 5 ? variableByteIntegerLength(propertyBytes) + propertyBytes : 0;
  return {
    firstByte,
    remainingLength: 2 + listLength + payloadLength,
    write(writer) {
      writer.uint16(packetId);
      if (protocolVersion === 5) writeProperties(writer, packet.properties, list, propertyBytes);
      writePayload(writer);
    },
  };
}

export function subscribeLayout(packet: SubscribePacket, protocolVersion: ProtocolVersion): Layout {
  const { subscriptions } = packet;
  if (subscriptions.length === 0) throw new RangeError('SUBSCRIBE without topic filters'); // [MQTT-3.8.3-2]
  let length = 0;
  for (const subscription of subscriptions) length += topicFilterLength(subscription.topicFilter) + 1;
  const options = subscriptions.map((subscription) => subscriptionOptions(subscription, protocolVersion));
  return layoutWithPacketId(0x82, packet, protocolVersion, PropertyList.subscribe, length, (writer) => {
    subscriptions.forEach((subscription, index) => {
      writer.string(subscription.topicFilter);
      writer.byte(options[index]);
    });
  });
}

function subscriptionOptions(subscription: SubscriptionRequest, protocolVersion: ProtocolVersion): number {
  const { topicFilter, noLocal, retainAsPublished } = subscription;
  const qos = checkInteger(subscription.qos, 0, 2, 'QoS');
  const retainHandling = checkInteger(subscription.retainHandling, 0, 2, 'Retain Handling');
  if (noLocal && isSharedTopicFilter(topicFilter)) throw new TypeError('No Local on a shared subscription'); // [MQTT-3.8.3-4]
  const options = qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4);
  if (protocolVersion !== 5 && options !== qos) throw new TypeError('Subscription Options before MQTT 5.0');
  return options;
}

export function unsubscribeLayout(packet: UnsubscribePacket, protocolVersion: ProtocolVersion): Layout {
  const { topicFilters } = packet;
  if (topicFilters.length === 0) throw new RangeError('UNSUBSCRIBE without topic filters'); // [MQTT-3.10.3-2]
  let length = 0;
  for (const topicFilter of topicFilters) length += topicFilterLength(topicFilter);
  return layoutWithPacketId(0xa2, packet, protocolVersion, PropertyList.unsubscribe, length, (writer) => {
    for (const topicFilter of topicFilters) writer.string(topicFilter);
  });
}

function topicFilterLength(topicFilter: string): number {
  const problem = checkTopicFilter(topicFilter);
  if (problem !== undefined) throw new TypeError(`Topic Filter ${problem}`);
  return stringLength(topicFilter, 'Topic Filter');
}

export function subackLayout(packet: SubackPacket, protocolVersion: ProtocolVersion): Layout {
  const { reasonCodes } = packet;
  if (reasonCodes.length === 0) throw new RangeError('SUBACK without reason codes'); // [MQTT-3.8.4-6]
  for (const reasonCode of reasonCodes) {
    if (!isSubackCode(reasonCode, protocolVersion)) throw new RangeError(`SUBACK with reason code ${reasonCode}`); // [MQTT-3.9.3-2]
  }
  return layoutWithPacketId(0x90, packet, protocolVersion, PropertyList.acknowledgement, reasonCodes.length, (writer) => {
    for (const reasonCode of reasonCodes) writer.byte(reasonCode);
  });
}

export function unsubackLayout(packet: UnsubackPacket, protocolVersion: ProtocolVersion): Layout {
  // UNSUBACK of 3.x has no payload.
  const reasonCodes = protocolVersion === 5 ? packet.reasonCodes : [];
  if (protocolVersion === 5 && reasonCodes.length === 0) throw new RangeError('UNSUBACK without reason codes');
  for (const reasonCode of reasonCodes) {
    if (!isReasonCodeOf('unsuback', reasonCode)) throw new RangeError(`UNSUBACK with reason code ${reasonCode}`); // [MQTT-3.11.3-2]
  }
  return layoutWithPacketId(0xb0, packet, protocolVersion, PropertyList.acknowledgement, reasonCodes.length, (writer) => {
    for (const reasonCode of reasonCodes) writer.byte(reasonCode);
  });
}
