import { type Packet, type ProtocolVersion, type Sender } from '../../src/index.js';
import { binary, type Field, packet, properties, raw, u16, u32, variable } from './bytes.js';

export interface GoldenRow {
  readonly name: string;
  readonly versions: readonly ProtocolVersion[];
  readonly from: readonly Sender[];
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  /** False for bytes that are valid and that an encoder writes shorter, or never writes. */
  readonly isCanonical?: boolean;
}

const none = properties();
const both: readonly Sender[] = ['client', 'server'];
const client: readonly Sender[] = ['client'];
const server: readonly Sender[] = ['server'];
const v3x: readonly ProtocolVersion[] = [3, 4];
const v5: readonly ProtocolVersion[] = [5];
const everyVersion: readonly ProtocolVersion[] = [3, 4, 5];
const payload = raw([0, 1, 0xff]);
const longTopic = 'a/'.repeat(100) + 'z';

function connect(version: ProtocolVersion, more: object = {}): Packet {
  return { type: 'connect', protocolVersion: version, cleanStart: true, keepAlive: 60, clientId: 'c', ...more };
}

function publish(more: object = {}): Packet {
  return { type: 'publish', dup: false, qos: 0, retain: false, topicName: 'a/b', packetId: 0, payload, ...more };
}

const connectRows: GoldenRow[] = [
  { name: 'CONNECT 3.1', versions: [3], from: client, bytes: packet(0x10, 'MQIsdp', 3, 0x02, u16(60), 'c'), packet: connect(3) },
  { name: 'CONNECT 3.1.1', versions: [4], from: client, bytes: packet(0x10, 'MQTT', 4, 0x02, u16(60), 'c'), packet: connect(4) },
  { name: 'CONNECT 5.0', versions: v5, from: client, bytes: packet(0x10, 'MQTT', 5, 0x02, u16(60), none, 'c'), packet: connect(5) },
  {
    name: 'CONNECT 3.1 of a bridge',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 0x83, 0x02, u16(60), 'c'),
    packet: connect(3, { bridge: true }),
  },
  {
    name: 'CONNECT 3.1.1 of a bridge',
    versions: [4],
    from: client,
    bytes: packet(0x10, 'MQTT', 0x84, 0x02, u16(60), 'c'),
    packet: connect(4, { bridge: true }),
  },
  {
    name: 'CONNECT with an empty client identifier, without clean start and keep alive [MQTT-3.1.3-3]',
    versions: [4],
    from: client,
    bytes: packet(0x10, 'MQTT', 4, 0x00, u16(0), ''),
    packet: connect(4, { cleanStart: false, keepAlive: 0, clientId: '' }),
  },
  {
    name: 'CONNECT 3.1.1 with everything [v3.1.1 MQTT-3.1.3-1] [v3.1.1 MQTT-3.1.2-9]',
    versions: [4],
    from: client,
    bytes: packet(0x10, 'MQTT', 4, 0xee, u16(65_535), 'client', 'will/topic', binary(1, 2), 'user', binary(0, 255)),
    packet: connect(4, {
      keepAlive: 65_535,
      clientId: 'client',
      will: { topicName: 'will/topic', payload: raw([1, 2]), qos: 1, retain: true },
      userName: 'user',
      password: raw([0, 255]),
    }),
  },
  {
    name: 'CONNECT 3.1 with everything',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 3, 0xd6, u16(1), 'client', 'w', binary(), 'user', binary(1)),
    packet: connect(3, {
      keepAlive: 1,
      clientId: 'client',
      will: { topicName: 'w', payload: raw([]), qos: 2, retain: false },
      userName: 'user',
      password: raw([1]),
    }),
  },
  {
    name: 'CONNECT 5.0 with everything [MQTT-3.1.3-1] [MQTT-3.1.2-9]',
    versions: v5,
    from: client,
    bytes: packet(
      0x10,
      'MQTT',
      5,
      0xf4,
      u16(10),
      properties(0x11, u32(0xffff_ffff), 0x21, u16(20)),
      'c',
      properties(0x18, u32(200)),
      'w',
      binary(9),
      'u',
      binary(7),
    ),
    packet: connect(5, {
      cleanStart: false,
      keepAlive: 10,
      properties: { sessionExpiryInterval: 0xffff_ffff, receiveMaximum: 20 },
      will: { topicName: 'w', payload: raw([9]), qos: 2, retain: true, properties: { willDelayInterval: 200 } },
      userName: 'u',
      password: raw([7]),
    }),
  },
  {
    name: 'CONNECT 5.0 with a password and no user name (section 3.1.3.6)',
    versions: v5,
    from: client,
    bytes: packet(0x10, 'MQTT', 5, 0x42, u16(60), none, 'c', binary(7)),
    packet: connect(5, { password: raw([7]) }),
  },
  {
    name: 'CONNECT 3.1 whose flagged user name and password are missing (3.1: the Remaining Length takes precedence)',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 3, 0xc2, u16(60), 'c'),
    packet: connect(3),
    isCanonical: false,
  },
  {
    name: 'CONNECT 3.1 whose flagged password is missing',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 3, 0xc2, u16(60), 'c', 'u'),
    packet: connect(3, { userName: 'u' }),
    isCanonical: false,
  },
  {
    name: 'CONNECT 3.1 with the unused bit and will flags without a will (3.1 has no rule for them)',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 3, 0x3b, u16(60), 'c'),
    packet: connect(3),
    isCanonical: false,
  },
  {
    name: 'CONNECT 3.1 with more than 23 characters',
    versions: [3],
    from: client,
    bytes: packet(0x10, 'MQIsdp', 3, 0x02, u16(60), 'x'.repeat(300)),
    packet: connect(3, { clientId: 'x'.repeat(300) }),
  },
];

const connackRows: GoldenRow[] = [
  ...[0, 1, 2, 3, 4, 5].map(
    (code): GoldenRow => ({
      name: `CONNACK ${code}`,
      versions: v3x,
      from: server,
      bytes: packet(0x20, 0, code),
      packet: { type: 'connack', sessionPresent: false, reasonCode: code },
    }),
  ),
  {
    name: 'CONNACK with session',
    versions: [4],
    from: server,
    bytes: packet(0x20, 1, 0),
    packet: { type: 'connack', sessionPresent: true, reasonCode: 0 },
  },
  {
    name: 'CONNACK of 3.1, whose first byte is unused',
    versions: [3],
    from: server,
    bytes: packet(0x20, 0xff, 0),
    packet: { type: 'connack', sessionPresent: false, reasonCode: 0 },
    isCanonical: false,
  },
  {
    name: 'CONNACK with session',
    versions: v5,
    from: server,
    bytes: packet(0x20, 1, 0, none),
    packet: { type: 'connack', sessionPresent: true, reasonCode: 0 },
  },
];

const publishRows: GoldenRow[] = [
  { name: 'PUBLISH QoS 0 [MQTT-2.2.1-2]', versions: v3x, from: both, bytes: packet(0x30, 'a/b', payload), packet: publish() },
  { name: 'PUBLISH QoS 0 [MQTT-2.2.1-2]', versions: v5, from: both, bytes: packet(0x30, 'a/b', none, payload), packet: publish() },
  {
    name: 'PUBLISH QoS 1, retained, repeated',
    versions: v3x,
    from: both,
    bytes: packet(0x3b, 'a/b', u16(258), payload),
    packet: publish({ dup: true, qos: 1, retain: true, packetId: 258 }),
  },
  {
    name: 'PUBLISH QoS 2',
    versions: v5,
    from: both,
    bytes: packet(0x34, 'a/b', u16(65_535), none, payload),
    packet: publish({ qos: 2, packetId: 65_535 }),
  },
  {
    name: 'PUBLISH without payload',
    versions: v3x,
    from: both,
    bytes: packet(0x31, '/'),
    packet: publish({ retain: true, topicName: '/', payload: raw([]) }),
  },
  {
    name: 'PUBLISH with 3 bytes of UTF-8 and a long topic',
    versions: v3x,
    from: both,
    bytes: packet(0x30, `€${longTopic}`, payload),
    packet: publish({ topicName: `€${longTopic}` }),
  },
  {
    name: 'PUBLISH with a topic of 65,535 bytes [MQTT-4.7.3-3]',
    versions: [4],
    from: client,
    bytes: packet(0x30, 'x'.repeat(65_535)),
    packet: publish({ topicName: 'x'.repeat(65_535), payload: raw([]) }),
  },
  {
    name: 'PUBLISH with Remaining Length 127',
    versions: [4],
    from: client,
    bytes: packet(0x30, 'a/b', raw('y'.repeat(122))),
    packet: publish({ payload: raw('y'.repeat(122)) }),
  },
  {
    name: 'PUBLISH with Remaining Length 128',
    versions: [4],
    from: client,
    bytes: packet(0x30, 'a/b', raw('y'.repeat(123))),
    packet: publish({ payload: raw('y'.repeat(123)) }),
  },
  {
    name: 'PUBLISH with Remaining Length 16,384',
    versions: [4],
    from: client,
    bytes: packet(0x30, 'a/b', raw('y'.repeat(16_379))),
    packet: publish({ payload: raw('y'.repeat(16_379)) }),
  },
  {
    name: 'PUBLISH to $SYS and with spaces',
    versions: v5,
    from: both,
    bytes: packet(0x30, '$SYS/ a', none),
    packet: publish({ topicName: '$SYS/ a', payload: raw([]) }),
  },
  {
    name: 'PUBLISH with an alias in place of the name',
    versions: v5,
    from: both,
    bytes: packet(0x30, '', properties(0x23, u16(65_535)), payload),
    packet: publish({ topicName: '', properties: { topicAlias: 65_535 } }),
  },
  {
    name: 'PUBLISH with several subscription identifiers, in their order',
    versions: v5,
    from: server,
    bytes: packet(0x30, 'a/b', properties(0x0b, variable(268_435_455), 0x0b, variable(1), 0x0b, variable(128)), payload),
    packet: publish({ properties: { subscriptionIdentifiers: [268_435_455, 1, 128] } }),
  },
  {
    name: 'PUBLISH with user properties whose order and repetition count [MQTT-3.3.2-18]',
    versions: v5,
    from: both,
    bytes: packet(0x30, 'a/b', properties(0x26, 'b', '1', 0x26, 'a', '2', 0x26, 'b', '1', 0x26, '', ''), payload),
    packet: publish({
      properties: {
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '1'],
          ['', ''],
        ],
      },
    }), // prettier-ignore
  },
  {
    name: 'PUBLISH with all properties of a client',
    versions: v5,
    from: both,
    bytes: packet(
      0x32,
      'a/b',
      u16(1),
      properties(0x01, 1, 0x02, u32(3600), 0x03, 'text/plain', 0x08, 'r/t', 0x09, binary(1, 2), 0x23, u16(3), 0x26, 'k', 'v'),
      payload,
    ),
    packet: publish({
      qos: 1,
      packetId: 1,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 3600,
        contentType: 'text/plain',
        responseTopic: 'r/t',
        correlationData: raw([1, 2]),
        topicAlias: 3,
        userProperties: [['k', 'v']],
      },
    }),
  },
  {
    name: 'PUBLISH with DUP and QoS 0, which 3.1 does not forbid',
    versions: [3],
    from: both,
    bytes: packet(0x38, 'a/b', payload),
    packet: publish({ dup: true }),
    isCanonical: false,
  },
];

const strings: readonly (readonly [string, string])[] = [
  ['U+FEFF at the start [MQTT-1.5.4-3]', '\u{feff}a'],
  ['control characters, which are allowed', '\u{1}\u{7f}\u{9f}'],
  ['noncharacters, which are allowed', '\u{ffff}\u{fdd0}\u{10ffff}'],
  ['the first and last of each length', '\u{1}\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}'],
  ['two, three and four bytes', 'é€😀'],
  ['ASCII behind others', '😀abc'],
];

const stringRows: GoldenRow[] = strings.flatMap(([name, topicName]): GoldenRow[] => [
  { name: `PUBLISH to ${name}`, versions: v3x, from: both, bytes: packet(0x30, topicName, payload), packet: publish({ topicName }) },
  {
    name: `User Property with ${name}`,
    versions: v5,
    from: both,
    bytes: packet(0x40, u16(1), 0, properties(0x26, topicName, topicName)),
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: { userProperties: [[topicName, topicName]] } },
  },
]);

const acknowledgements = [
  ['puback', 0x40, [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]],
  ['pubrec', 0x50, [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]],
  ['pubrel', 0x62, [0x92]],
  ['pubcomp', 0x70, [0x92]],
] as const;

const acknowledgementRows: GoldenRow[] = acknowledgements.flatMap(([type, firstByte, codes]): GoldenRow[] => [
  {
    name: `${type} without reason code`,
    versions: everyVersion,
    from: both,
    bytes: packet(firstByte, u16(513)),
    packet: { type, packetId: 513, reasonCode: 0 },
  },
  {
    name: `${type} with reason code 0`,
    versions: v5,
    from: both,
    bytes: packet(firstByte, u16(1), 0),
    packet: { type, packetId: 1, reasonCode: 0 },
    isCanonical: false,
  },
  {
    name: `${type} with reason code 0 and no properties`,
    versions: v5,
    from: both,
    bytes: packet(firstByte, u16(1), 0, none),
    packet: { type, packetId: 1, reasonCode: 0 },
    isCanonical: false,
  },
  ...codes.map(
    (code): GoldenRow => ({
      name: `${type} 0x${code.toString(16)}`,
      versions: v5,
      from: both,
      bytes: packet(firstByte, u16(1), code),
      packet: { type, packetId: 1, reasonCode: code },
    }),
  ),
  {
    name: `${type} with properties`,
    versions: v5,
    from: both,
    bytes: packet(firstByte, u16(1), codes[0], properties(0x1f, 'why', 0x26, 'a', 'b')),
    packet: { type, packetId: 1, reasonCode: codes[0], properties: { reasonString: 'why', userProperties: [['a', 'b']] } },
  },
]);

const noMatching: GoldenRow[] = (['puback', 'pubrec'] as const).map((type, index) => ({
  name: `${type} 0x10, which only a server sends`,
  versions: v5,
  from: server,
  bytes: packet(0x40 + 16 * index, u16(1), 0x10),
  packet: { type, packetId: 1, reasonCode: 0x10 },
}));

const filters = [
  '#',
  '+',
  '/',
  '+/+',
  'a/#',
  '+/b/#',
  '$SYS/#',
  '//',
  'a//b',
  '$share/group/#',
  '$share/g/a/+',
  '$share/g//',
  '$shared/a',
  '$share',
  'é/+',
];

function request(
  topicFilter: string,
  more: object = {},
): { topicFilter: string; qos: 0; noLocal: false; retainAsPublished: false; retainHandling: 0 } {
  return { topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...more };
}

const subscribeRows: GoldenRow[] = [
  ...filters.map(
    (filter): GoldenRow => ({
      name: `SUBSCRIBE to ${filter}`,
      versions: v3x,
      from: client,
      bytes: packet(0x82, u16(1), filter, 0),
      packet: { type: 'subscribe', packetId: 1, subscriptions: [request(filter)] },
    }),
  ),
  ...filters.map(
    (filter): GoldenRow => ({
      name: `SUBSCRIBE to ${filter}`,
      versions: v5,
      from: client,
      bytes: packet(0x82, u16(1), none, filter, 0),
      packet: { type: 'subscribe', packetId: 1, subscriptions: [request(filter)] },
    }),
  ),
  {
    name: 'SUBSCRIBE to several filters, in their order',
    versions: v3x,
    from: client,
    bytes: packet(0x82, u16(9), 'a', 2, 'b', 1, 'a', 0),
    packet: { type: 'subscribe', packetId: 9, subscriptions: [request('a', { qos: 2 }), request('b', { qos: 1 }), request('a')] },
  },
  {
    name: 'SUBSCRIBE with options',
    versions: v5,
    from: client,
    bytes: packet(0x82, u16(9), properties(0x0b, variable(16_384), 0x26, 'a', 'b'), 'a', 0x2e, 'b', 0x11, '$share/s/c', 0x08),
    packet: {
      type: 'subscribe',
      packetId: 9,
      properties: { subscriptionIdentifier: 16_384, userProperties: [['a', 'b']] },
      subscriptions: [
        request('a', { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }),
        request('b', { qos: 1, retainHandling: 1 }),
        request('$share/s/c', { retainAsPublished: true }),
      ],
    },
  },
  {
    name: 'SUBSCRIBE sent again, with DUP',
    versions: [3],
    from: client,
    bytes: packet(0x8a, u16(1), 'a', 1),
    packet: { type: 'subscribe', packetId: 1, subscriptions: [request('a', { qos: 1 })] },
    isCanonical: false,
  },
  {
    name: 'SUBSCRIBE whose upper six bits are unused in 3.1',
    versions: [3],
    from: client,
    bytes: packet(0x82, u16(1), 'a', 0xfd),
    packet: { type: 'subscribe', packetId: 1, subscriptions: [request('a', { qos: 1 })] },
    isCanonical: false,
  },
  {
    name: 'UNSUBSCRIBE sent again, with DUP',
    versions: [3],
    from: client,
    bytes: packet(0xaa, u16(1), 'a'),
    packet: { type: 'unsubscribe', packetId: 1, topicFilters: ['a'] },
    isCanonical: false,
  },
  {
    name: 'PUBREL sent again, with DUP',
    versions: [3],
    from: both,
    bytes: packet(0x6a, u16(1)),
    packet: { type: 'pubrel', packetId: 1, reasonCode: 0 },
    isCanonical: false,
  },
  {
    name: 'UNSUBSCRIBE',
    versions: v3x,
    from: client,
    bytes: packet(0xa2, u16(7), 'a/+', '$share/g/#'),
    packet: { type: 'unsubscribe', packetId: 7, topicFilters: ['a/+', '$share/g/#'] },
  },
  {
    name: 'UNSUBSCRIBE',
    versions: v5,
    from: client,
    bytes: packet(0xa2, u16(7), none, 'a/+', '#'),
    packet: { type: 'unsubscribe', packetId: 7, topicFilters: ['a/+', '#'] },
  },
  {
    name: 'SUBACK',
    versions: [3],
    from: server,
    bytes: packet(0x90, u16(7), 0, 1, 2),
    packet: { type: 'suback', packetId: 7, reasonCodes: [0, 1, 2] },
  },
  {
    name: 'SUBACK [v3.1.1 MQTT-3.9.3-2]',
    versions: [4],
    from: server,
    bytes: packet(0x90, u16(7), 0, 1, 2, 0x80),
    packet: { type: 'suback', packetId: 7, reasonCodes: [0, 1, 2, 0x80] },
  },
  {
    name: 'SUBACK with every reason code [MQTT-3.9.3-2]',
    versions: v5,
    from: server,
    bytes: packet(0x90, u16(7), none, 0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2),
    packet: { type: 'suback', packetId: 7, reasonCodes: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2] },
  },
  {
    name: 'UNSUBACK',
    versions: v3x,
    from: server,
    bytes: packet(0xb0, u16(7)),
    packet: { type: 'unsuback', packetId: 7, reasonCodes: [] },
  },
  {
    name: 'UNSUBACK with every reason code [MQTT-3.11.3-2]',
    versions: v5,
    from: server,
    bytes: packet(0xb0, u16(7), none, 0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91),
    packet: { type: 'unsuback', packetId: 7, reasonCodes: [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91] },
  },
];

const eitherDisconnects = [0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
const serverDisconnects = [0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2];

function disconnectRow(reasonCode: number, from: readonly Sender[]): GoldenRow {
  return {
    name: `DISCONNECT 0x${reasonCode.toString(16)}`,
    versions: v5,
    from,
    bytes: packet(0xe0, reasonCode),
    packet: { type: 'disconnect', reasonCode },
  };
}

const otherRows: GoldenRow[] = [
  { name: 'PINGREQ', versions: everyVersion, from: client, bytes: packet(0xc0), packet: { type: 'pingreq' } },
  { name: 'PINGRESP', versions: everyVersion, from: server, bytes: packet(0xd0), packet: { type: 'pingresp' } },
  { name: 'DISCONNECT', versions: everyVersion, from: client, bytes: packet(0xe0), packet: { type: 'disconnect', reasonCode: 0 } },
  { name: 'DISCONNECT of a server', versions: v5, from: server, bytes: packet(0xe0), packet: { type: 'disconnect', reasonCode: 0 } },
  {
    name: 'DISCONNECT 0 (Remaining Length 1)',
    versions: v5,
    from: both,
    bytes: packet(0xe0, 0),
    packet: { type: 'disconnect', reasonCode: 0 },
    isCanonical: false,
  },
  {
    name: 'DISCONNECT 0 with Property Length 0',
    versions: v5,
    from: both,
    bytes: packet(0xe0, 0, none),
    packet: { type: 'disconnect', reasonCode: 0 },
    isCanonical: false,
  },
  ...eitherDisconnects.map((code) => disconnectRow(code, both)),
  ...serverDisconnects.map((code) => disconnectRow(code, server)),
  disconnectRow(4, client),
  {
    name: 'AUTH of Remaining Length 0 (section 3.15.2.1)',
    versions: v5,
    from: server,
    bytes: packet(0xf0),
    packet: { type: 'auth', reasonCode: 0 },
  },
  {
    name: 'AUTH with reason code 0 and Property Length 0',
    versions: v5,
    from: server,
    bytes: packet(0xf0, 0, none),
    packet: { type: 'auth', reasonCode: 0 },
    isCanonical: false,
  },
  ...(
    [
      [0x18, both],
      [0x19, client],
      [0x00, server],
    ] as const
  ).map(
    ([reasonCode, from]): GoldenRow => ({
      name: `AUTH 0x${reasonCode.toString(16)} [MQTT-3.15.2-1]`,
      versions: v5,
      from,
      bytes: packet(0xf0, reasonCode, properties(0x15, 'SCRAM', 0x16, binary(1, 2))),
      packet: { type: 'auth', reasonCode, properties: { authenticationMethod: 'SCRAM', authenticationData: raw([1, 2]) } },
    }),
  ),
  ...[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ].map(
    (reasonCode): GoldenRow => ({
      name: `CONNACK 0x${reasonCode.toString(16)} [MQTT-3.2.2-8]`,
      versions: v5,
      from: server,
      bytes: packet(0x20, 0, reasonCode, none),
      packet: { type: 'connack', sessionPresent: false, reasonCode },
    }),
  ),
];

/** Where a property list can stand: bytes and packet around it. */
export interface PropertyPlace {
  readonly name: string;
  readonly from: Sender;
  readonly bytes: (list: Uint8Array) => Uint8Array;
  readonly packet: (list: object) => Packet;
}

const will = { topicName: 'w', payload: raw([]), qos: 0, retain: false };
const afterPacketId = (
  name: string,
  from: Sender,
  firstByte: number,
  tail: readonly Field[],
  type: string,
  rest: object,
): PropertyPlace => ({
  name,
  from,
  bytes: (list) => packet(firstByte, u16(1), list, ...tail),
  packet: (list) => ({ type, packetId: 1, ...rest, properties: list }) as unknown as Packet,
});
const reasoned = (type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', firstByte: number): PropertyPlace => ({
  name: type,
  from: 'server',
  bytes: (list) => packet(firstByte, u16(1), 0, list),
  packet: (list) => ({ type, packetId: 1, reasonCode: 0, properties: list }),
});

export const propertyPlaces: readonly PropertyPlace[] = [
  {
    name: 'connect',
    from: 'client',
    bytes: (list) => packet(0x10, 'MQTT', 5, 2, u16(60), list, 'c'),
    packet: (list) => connect(5, { properties: list }),
  },
  {
    name: 'will',
    from: 'client',
    bytes: (list) => packet(0x10, 'MQTT', 5, 6, u16(60), none, 'c', list, 'w', binary()),
    packet: (list) => connect(5, { will: { ...will, properties: list } }),
  },
  {
    name: 'connack',
    from: 'server',
    bytes: (list) => packet(0x20, 0, 0, list),
    packet: (list) => ({ type: 'connack', sessionPresent: false, reasonCode: 0, properties: list }),
  },
  { name: 'publish', from: 'server', bytes: (list) => packet(0x30, 'a/b', list, payload), packet: (list) => publish({ properties: list }) },
  reasoned('puback', 0x40),
  reasoned('pubrec', 0x50),
  reasoned('pubrel', 0x62),
  reasoned('pubcomp', 0x70),
  afterPacketId('subscribe', 'client', 0x82, ['a', 0], 'subscribe', { subscriptions: [request('a')] }),
  afterPacketId('suback', 'server', 0x90, [0], 'suback', { reasonCodes: [0] }),
  afterPacketId('unsubscribe', 'client', 0xa2, ['a'], 'unsubscribe', { topicFilters: ['a'] }),
  afterPacketId('unsuback', 'server', 0xb0, [0], 'unsuback', { reasonCodes: [0] }),
  {
    name: 'disconnect of a client',
    from: 'client',
    bytes: (list) => packet(0xe0, 0, list),
    packet: (list) => ({ type: 'disconnect', reasonCode: 0, properties: list }),
  },
  {
    name: 'disconnect of a server',
    from: 'server',
    bytes: (list) => packet(0xe0, 0, list),
    packet: (list) => ({ type: 'disconnect', reasonCode: 0, properties: list }),
  },
  {
    name: 'auth',
    from: 'client',
    bytes: (list) => packet(0xf0, 0x18, list),
    packet: (list) => ({ type: 'auth', reasonCode: 0x18, properties: list }),
  },
];

/** One property: its bytes, its value, where it may stand, and what else it needs there. */
export interface PropertyRow {
  readonly bytes: Uint8Array;
  readonly value: object;
  readonly places: readonly string[];
  /** 0x81 where the packet does not have it; these places have it from the other side only. */
  readonly protocolErrorAt?: string;
  readonly isRepeatable?: boolean;
  /** Values of the property that are refused everywhere. */
  readonly refused?: readonly { readonly bytes: Uint8Array; readonly reasonCode: number }[];
}

const reasonedPlaces = [
  'connack',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'suback',
  'unsuback',
  'disconnect of a client',
  'disconnect of a server',
  'auth',
];
const field = (...fields: Field[]): Uint8Array => packet(0, ...fields).slice(2);
const bitRefused = (identifier: number) => [2, 0xff].map((value) => ({ bytes: field(identifier, value), reasonCode: 0x82 }));
const message = ['publish', 'will'];

export const propertyRows: readonly PropertyRow[] = [
  { bytes: field(0x01, 0), value: { payloadFormatIndicator: 0 }, places: message, refused: bitRefused(0x01) },
  { bytes: field(0x02, u32(0xffff_ffff)), value: { messageExpiryInterval: 0xffff_ffff }, places: message },
  { bytes: field(0x03, 'text'), value: { contentType: 'text' }, places: message },
  {
    bytes: field(0x08, 'r'),
    value: { responseTopic: 'r' },
    places: message,
    refused: ['', 'a/+', '#'].map((topic) => ({ bytes: field(0x08, topic), reasonCode: 0x81 })), // [MQTT-3.3.2-14]
  },
  { bytes: field(0x09, binary(0, 255)), value: { correlationData: raw([0, 255]) }, places: message },
  {
    bytes: field(0x0b, variable(200)),
    value: { subscriptionIdentifier: 200 },
    places: ['subscribe'],
    refused: [{ bytes: field(0x0b, 0), reasonCode: 0x82 }],
  },
  {
    bytes: field(0x0b, variable(200)),
    value: { subscriptionIdentifiers: [200] },
    places: ['publish'],
    isRepeatable: true,
    refused: [{ bytes: field(0x0b, 0), reasonCode: 0x82 }],
  },
  {
    bytes: field(0x11, u32(1)),
    value: { sessionExpiryInterval: 1 },
    places: ['connect', 'connack', 'disconnect of a client'],
    protocolErrorAt: 'disconnect of a server',
  },
  { bytes: field(0x12, 'id'), value: { assignedClientIdentifier: 'id' }, places: ['connack'] },
  { bytes: field(0x13, u16(0)), value: { serverKeepAlive: 0 }, places: ['connack'] },
  { bytes: field(0x15, 'm'), value: { authenticationMethod: 'm' }, places: ['connect', 'connack', 'auth'] },
  {
    bytes: field(0x15, 'm', 0x16, binary(5)),
    value: { authenticationMethod: 'm', authenticationData: raw([5]) },
    places: ['connect', 'connack', 'auth'],
  },
  { bytes: field(0x17, 0), value: { requestProblemInformation: false }, places: ['connect'], refused: bitRefused(0x17) },
  { bytes: field(0x18, u32(0)), value: { willDelayInterval: 0 }, places: ['will'] },
  { bytes: field(0x19, 1), value: { requestResponseInformation: true }, places: ['connect'], refused: bitRefused(0x19) },
  { bytes: field(0x1a, 'r/'), value: { responseInformation: 'r/' }, places: ['connack'] },
  {
    bytes: field(0x1c, 's'),
    value: { serverReference: 's' },
    places: ['connack', 'disconnect of a server'],
    protocolErrorAt: 'disconnect of a client',
  },
  { bytes: field(0x1f, 'why'), value: { reasonString: 'why' }, places: reasonedPlaces },
  {
    bytes: field(0x21, u16(65_535)),
    value: { receiveMaximum: 65_535 },
    places: ['connect', 'connack'],
    refused: [{ bytes: field(0x21, u16(0)), reasonCode: 0x82 }],
  },
  { bytes: field(0x22, u16(0)), value: { topicAliasMaximum: 0 }, places: ['connect', 'connack'] },
  {
    bytes: field(0x23, u16(1)),
    value: { topicAlias: 1 },
    places: ['publish'],
    refused: [{ bytes: field(0x23, u16(0)), reasonCode: 0x94 }],
  },
  { bytes: field(0x24, 1), value: { maximumQos: 1 }, places: ['connack'], refused: bitRefused(0x24) },
  { bytes: field(0x25, 0), value: { retainAvailable: false }, places: ['connack'], refused: bitRefused(0x25) },
  {
    bytes: field(0x26, 'k', 'v'),
    value: { userProperties: [['k', 'v']] },
    places: propertyPlaces.map((place) => place.name),
    isRepeatable: true,
  },
  {
    bytes: field(0x27, u32(1)),
    value: { maximumPacketSize: 1 },
    places: ['connect', 'connack'],
    refused: [{ bytes: field(0x27, u32(0)), reasonCode: 0x82 }],
  },
  { bytes: field(0x28, 0), value: { wildcardSubscriptionAvailable: false }, places: ['connack'], refused: bitRefused(0x28) },
  { bytes: field(0x29, 1), value: { subscriptionIdentifiersAvailable: true }, places: ['connack'], refused: bitRefused(0x29) },
  { bytes: field(0x2a, 1), value: { sharedSubscriptionAvailable: true }, places: ['connack'], refused: bitRefused(0x2a) },
];

/** AUTH is never without its method: it comes along, in the place where the encoder writes it. */
const methodIdentifier = 0x15;
export function listAt(place: string, bytes: Uint8Array): Uint8Array {
  if (place !== 'auth' || bytes[0] === methodIdentifier) return bytes;
  return bytes[0] < methodIdentifier ? field(bytes, methodIdentifier, 'm') : field(methodIdentifier, 'm', bytes);
}

const propertyGoldenRows: GoldenRow[] = propertyRows.flatMap((row) =>
  propertyPlaces
    .filter((place) => row.places.includes(place.name))
    .map((place) => ({
      name: `${place.name} with ${JSON.stringify(row.value)}`,
      versions: v5,
      from: [place.from],
      bytes: place.bytes(properties(listAt(place.name, row.bytes))),
      packet: place.packet(place.name === 'auth' ? { authenticationMethod: 'm', ...row.value } : row.value),
    })),
);

export const goldenRows: readonly GoldenRow[] = [
  ...connectRows,
  ...connackRows,
  ...publishRows,
  ...stringRows,
  ...acknowledgementRows,
  ...noMatching,
  ...subscribeRows,
  ...otherRows,
  ...propertyGoldenRows,
];
