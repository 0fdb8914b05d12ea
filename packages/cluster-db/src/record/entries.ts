import { type QoS } from '@si-mqtt/codec';
import { type Message, type Subscription } from '@si-mqtt/session';
import { type SessionReference } from '../rows.js';
import { decodeMessage, encodeMessage, type StoredWill } from './stored-message.js';

/** A message in its stored form, made once and shared by all entries and rows that need it. */
export interface EncodedMessage {
  /** Made by `encodeMessage`. */
  readonly bytes: Uint8Array;
  /** What it was made from; undefined when it was read from a record. */
  readonly source: Message | undefined;
  readonly topicName: string;
  readonly qos: QoS;
  readonly isEmpty: boolean;
  /** `Message.size`. */
  readonly size: number;
  /** Wall clock, milliseconds; null: never. */
  readonly expiresAt: number | null;
}

export function encodedMessage(message: Message): EncodedMessage {
  return encodedFrom(message, encodeMessage(message), message);
}

function encodedFrom(message: Message, bytes: Uint8Array, source: Message | undefined): EncodedMessage {
  const { topicName, qos, size, expiresAt, payloadLength } = message;
  return { bytes, source, topicName, qos, isEmpty: payloadLength === 0, size, expiresAt: expiresAt === Infinity ? null : expiresAt };
}

/** The same from a record. */
export function reencodedMessage(bytes: Uint8Array): EncodedMessage {
  return encodedFrom(decodeMessage(bytes), bytes, undefined);
}

/** A client connected, its connection ended, or its will: the session's own state, as a whole. */
export interface SessionEntry {
  readonly kind: 'session';
  readonly session: SessionReference;
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly protocolVersion: number;
  readonly connected: boolean;
  /** Infinity: never expires. */
  readonly sessionExpiryInterval: number;
  /** Wall clock, milliseconds; Infinity: never. */
  readonly expiresAt: number;
  readonly will: StoredWill | undefined;
  /** When a will that waits is due; undefined: it does not wait yet. */
  readonly willDueAt: number | undefined;
}

export interface WillEndedEntry {
  readonly kind: 'willEnded';
  readonly session: SessionReference;
}

export interface EndedEntry {
  readonly kind: 'ended';
  readonly session: SessionReference;
}

export interface SubscribedEntry {
  readonly kind: 'subscribed';
  readonly session: SessionReference;
  readonly subscription: Omit<Subscription, 'mayReceive'>;
}

export interface UnsubscribedEntry {
  readonly kind: 'unsubscribed';
  readonly session: SessionReference;
  /** As the client wrote it in SUBSCRIBE. */
  readonly requested: string;
}

/**
 * A message for one session. 'enqueuedLazily': of QoS 1, sent at once, and not a row yet; whoever replays the log makes the row, unless the
 * delivery was over.
 */
export interface EnqueuedEntry {
  readonly kind: 'enqueued' | 'enqueuedLazily';
  readonly session: SessionReference;
  readonly position: number;
  readonly message: EncodedMessage;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly sharedSubscription: string | undefined;
  /** 0: waits. */
  readonly packetId: number;
}

/** A delivery has got its packet identifier, or PUBREC came. */
export interface WentOnEntry {
  readonly kind: 'wentOn';
  readonly session: SessionReference;
  readonly position: number;
  readonly packetId: number;
  readonly received: boolean;
}

export interface FinishedEntry {
  readonly kind: 'finished';
  readonly session: SessionReference;
  readonly position: number;
}

/** A QoS 2 PUBLISH was taken: its packet identifier must not publish again. */
export interface InboundReceivedEntry {
  readonly kind: 'inboundReceived';
  readonly session: SessionReference;
  readonly packetId: number;
}

export interface InboundReleasedEntry {
  readonly kind: 'inboundReleased';
  readonly session: SessionReference;
  readonly packetId: number;
}

/** Replaces, or with an empty payload removes, the retained message of its topic. */
export interface RetainedEntry {
  readonly kind: 'retained';
  readonly message: EncodedMessage;
}

/** A message waits for a member of a shared subscription. */
export interface GroupEnqueuedEntry {
  readonly kind: 'groupEnqueued';
  readonly sharedSubscription: string;
  readonly position: number;
  readonly message: EncodedMessage;
}

export interface GroupFinishedEntry {
  readonly kind: 'groupFinished';
  readonly sharedSubscription: string;
  readonly position: number;
}

export interface GroupEndedEntry {
  readonly kind: 'groupEnded';
  readonly sharedSubscription: string;
}

export type Entry =
  | SessionEntry
  | WillEndedEntry
  | EndedEntry
  | SubscribedEntry
  | UnsubscribedEntry
  | EnqueuedEntry
  | WentOnEntry
  | FinishedEntry
  | InboundReceivedEntry
  | InboundReleasedEntry
  | RetainedEntry
  | GroupEnqueuedEntry
  | GroupFinishedEntry
  | GroupEndedEntry;
