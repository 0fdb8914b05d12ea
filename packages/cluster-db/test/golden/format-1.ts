import { type Will } from '@si-mqtt/codec';
import { Message } from '@si-mqtt/session';
import { type EncodedMessage, type Entry, encodedMessage, encodeWill } from '../../src/index.js';

/**
 * What format-1.json holds, as values. The bytes were written once; they stay what they are as long as anybody has such a database. A kind that
 * comes later is appended.
 */
const session = { sid: new Uint8Array(16).fill(0x11), incarnation: (1n << 63n) - 1n };
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

export function entries(): Entry[] {
  const stored = (message: Message): EncodedMessage => ({ ...encodedMessage(message), source: undefined });
  const [plain, full] = [stored(plainMessage), stored(fullMessage)];
  const state = { kind: 'session', session, clientId: 'wetterstation-ö', userName: 'alice', protocolVersion: 5 } as const;
  const subscription = { qos: 1, noLocal: true, retainAsPublished: false, subscriptionIdentifier: 300 } as const;
  const shared = '$share/g/b';
  const position = 2 ** 53 - 1;
  return [
    {
      ...state,
      connected: true,
      sessionExpiryInterval: 3600,
      expiresAt: Infinity,
      will: encodeWill(will, publisher, receivedAt),
      willDueAt: undefined,
    },
    {
      ...state,
      connected: false,
      sessionExpiryInterval: 3600,
      expiresAt: receivedAt + 60_000,
      will: encodeWill(will, publisher, receivedAt),
      willDueAt: receivedAt + 30_000,
    },
    {
      ...state,
      clientId: '',
      userName: undefined,
      protocolVersion: 3,
      connected: true,
      sessionExpiryInterval: Infinity,
      expiresAt: Infinity,
      will: undefined,
      willDueAt: undefined,
    },
    { kind: 'willEnded', session },
    { kind: 'subscribed', session, subscription: { ...subscription, requested: 'a/+/#', topicFilter: 'a/+/#', shareName: undefined } },
    {
      kind: 'subscribed',
      session,
      subscription: {
        ...subscription,
        requested: shared,
        topicFilter: 'b',
        shareName: 'g',
        qos: 2,
        noLocal: false,
        retainAsPublished: true,
      },
    },
    { kind: 'unsubscribed', session, requested: 'a/+/#' },
    {
      kind: 'enqueued',
      session,
      position,
      message: full,
      qos: 2,
      retain: true,
      subscriptionIdentifiers: [1, 268_435_455],
      sharedSubscription: shared,
      packetId: 65_535,
    },
    {
      kind: 'enqueued',
      session,
      position: 1,
      message: plain,
      qos: 1,
      retain: false,
      subscriptionIdentifiers: undefined,
      sharedSubscription: undefined,
      packetId: 0,
    },
    { kind: 'wentOn', session, position, packetId: 1, received: false },
    { kind: 'wentOn', session, position: 1, packetId: 65_535, received: true },
    { kind: 'finished', session, position },
    { kind: 'inboundReceived', session, packetId: 65_535 },
    { kind: 'inboundReleased', session, packetId: 1 },
    { kind: 'retained', message: full },
    { kind: 'groupEnqueued', sharedSubscription: shared, position: 9, message: plain },
    { kind: 'groupFinished', sharedSubscription: shared, position: 9 },
    { kind: 'groupEnded', sharedSubscription: shared },
    { kind: 'ended', session },
    {
      kind: 'enqueuedLazily',
      session,
      position: 300,
      message: plain,
      qos: 1,
      retain: false,
      subscriptionIdentifiers: [7],
      sharedSubscription: undefined,
      packetId: 65_535,
    },
  ];
}
