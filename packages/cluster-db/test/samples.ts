import { Message } from '@si-mqtt/session';
import {
  atOf,
  encodedMessage,
  encodeMessage,
  type InboundRow,
  keyOfText,
  type LogRecord,
  type QueueRow,
  RecordWriter,
  type RetainedRow,
  type SeatRow,
  type SessionReference,
  type SessionRow,
  type ShareQueueRow,
  type SubscriptionRow,
  type WillRow,
} from '../src/index.js';

/** Rows as a broker makes them, with as little said as a test needs. */
export const now = 1_790_000_000_000;

export function message(text: string): Message {
  const content = { topicName: `topic/${text.slice(0, 20)}`, payload: new TextEncoder().encode(text), qos: 1, retain: false } as const;
  return Message.of(content, { clientId: 'publisher', userName: undefined }, now);
}

export function messageBytes(text: string): Uint8Array {
  return new Uint8Array(encodeMessage(message(text)));
}

/** `at` of entry 0 of the record `seq` of epoch 1. */
export function at(seq: number, sessionEpoch = 0): Uint8Array {
  return atOf(sessionEpoch, { seat: 0, epoch: 1, seq }, 0);
}

export function reference(clientId: string, incarnation = 1): SessionReference {
  return { sid: keyOfText(clientId), incarnation: BigInt(incarnation) };
}

export function sessionRow(clientId: string, change: Partial<SessionRow> = {}): SessionRow {
  return {
    ...reference(clientId),
    clientId,
    userName: null,
    protocolVersion: 5,
    connected: 1,
    expirySeconds: 3600,
    expiresAt: null,
    at: at(1),
    ...change,
  };
}

export function subscriptionRow(session: SessionReference, requested: string, change: Partial<SubscriptionRow> = {}): SubscriptionRow {
  return { ...session, filterHash: keyOfText(requested), requested, qos: 1, flags: 0, subscriptionIdentifier: 0, at: at(2), ...change };
}

export function queueRow(session: SessionReference, pos: number, change: Partial<QueueRow> = {}): QueueRow {
  return {
    ...session,
    pos,
    packetId: 0,
    received: 0,
    qos: 1,
    flags: 0,
    subscriptionIdentifiers: null,
    sharedSubscription: null,
    expiresAt: null,
    size: 100,
    body: messageBytes(`message ${pos}`),
    at: at(3),
    ...change,
  };
}

export function inboundRow(session: SessionReference, packetId: number, change: Partial<InboundRow> = {}): InboundRow {
  return { ...session, packetId, at: at(4), ...change };
}

export function willRow(session: SessionReference, change: Partial<WillRow> = {}): WillRow {
  return { ...session, delaySeconds: 5, dueAt: null, body: messageBytes('last will'), at: at(1), ...change };
}

export function retainedRow(topicName: string, change: Partial<RetainedRow> = {}): RetainedRow {
  return { topicHash: keyOfText(topicName), topicName, expiresAt: null, body: messageBytes(topicName), at: at(5), ...change };
}

export function shareQueueRow(sharedSubscription: string, pos: number, change: Partial<ShareQueueRow> = {}): ShareQueueRow {
  return {
    groupHash: keyOfText(sharedSubscription),
    pos,
    sharedSubscription,
    expiresAt: null,
    size: 50,
    body: messageBytes(`shared ${pos}`),
    at: at(pos),
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
  writer.add({ kind: 'retained', message: encodedMessage(message(text)) });
  return { body: writer.finish(), messages: writer.messages, writtenAt: now, derived };
}
