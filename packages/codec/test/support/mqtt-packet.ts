import { parser, type Packet as TheirPacket } from 'mqtt-packet';
import { type Packet, type ProtocolVersion, type UserProperty } from '../../src/index.js';

type Plain = Record<string, unknown>;

export interface TheirOutcome {
  readonly packets: TheirPacket[];
  readonly error: Error | undefined;
}

/** What mqtt-packet makes of the bytes. */
export function theirOutcome(bytes: Uint8Array, version: ProtocolVersion): TheirOutcome {
  const packets: TheirPacket[] = [];
  let error: Error | undefined;
  const theirs = parser({ protocolVersion: version });
  theirs.on('packet', (packet) => void packets.push({ ...packet }));
  theirs.on('error', (failure) => {
    error ??= failure;
  });
  try {
    theirs.parse(Buffer.from(bytes));
  } catch (failure) {
    error ??= failure as Error;
  }
  return { packets, error };
}

const names = {
  connect: ['protocolVersion', 'bridge', 'cleanStart', 'keepAlive', 'clientId', 'will', 'userName', 'password'],
  connack: ['sessionPresent', 'reasonCode'],
  publish: ['dup', 'qos', 'retain', 'topicName', 'packetId', 'payload'],
  puback: ['packetId', 'reasonCode'],
  pubrec: ['packetId', 'reasonCode'],
  pubrel: ['packetId', 'reasonCode'],
  pubcomp: ['packetId', 'reasonCode'],
  subscribe: ['packetId', 'subscriptions'],
  suback: ['packetId', 'reasonCodes'],
  unsubscribe: ['packetId', 'topicFilters'],
  unsuback: ['packetId', 'reasonCodes'],
  pingreq: [],
  pingresp: [],
  disconnect: ['reasonCode'],
  auth: ['reasonCode'],
} as const;

/** Our packet with what mqtt-packet cannot say left out: the order of user properties of different names. */
export function comparable(packet: Packet): Plain {
  const fields = packet as unknown as Plain;
  const result: Plain = { type: packet.type };
  for (const name of names[packet.type]) if (fields[name] !== undefined) result[name] = fields[name];
  if (packet.type === 'connect' && packet.will !== undefined) result['will'] = withComparableProperties({ ...packet.will });
  if ('properties' in packet) result['properties'] = packet.properties;
  return withComparableProperties(result);
}

function withComparableProperties(value: Plain): Plain {
  const list = value['properties'] as Plain | undefined;
  if (list === undefined) return value;
  const pairs = list['userProperties'] as readonly UserProperty[] | undefined;
  if (pairs === undefined) return value;
  const grouped = [...new Set(pairs.map(([name]) => name))]
    .sort()
    .map((name) => [name, pairs.filter((pair) => pair[0] === name).map((pair) => pair[1])]);
  return { ...value, properties: { ...list, userProperties: grouped } };
}

/** Their packet in the same form. */
export function translated(packet: TheirPacket, version: ProtocolVersion): Plain {
  const properties =
    'properties' in packet && packet.properties !== undefined ? translatedProperties(packet.properties, packet.cmd) : undefined;
  return { type: packet.cmd, ...translatedFields(packet, version), ...(properties === undefined ? {} : { properties }) };
}

function translatedFields(packet: TheirPacket, version: ProtocolVersion): Plain {
  const packetId = packet.messageId;
  switch (packet.cmd) {
    case 'connect': {
      const { protocolVersion, clean, keepalive, clientId, will, username, password } = packet;
      const bridge = (packet as { bridgeMode?: boolean }).bridgeMode;
      const fields: Plain = { protocolVersion, bridge, cleanStart: clean, keepAlive: keepalive, clientId, userName: username, password };
      if (will !== undefined) {
        fields['will'] = { topicName: will.topic, payload: will.payload, qos: will.qos, retain: will.retain };
        if (will.properties !== undefined) (fields['will'] as Plain)['properties'] = translatedProperties(will.properties, 'will');
      }
      return fields;
    }
    case 'connack':
      return { sessionPresent: packet.sessionPresent, reasonCode: version === 5 ? packet.reasonCode : packet.returnCode };
    case 'publish':
      return {
        dup: packet.dup,
        qos: packet.qos,
        retain: packet.retain,
        topicName: packet.topic,
        packetId: packetId ?? 0,
        payload: packet.payload,
      };
    case 'subscribe': {
      const subscriptions = packet.subscriptions.map(({ topic, qos, nl, rap, rh }) => ({
        topicFilter: topic,
        qos,
        noLocal: nl ?? false,
        retainAsPublished: rap ?? false,
        retainHandling: rh ?? 0,
      }));
      return { packetId, subscriptions };
    }
    case 'unsubscribe':
      return { packetId, topicFilters: packet.unsubscriptions };
    case 'suback':
      return { packetId, reasonCodes: packet.granted };
    case 'unsuback':
      return { packetId, reasonCodes: (packet as { granted?: number[] }).granted ?? [] };
    case 'pingreq':
    case 'pingresp':
      return {};
    case 'disconnect':
    case 'auth':
      return { reasonCode: packet.reasonCode ?? 0 };
    default:
      return { packetId, reasonCode: (packet as { reasonCode?: number }).reasonCode ?? 0 };
  }
}

function translatedProperties(list: Plain, place: string): Plain {
  const result: Plain = {};
  for (const [name, value] of Object.entries(list)) {
    if (name === 'userProperties') {
      const pairs = value as Record<string, string | string[]>;
      result[name] = Object.keys(pairs)
        .sort()
        .map((key) => [key, [pairs[key]].flat()]);
    } else if (name === 'payloadFormatIndicator') {
      result[name] = value === true ? 1 : 0;
    } else if (name === 'maximumQoS') {
      result['maximumQos'] = value;
    } else if (name === 'subscriptionIdentifier' && place === 'publish') {
      result['subscriptionIdentifiers'] = [value].flat();
    } else {
      result[name] = value;
    }
  }
  return result;
}
