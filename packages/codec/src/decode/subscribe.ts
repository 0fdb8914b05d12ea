import { type DecoderOptions } from '../decoder-options.js';
import {
  type AcknowledgementProperties,
  type ProtocolVersion,
  type QoS,
  type SubackPacket,
  type SubscribePacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
} from '../packets.js';
import { PropertyList } from '../property-table.js';
import { malformed, ProtocolError, protocolError } from '../protocol-error.js';
import { type Reader } from '../reader.js';
import { isReasonCodeOf } from '../reason-code-sets.js';
import { ReasonCode } from '../reason-codes.js';
import { checkTopicFilterCharacters, isSharedTopicFilter, topicFilterLevels } from '../topic-syntax.js';
import { readPacketId } from './acknowledgement.js';
import { readProperties } from './properties.js';

export function decodeSubscribe(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): SubscribePacket {
  const packetId = readPacketId(reader);
  const properties = protocolVersion === 5 ? readProperties<SubscribeProperties>(reader, PropertyList.subscribe, options) : undefined;
  const subscriptions: SubscriptionRequest[] = [];
  while (reader.remaining > 0) {
    checkFilterCount(subscriptions.length, options);
    const topicFilter = readTopicFilter(reader, options);
    subscriptions.push(readSubscription(reader, topicFilter, protocolVersion));
  }
  if (subscriptions.length === 0) throw protocolError('SUBSCRIBE without topic filters'); // [MQTT-3.8.3-2]
  const packet: SubscribePacket = { type: 'subscribe', packetId, subscriptions };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

export function decodeUnsubscribe(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): UnsubscribePacket {
  const packetId = readPacketId(reader);
  const properties =
    protocolVersion === 5
      ? readProperties<NonNullable<UnsubscribePacket['properties']>>(reader, PropertyList.unsubscribe, options)
      : undefined;
  const topicFilters: string[] = [];
  while (reader.remaining > 0) {
    checkFilterCount(topicFilters.length, options);
    topicFilters.push(readTopicFilter(reader, options));
  }
  if (topicFilters.length === 0) throw protocolError('UNSUBSCRIBE without topic filters'); // [MQTT-3.10.3-2]
  const packet: UnsubscribePacket = { type: 'unsubscribe', packetId, topicFilters };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function checkFilterCount(count: number, { topicFiltersMax }: DecoderOptions): void {
  if (topicFiltersMax !== undefined && count >= topicFiltersMax) {
    throw new ProtocolError(ReasonCode.quotaExceeded, `more than ${topicFiltersMax} topic filters in one packet`);
  }
}

/** [MQTT-3.8.3-1] [MQTT-3.10.3-1]; shared subscriptions are checked in every version, because the broker has them in every version. */
function readTopicFilter(reader: Reader, { topicLevelsMax }: DecoderOptions): string {
  const topicFilter = reader.string('Topic Filter');
  const problem = checkTopicFilterCharacters(topicFilter);
  if (problem !== undefined) throw malformed(`Topic Filter ${problem}`);
  if (topicLevelsMax !== undefined && topicFilterLevels(topicFilter) > topicLevelsMax) {
    throw new ProtocolError(ReasonCode.topicFilterInvalid, `Topic Filter has more than ${topicLevelsMax} levels`);
  }
  return topicFilter;
}

function readSubscription(reader: Reader, topicFilter: string, protocolVersion: ProtocolVersion): SubscriptionRequest {
  const byte = reader.byte('Subscription Options');
  const qos = byte & 3;
  if (protocolVersion !== 5) {
    if (qos === 3) throw malformed('SUBSCRIBE with QoS 3'); // [v3.1.1 MQTT-3.8.3-4]
    if (protocolVersion === 4 && byte > 2) throw malformed('SUBSCRIBE has reserved bits set'); // 3.1 only says that they are unused.
    return { topicFilter, qos: qos as QoS, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  }
  if ((byte & 0xc0) !== 0) throw malformed('Subscription Options have reserved bits set'); // [MQTT-3.8.3-5]
  if (qos === 3) throw protocolError('SUBSCRIBE with QoS 3');
  const retainHandling = byte >> 4;
  if (retainHandling === 3) throw protocolError('SUBSCRIBE with Retain Handling 3');
  const noLocal = (byte & 0x04) !== 0;
  if (noLocal && isSharedTopicFilter(topicFilter)) throw protocolError('No Local on a shared subscription'); // [MQTT-3.8.3-4]
  return { topicFilter, qos: qos as QoS, noLocal, retainAsPublished: (byte & 0x08) !== 0, retainHandling: retainHandling as 0 | 1 | 2 };
}

export function decodeSuback(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): SubackPacket {
  const packetId = readPacketId(reader);
  const properties =
    protocolVersion === 5 ? readProperties<AcknowledgementProperties>(reader, PropertyList.acknowledgement, options) : undefined;
  if (reader.remaining === 0) throw protocolError('SUBACK without reason codes');
  const reasonCodes: ReasonCode[] = [];
  while (reader.remaining > 0) {
    const reasonCode = reader.byte('Reason Code');
    if (!isSubackCode(reasonCode, protocolVersion)) throw protocolError(`SUBACK with reason code ${reasonCode}`); // [MQTT-3.9.3-2]
    reasonCodes.push(reasonCode);
  }
  const packet: SubackPacket = { type: 'suback', packetId, reasonCodes };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

/** 3.1.1 has 0x80 for a refusal; 3.1 has none. */
export function isSubackCode(reasonCode: ReasonCode, protocolVersion: ProtocolVersion): boolean {
  if (protocolVersion === 5) return isReasonCodeOf('suback', reasonCode);
  return reasonCode === 0 || reasonCode === 1 || reasonCode === 2 || (protocolVersion === 4 && reasonCode === 0x80);
}

export function decodeUnsuback(reader: Reader, protocolVersion: ProtocolVersion, options: DecoderOptions): UnsubackPacket {
  const packetId = readPacketId(reader);
  const reasonCodes: ReasonCode[] = [];
  const packet: UnsubackPacket = { type: 'unsuback', packetId, reasonCodes };
  if (protocolVersion !== 5) {
    reader.expectEnd('UNSUBACK');
    return packet;
  }
  const properties = readProperties<AcknowledgementProperties>(reader, PropertyList.acknowledgement, options);
  if (properties !== undefined) packet.properties = properties;
  if (reader.remaining === 0) throw protocolError('UNSUBACK without reason codes');
  while (reader.remaining > 0) {
    const reasonCode = reader.byte('Reason Code');
    if (!isReasonCodeOf('unsuback', reasonCode)) throw protocolError(`UNSUBACK with reason code ${reasonCode}`); // [MQTT-3.11.3-2]
    reasonCodes.push(reasonCode);
  }
  return packet;
}
