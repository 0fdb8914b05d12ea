import { type Will } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type Subscription } from '../subscription.js';

/** Whom a session belongs to, and how long it lives without a connection. */
export interface AcquireRequest {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly cleanStart: boolean;
  /** Seconds; Infinity never expires. */
  readonly sessionExpiryInterval: number;
  readonly will: Will | undefined;
}

/** Position in a log; in memory a counter. Never used twice. */
export type Position = bigint;

export interface StoredDelivery {
  readonly position: Position;
  readonly message: Message;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** 0: never sent. */
  readonly packetId: number;
  /** PUBREC came, PUBCOMP is awaited. */
  readonly released: boolean;
}

export interface SessionState {
  readonly subscriptions: readonly Subscription[];
  /** Inbound QoS 2 packet identifiers whose PUBREL is awaited. */
  readonly receivedPacketIds: readonly number[];
  readonly will: Will | undefined;
}

export interface StoredSession {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly incarnation: Position;
  readonly connected: boolean;
  /** Wall clock, milliseconds; Infinity while connected or when it never expires. */
  readonly expiresAt: number;
  readonly subscriptions: number;
  readonly queued: number;
}

/** What changes in a session's stored state. A batch is committed as a whole, in order. */
export type SessionOperation =
  | { readonly operation: 'subscribe'; readonly subscription: Subscription }
  | { readonly operation: 'unsubscribe'; readonly requested: string }
  | { readonly operation: 'enqueue'; readonly delivery: Omit<StoredDelivery, 'position' | 'packetId' | 'released'> }
  | { readonly operation: 'assignPacketId'; readonly position: Position; readonly packetId: number }
  /** PUBREC came from the subscriber. */
  | { readonly operation: 'received'; readonly packetId: number }
  /** The delivery is finished. */
  | { readonly operation: 'release'; readonly position: Position }
  /** A QoS 2 publication of the client was taken. */
  | { readonly operation: 'receiveInbound'; readonly packetId: number }
  /** Its PUBREL came. */
  | { readonly operation: 'releaseInbound'; readonly packetId: number };

export interface QueuePage {
  readonly deliveries: readonly StoredDelivery[];
  /** Position after which the next page begins; undefined: nothing was left when this page was read. */
  readonly after: Position | undefined;
}

/**
 * Ownership of one client id. At most one lease per client id is valid; a newer one makes all operations of the older answer 'fenced',
 * without effect. Operations of one lease take effect in the order of the calls.
 */
export interface SessionLease {
  readonly clientId: string;
  /** The session's birth: a session that was begun anew under the same client id has another one. */
  readonly incarnation: Position;
  readonly sessionPresent: boolean;
  readonly state: SessionState;
  /** Settles once, when the session is this holder's no more. */
  readonly lost: Promise<'takenOver' | 'ended'>;
  /** Deliveries that wait or are in flight, in order. */
  page(after: Position | undefined, limit: number): Promise<QueuePage>;
  /** Resolves when the batch is as durable as the store promises. Rejects: the outcome is unknown, and the same batch may be given again. */
  commit(operations: readonly SessionOperation[]): Promise<'committed' | 'fenced'>;
  /** The connection ended. The session expires by itself unless it is acquired again; with an interval of 0 it ends now. */
  detach(sessionExpiryInterval: number): Promise<'committed' | 'fenced'>;
  /** The session ends; its rows go. Idempotent. */
  end(): Promise<void>;
}

export interface SessionStore {
  /**
   * False: sessions live in the server's memory alone, the store only tells who owns them, and the server commits no operations.
   * True: an answer that promises something waits for `commit`.
   */
  readonly durable: boolean;
  /** Makes the caller the owner, fences whoever was it before; a clean start ends what was there. 'unavailable': not now, for a reason of the store's. */
  acquire(request: AcquireRequest): Promise<SessionLease | 'unavailable'>;
  /** Sessions in the order of their client ids, for administration. */
  list(after: string, limit: number): Promise<readonly StoredSession[]>;
}
