import { Message } from '@si-mqtt/session';
import {
  atOf,
  encodeMessage,
  type InboundRow,
  keyOfText,
  type LogRecord,
  originOf,
  type QueueRow,
  RecordWriter,
  type RetainedRow,
  type SeatRow,
  type SessionKey,
  type SessionRow,
  type ShareQueueRow,
  type SubscriptionRow,
  type WillRow,
} from '../src/index.js';

/** Rows as a broker makes them, with as little said as a test needs. */
export const now = 1_790_000_000_000;

export function messageBytes(text: string, qos: 0 | 1 | 2 = 1): Uint8Array {
  const content = { topicName: `topic/${text.slice(0, 20)}`, payload: new TextEncoder().encode(text), qos, retain: false };
  return encodeMessage(Message.of(content, { clientId: 'publisher', userName: undefined }, now));
}

/** `at` of entry 0 of the record `seq` of epoch 1. */
export function at(seq: number, sessionEpoch = 0): Uint8Array {
  return atOf(sessionEpoch, { seat: 0, epoch: 1, seq }, 0);
}

export function origin(seq: number, index = 0): Uint8Array {
  return originOf({ seat: 0, epoch: 1, seq }, index);
}

export function sessionKey(clientId: string, createdBy = 1): SessionKey {
  return { sid: keyOfText(clientId), incarnation: origin(createdBy) };
}

export function sessionRow(clientId: string, change: Partial<SessionRow> = {}): SessionRow {
  return {
    ...sessionKey(clientId),
    clientId,
    epoch: 0,
    generation: 1,
    seat: 0,
    userName: null,
    state: 0,
    connection: 1,
    expirySeconds: 3600,
    expiresAt: null,
    packetIdHigh: 0,
    options: null,
    at: at(1),
    ...change,
  };
}

export function subscriptionRow(session: SessionKey, requested: string, change: Partial<SubscriptionRow> = {}): SubscriptionRow {
  return {
    ...session,
    filterHash: keyOfText(requested),
    requested,
    qos: 1,
    flags: 0,
    subscriptionIdentifier: 0,
    since: origin(2),
    retainedProgress: null,
    at: at(2),
    ...change,
  };
}

export function queueRow(session: SessionKey, pos: bigint, change: Partial<QueueRow> = {}): QueueRow {
  return {
    ...session,
    pos,
    state: 0,
    packetId: 0,
    qos: 1,
    flags: 0,
    subscriptionIdentifiers: null,
    origin: origin(Number(pos % 1000n)),
    shareGroup: null,
    expiresAt: null,
    body: messageBytes(`message ${pos}`),
    at: at(3),
    ...change,
  };
}

export function inboundRow(session: SessionKey, packetId: number, change: Partial<InboundRow> = {}): InboundRow {
  return { ...session, packetId, origin: origin(packetId), at: at(4), ...change };
}

export function willRow(session: SessionKey, change: Partial<WillRow> = {}): WillRow {
  return { ...session, connection: 1, state: 0, delaySeconds: 5, dueAt: null, body: messageBytes('last will'), at: at(1), ...change };
}

export function retainedRow(topicName: string, change: Partial<RetainedRow> = {}): RetainedRow {
  return { topicHash: keyOfText(topicName), topicName, expiresAt: null, body: messageBytes(topicName), at: at(5), ...change };
}

export function shareQueueRow(group: string, seq: number, change: Partial<ShareQueueRow> = {}): ShareQueueRow {
  return {
    groupHash: keyOfText(group),
    origin: origin(seq),
    memberSid: null,
    memberIncarnation: null,
    qos: 1,
    subscriptionIdentifiers: null,
    expiresAt: null,
    body: messageBytes(`shared ${seq}`),
    at: at(seq),
    ...change,
  };
}

export function seatRow(change: Partial<SeatRow> = {}): SeatRow {
  return {
    seat: 0,
    epoch: 1,
    holder: keyOfText('holder'),
    attempt: keyOfText('attempt'),
    beat: 0,
    closed: [],
    floorEpoch: 1,
    floor: 1,
    derivedEpoch: 1,
    derived: 0,
    ...change,
  };
}

export function record(text: string, derived = 0): LogRecord {
  const writer = new RecordWriter();
  writer.add({
    kind: 'publish',
    message: messageBytes(text),
    inbound: undefined,
    will: undefined,
    retained: false,
    deliveries: [],
    waiting: [],
  });
  return { body: writer.finish(), messages: writer.messages, writtenAt: now, derived };
}
