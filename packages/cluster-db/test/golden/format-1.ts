import { type Will } from '@si-mqtt/codec';
import { Message } from '@si-mqtt/session';
import { type Entry, encodeMessage, encodeWill } from '../../src/index.js';

/** What format-1.json holds, as values. The bytes were written once; they stay what they are as long as anybody has such a database. */
const session = { sid: new Uint8Array(16).fill(0x11), incarnation: new Uint8Array(16).fill(0x22) };
const group = new Uint8Array(16).fill(0x33);
const origin = new Uint8Array(16).fill(0x44);
const receivedAt = 1_790_000_000_123;
const publisher = { clientId: 'wetterstation-ö', userName: 'alice' };

export const plainMessage: Message = Message.of(
  { topicName: 'a/b', payload: Uint8Array.of(0, 1, 255), qos: 1, retain: false },
  { clientId: '', userName: undefined },
  receivedAt,
);
export const fullMessage: Message = Message.of(
  {
    topicName: 'straße/5',
    payload: new TextEncoder().encode('{"temperature": 21.5}'),
    qos: 2,
    retain: true,
    properties: {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 60,
      contentType: 'application/json',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(9, 8, 7),
      userProperties: [
        ['k', 'v'],
        ['k', 'w'],
      ],
    },
  },
  publisher,
  receivedAt,
);
export const will: Will = {
  topicName: 'gone',
  payload: Uint8Array.of(1),
  qos: 1,
  retain: true,
  properties: { willDelayInterval: 30, contentType: 'x' },
};
const delivery = { session, pos: (3n << 40n) + 5n, qos: 2, retain: true, subscriptionIdentifiers: [1, 268_435_455] } as const;
const subscription = { qos: 1, noLocal: true, retainAsPublished: false, subscriptionIdentifier: 300 } as const;

export const entries = (): Entry[] => [
  {
    kind: 'publish',
    message: encodeMessage(fullMessage),
    inbound: { session, packetId: 65_535 },
    will: undefined,
    retained: true,
    deliveries: [
      { ...delivery, state: 1, packetId: 77, group },
      { ...delivery, qos: 1, retain: false, subscriptionIdentifiers: undefined, state: 0, packetId: 0, group: undefined },
    ],
    waiting: [
      { group, qos: 1, subscriptionIdentifiers: [5] },
      { group, qos: 2, subscriptionIdentifiers: undefined },
    ],
  },
  {
    kind: 'publish',
    message: encodeMessage(plainMessage),
    inbound: undefined,
    will: { session, connection: 4 },
    retained: false,
    deliveries: [],
    waiting: [],
  },
  {
    kind: 'connect',
    session,
    clientId: 'wetterstation-ö',
    userName: 'alice',
    connection: 2 ** 40,
    sessionExpiryInterval: 3600,
    will: encodeWill(will, publisher, receivedAt),
    ended: origin,
  },
  {
    kind: 'connect',
    session,
    clientId: '',
    userName: undefined,
    connection: 1,
    sessionExpiryInterval: Infinity,
    will: undefined,
    ended: undefined,
  },
  {
    kind: 'disconnect',
    session,
    connection: 3,
    end: 'lost',
    sessionExpiryInterval: 60,
    expiresAt: receivedAt + 60_000,
    willDueAt: receivedAt + 30_000,
  },
  {
    kind: 'disconnect',
    session,
    connection: 3,
    end: 'disconnected',
    sessionExpiryInterval: Infinity,
    expiresAt: Infinity,
    willDueAt: undefined,
  },
  {
    kind: 'subscribe',
    session,
    subscriptions: [
      { ...subscription, requested: 'a/+/#', topicFilter: 'a/+/#', shareName: undefined },
      { ...subscription, requested: '$share/g/b', topicFilter: 'b', shareName: 'g', qos: 2, noLocal: false, retainAsPublished: true },
    ],
  },
  { kind: 'unsubscribe', session, requested: ['a/+/#', '$share/g/b'] },
  { kind: 'releaseInbound', session, packetIds: [1, 65_535] },
  {
    kind: 'outbound',
    session,
    states: [
      { pos: 1n, packetId: 1, state: 1 },
      { pos: 1n << 62n, packetId: 65_535, state: 2 },
    ],
  },
  { kind: 'finished', session, positions: [1n, 2n] },
  { kind: 'sessionEnd', session },
  { kind: 'shareMove', group, origin, message: encodeMessage(plainMessage), delivery: { ...delivery, state: 0, packetId: 0, group } },
  { kind: 'shareRemove', group, origins: [origin] },
];
