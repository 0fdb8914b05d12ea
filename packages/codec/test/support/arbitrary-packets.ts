import fc, { type Arbitrary } from 'fast-check';
import { type Packet, type ProtocolVersion, type Sender, type UserProperty } from '../../src/index.js';

/** Any text that can be an MQTT string, with a leaning to the ends of UTF-8's ranges. */
const character = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 1, arbitrary: fc.constantFrom(1, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xffff, 0x10000, 0x10ffff) },
);
const text: Arbitrary<string> = fc.array(character, { maxLength: 30 }).map((codePoints) => String.fromCodePoint(...codePoints));
const bytes = fc.uint8Array({ maxLength: 40 });
const payload = fc.oneof(
  bytes,
  fc.integer({ min: 100, max: 2000 }).map((length) => new Uint8Array(length).fill(length)),
);
const uint16 = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 255, 256, 0xffff));
const positiveUint16 = uint16.map((value) => value || 1);
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff));
const positiveUint32 = uint32.map((value) => value || 1);
const bit = fc.constantFrom<(0 | 1)[]>(0, 1);
const qos = fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2);
const identifier = fc.oneof(
  fc.integer({ min: 1, max: 268_435_455 }),
  fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455),
);
const topicName: Arbitrary<string> = text.map((value) => value.replace(/[+#]/g, '') || 't');
const level = fc.oneof(
  text.map((value) => value.replace(/[+#/]/g, '')),
  fc.constant('+'),
);
const plainFilter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/') || '/')
  .filter((filter) => !filter.startsWith('$share/'));
const shareName = text.map((value) => value.replace(/[+#/]/g, '') || 'g');
const sharedFilter = fc.tuple(shareName, plainFilter).map(([name, filter]) => `$share/${name}/${filter}`);
const topicFilter: Arbitrary<string> = fc.oneof(plainFilter, sharedFilter);
const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }) as Arbitrary<UserProperty[]>;

/** Properties are optional one by one; a list that has none is left out. */
function optional(shape: Record<string, Arbitrary<unknown>>): Arbitrary<object | undefined> {
  return fc.record(shape, { requiredKeys: [] }).map((list) => (Object.keys(list).length === 0 ? undefined : list));
}

const messageProperties = {
  payloadFormatIndicator: bit,
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topicName,
  correlationData: bytes,
  userProperties,
};
const willProperties = optional({ ...messageProperties, willDelayInterval: uint32 });
const reasonProperties = optional({ reasonString: text, userProperties });

/** Authentication Data needs a method. */
function withMethod(list: object | undefined): object | undefined {
  if (list === undefined || 'authenticationMethod' in list || !('authenticationData' in list)) return list;
  return { ...list, authenticationMethod: 'm' };
}

const session = {
  sessionExpiryInterval: uint32,
  receiveMaximum: positiveUint16,
  maximumPacketSize: positiveUint32,
  topicAliasMaximum: uint16,
};
const authentication = { authenticationMethod: text, authenticationData: bytes, userProperties };
const connectProperties = optional({
  ...session,
  ...authentication,
  requestResponseInformation: fc.boolean(),
  requestProblemInformation: fc.boolean(),
}).map(withMethod);
const connackProperties = optional({
  ...session,
  ...authentication,
  maximumQos: bit,
  retainAvailable: fc.boolean(),
  assignedClientIdentifier: text,
  reasonString: text,
  wildcardSubscriptionAvailable: fc.boolean(),
  subscriptionIdentifiersAvailable: fc.boolean(),
  sharedSubscriptionAvailable: fc.boolean(),
  serverKeepAlive: uint16,
  responseInformation: text,
  serverReference: text,
}).map(withMethod);

const publishedCodes = [0, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const acknowledgementCodes = { puback: publishedCodes, pubrec: publishedCodes, pubrel: [0, 0x92], pubcomp: [0, 0x92] } as const;

/** Leaves out what is undefined, and what the version does not have. */
function tidy(packet: Record<string, unknown>, version: ProtocolVersion): Packet {
  const entries = Object.entries(packet).filter(([key, value]) => value !== undefined && (version === 5 || key !== 'properties'));
  return Object.fromEntries(entries) as unknown as Packet;
}

function connects(version: ProtocolVersion): Arbitrary<Packet> {
  const will = fc
    .record({ topicName, payload: bytes, qos, retain: fc.boolean(), properties: willProperties })
    .map((value) => tidy(value, version));
  return fc
    .record({
      cleanStart: fc.boolean(),
      keepAlive: uint16,
      clientId: text,
      will: fc.option(will, { nil: undefined }),
      userName: fc.option(text, { nil: undefined }),
      password: fc.option(bytes, { nil: undefined }),
      bridge: version === 5 ? fc.constant(undefined) : fc.constantFrom(undefined, true),
      properties: connectProperties,
    })
    .map((packet) => {
      const password = version === 5 || packet.userName !== undefined ? packet.password : undefined;
      return tidy({ type: 'connect', protocolVersion: version, ...packet, password }, version);
    });
}

function publishes(version: ProtocolVersion, from: Sender): Arbitrary<Packet> {
  const own: Record<string, Arbitrary<unknown>> = from === 'server'
    ? { subscriptionIdentifiers: fc.array(identifier, { minLength: 1, maxLength: 3 }) }
    : {};
  return fc
    .record({
      flags: fc.tuple(qos, fc.boolean(), fc.boolean()),
      packetId: positiveUint16,
      topicName,
      hidesName: fc.boolean(),
      payload,
      properties: optional({ ...messageProperties, ...own, topicAlias: positiveUint16 }),
    })
    .map(({ flags: [level, dup, retain], hidesName, ...packet }) => {
      const aliased = version === 5 && packet.properties !== undefined && 'topicAlias' in packet.properties;
      const name = aliased && hidesName ? '' : packet.topicName;
      const flags = { dup: dup && level > 0, qos: level, retain };
      return tidy(
        {
          type: 'publish',
          ...flags,
          topicName: name,
          packetId: level === 0 ? 0 : packet.packetId,
          payload: packet.payload,
          properties: packet.properties,
        },
        version,
      );
    });
}

function acknowledgements(version: ProtocolVersion): Arbitrary<Packet> {
  const types = Object.keys(acknowledgementCodes) as (keyof typeof acknowledgementCodes)[];
  return fc
    .constantFrom(...types)
    .chain((type) =>
      fc
        .record({ packetId: positiveUint16, reasonCode: fc.constantFrom(...acknowledgementCodes[type]), properties: reasonProperties })
        .map((packet) => tidy({ type, ...packet, reasonCode: version === 5 ? packet.reasonCode : 0 }, version)),
    );
}

function requests(version: ProtocolVersion): Arbitrary<Packet> {
  const subscription = fc
    .record({ topicFilter, qos, noLocal: fc.boolean(), retainAsPublished: fc.boolean(), retainHandling: fc.constantFrom(0, 1, 2) })
    .map((value) => {
      if (version !== 5) return { ...value, noLocal: false, retainAsPublished: false, retainHandling: 0 };
      return { ...value, noLocal: value.noLocal && !value.topicFilter.startsWith('$share/') };
    });
  const subscribe = fc.record({
    type: fc.constant('subscribe'),
    packetId: positiveUint16,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
    properties: optional({ subscriptionIdentifier: identifier, userProperties }),
  });
  const unsubscribe = fc.record({
    type: fc.constant('unsubscribe'),
    packetId: positiveUint16,
    topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 4 }),
    properties: optional({ userProperties }),
  });
  return fc.oneof(subscribe, unsubscribe).map((packet) => tidy(packet, version));
}

function answers(version: ProtocolVersion): Arbitrary<Packet> {
  const granted = version === 3 ? [0, 1, 2] : version === 4 ? [0, 1, 2, 0x80] : [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x97, 0x9e, 0xa1, 0xa2];
  const codes = (values: readonly number[]): Arbitrary<number[]> => fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 });
  const suback = fc.record({
    type: fc.constant('suback'),
    packetId: positiveUint16,
    reasonCodes: codes(granted),
    properties: reasonProperties,
  });
  const unsuback = fc.record({
    type: fc.constant('unsuback'),
    packetId: positiveUint16,
    reasonCodes: version === 5 ? codes([0, 0x11, 0x80, 0x87]) : fc.constant([]),
    properties: reasonProperties,
  });
  const connack = fc
    .record({
      reasonCode: version === 5 ? fc.constantFrom(0, 0x80, 0x87, 0x9f) : fc.integer({ min: 0, max: 5 }),
      present: fc.boolean(),
      properties: connackProperties,
    })
    .map(({ present, ...packet }) => ({ type: 'connack', sessionPresent: present && version !== 3 && packet.reasonCode === 0, ...packet }));
  return fc.oneof(suback, unsuback, connack).map((packet) => tidy(packet as Record<string, unknown>, version));
}

function endings(version: ProtocolVersion, from: Sender): Arbitrary<Packet>[] {
  const own: Record<string, Arbitrary<unknown>> = from === 'client' ? { sessionExpiryInterval: uint32 } : { serverReference: text };
  const disconnect = fc
    .record({
      type: fc.constant('disconnect'),
      reasonCode: version === 5 ? fc.constantFrom(0, 0x80, 0x82, from === 'client' ? 4 : 0x8e) : fc.constant(0),
      properties: optional({ reasonString: text, userProperties, ...own }),
    })
    .map((packet) => tidy(packet, version));
  const auth = fc
    .record({
      type: fc.constant('auth'),
      reasonCode: fc.constantFrom(0x18, from === 'client' ? 0x19 : 0),
      properties: optional({ authenticationData: bytes, reasonString: text, userProperties }).map((list) => ({
        ...list,
        authenticationMethod: 'm',
      })),
    })
    .map((packet) => tidy(packet, version));
  const ping = fc.constant<Packet>({ type: from === 'client' ? 'pingreq' : 'pingresp' });
  if (version === 5) return [disconnect, auth, ping];
  return from === 'client' ? [disconnect, ping] : [ping];
}

/** Any packet that this side may send in this version, CONNECT apart. */
export function anyPacket(version: ProtocolVersion, from: Sender): Arbitrary<Packet> {
  const sided = from === 'client' ? requests(version) : answers(version);
  return fc.oneof(publishes(version, from), acknowledgements(version), sided, ...endings(version, from));
}

export const anyConnect: (version: ProtocolVersion) => Arbitrary<Packet> = connects;
export { topicFilter as anyTopicFilter, topicName as anyTopicName };
