import { type ProtocolVersion, type QoS, type Will } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type Subscription } from '../subscription.js';
import { type Position } from './session-store.js';

/** Place of a delivery in its session's queue: a safe integer, never used twice in one session, growing in the order of the deliveries. */
export type QueuePosition = number;

/** One stored session: whoever begins anew under the same client id has another incarnation. */
export interface SessionKey {
  readonly clientId: string;
  readonly incarnation: Position;
}

/** What a connection says about its session. */
export interface ConnectedState {
  readonly userName: string | undefined;
  readonly protocolVersion: ProtocolVersion;
  /** Seconds; Infinity never expires; 0: the session is stored for the sake of its will, and ends with its connection. */
  readonly sessionExpiryInterval: number;
  readonly will: Will | undefined;
}

/** What remains when a connection has ended. */
export interface DisconnectedState {
  /** Wall clock, milliseconds; Infinity never. */
  readonly expiresAt: number;
  /** A will that waits for its delay. Undefined: there was none, it was dropped, or its publication is recorded in this same batch. */
  readonly delayedWill: DelayedWill | undefined;
}

export interface DelayedWill {
  readonly will: Will;
  /** Wall clock, milliseconds. */
  readonly publishAt: number;
}

/** A delivery of QoS 1 or 2 that waits or is in flight. */
export interface JournaledDelivery {
  readonly position: QueuePosition;
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** The shared subscription that chose this session, as clients write it; undefined: none did. */
  readonly sharedSubscription: string | undefined;
  /** 0: waits, and was never sent. */
  readonly packetId: number;
}

export interface RestoredDelivery extends JournaledDelivery {
  /** PUBREC came, PUBCOMP is awaited. */
  readonly isReceived: boolean;
}

/** A session as the store has it after a start: nobody is connected. */
export interface RestoredSession extends SessionKey {
  readonly userName: string | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly sessionExpiryInterval: number;
  /** True: the process ended while the client was connected; its connection counts as lost now. */
  readonly wasConnected: boolean;
  /** Of the connection that was lost, or delayed already. */
  readonly will: Will | undefined;
  /** Wall clock, milliseconds; undefined: `will` does not wait yet. */
  readonly willPublishAt: number | undefined;
  /** Wall clock, milliseconds; Infinity while connected or never. */
  readonly expiresAt: number;
  readonly subscriptions: readonly Subscription[];
  /** Inbound QoS 2 packet identifiers whose PUBREL is awaited. */
  readonly receivedPacketIds: readonly number[];
  /** Deliveries that the store holds for it, their bytes by `Message.size`, and the highest position; 0, 0, 0 without any. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly lastPosition: QueuePosition;
}

/** What waits for a member of a shared subscription, as the store has it after a start. */
export interface RestoredGroup {
  /** As clients write it, `$share/…`. */
  readonly sharedSubscription: string;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly lastPosition: QueuePosition;
}

/**
 * `congested`: so much waits for the store that publishers should not be read. `full`: it takes deletions, but nothing new.
 * `unavailable`: it has not answered for so long that new work is refused. `behind`: it answers, and lacks what it had confirmed; nothing is
 * committed until it has that again, or the node starts anew with what is there.
 */
export type JournalCondition = 'ready' | 'congested' | 'full' | 'unavailable' | 'behind';

/** What is under way to the store, and what was: plain numbers that a metrics scrape reads. */
export interface JournalWork {
  /** Recorded and not committed. */
  readonly pendingOperations: number;
  readonly pendingBytes: number;
  /** Since the commit that is under way began; 0: none is. */
  readonly commitMilliseconds: number;
  readonly commits: number;
  readonly commitSeconds: number;
  readonly commitBytes: number;
  /** Attempts that failed and were made again. */
  readonly retries: number;
  /** Changes without a message that the store takes at no time, and which are lost; `refused` tells of messages. */
  readonly droppedEntries: number;
  /** Commits that took at most so many milliseconds as `commitBounds` says; the last number counts all longer ones. */
  readonly commitCounts: readonly number[];
  readonly commitBounds: readonly number[];
  /** Of the last attempt that failed, for people. */
  readonly lastError: string | undefined;
}

/** What a look into the store tells. */
export interface JournalMeasures {
  /** Of the whole database. */
  readonly databaseBytes: number;
  /** Where the database is; undefined: only its server knows. */
  readonly diskFreeBytes: number | undefined;
  /** What was committed and is still there to be repeated from. */
  readonly logRecords: number;
}

/** What a journal asks of its node. The first three are called during `start` only, in this order, any number of times each. */
export interface JournalHost {
  restoreSession(session: RestoredSession): void;
  restoreRetained(message: Message): void;
  restoreGroup(group: RestoredGroup): void;
  /** Something was recorded in a batch that was empty: `endTurn` is to be called at the end of this turn. */
  turnBegan(): void;
  /** `committedBatch` has grown: what waited for it may leave. */
  committed(): void;
  /** `condition` has changed. */
  conditionChanged(): void;
  /**
   * The store takes everything but this message, which is too large or otherwise not acceptable to it: nobody gets it.
   * Called before the rest of its batch is committed.
   */
  refused(message: Message): void;
  /** Another node owns the store's state, or the journal cannot go on, as `reason` says: nothing is acknowledged from here on. */
  fenced(reason: string): void;
}

/**
 * Where a node writes down what it must not forget. The node changes its sessions in memory at once and records what it changed; what leaves
 * for a client as a consequence waits until the batch is committed (the _output commit_ rule). So memory runs ahead of the store,
 * but nobody outside ever sees a state that a crash could take back.
 *
 * Ordering: batches are committed one after the other; what is recorded between two calls of `endTurn` is in one batch, in order, and
 * a crash never leaves only a part of what was recorded between two calls of `divide`.
 * Concurrency: recording is synchronous and never waits; at most one batch is under way to the store, and everything recorded meanwhile forms the next.
 * Durability: a batch up to `committedBatch` survives what the store promises. A batch whose outcome is unknown is tried again,
 * with the same content, until the outcome is known; nothing is taken back.
 * Objects that are given are read until the batch is encoded at the end of the turn, and must not change before.
 */
export interface Journal {
  /** What is recorded now will be in this batch. */
  readonly openBatch: number;
  readonly committedBatch: number;
  /**
   * Operations recorded so far, without ends of deliveries for which nothing waits: who compares it before and after a call knows whether
   * something has to.
   */
  readonly operations: number;
  readonly condition: JournalCondition;
  /** Absent: there is nothing to tell. */
  readonly work?: JournalWork;
  /** The largest message, with topic name and properties, that it takes for one session; absent: any. */
  readonly maximumMessageBytes?: number;
  /** Positions of this run of the node begin here, above all that earlier runs gave. */
  readonly firstPosition: QueuePosition;

  /** Takes over the store, hands over what is in it, and is ready. Rejects with one line for the operator if it cannot. */
  start(host: JournalHost): Promise<void>;
  /** Commits what is recorded, then lets go of the store. */
  stop(): Promise<void>;
  /** The turn is over: what was recorded may be committed. */
  endTurn(): void;
  /** What is recorded from here on may be committed apart from what was recorded before: one publication is whole, and another begins. */
  divide(): void;

  /** Asks the store, for who looks on; rejects while it is away. Absent: there is nothing to tell. */
  measure?(): Promise<JournalMeasures>;

  /** Never given before, in this run or in others. */
  nextIncarnation(): Position;
  /** A client has connected; the session is new if the store does not have this incarnation. */
  connected(session: SessionKey, state: ConnectedState): void;
  disconnected(session: SessionKey, state: DisconnectedState): void;
  /** The delayed will was published (its publication is in this batch), or nobody may have it any more. */
  willEnded(session: SessionKey): void;
  /** The session and all that belongs to it goes. */
  ended(session: SessionKey): void;
  subscribed(session: SessionKey, subscription: Subscription): void;
  unsubscribed(session: SessionKey, requested: string): void;

  /** A delivery waits, or is about to be sent under its packet identifier for the first time. */
  enqueued(session: SessionKey, delivery: JournaledDelivery): void;
  /** A delivery that waited has got its packet identifier and is about to be sent. */
  sent(session: SessionKey, delivery: JournaledDelivery): void;
  /** PUBREC came [MQTT-4.3.3-4]. */
  received(session: SessionKey, position: QueuePosition, packetId: number): void;
  /**
   * The delivery is finished: acknowledged, expired, dropped, or somebody else's now. Nothing waits for this; a delivery whose end is not stored when the
   * process ends comes again. With `isAwaited` something waits, because somebody else must not have it twice: it is an operation like all others.
   */
  finished(session: SessionKey, position: QueuePosition, isAwaited?: boolean): void;
  /** A QoS 2 publication of this client was taken under this packet identifier [MQTT-4.3.3-10]. */
  inboundReceived(session: SessionKey, packetId: number): void;
  /** Its PUBREL came [MQTT-4.3.3-12]. */
  inboundReleased(session: SessionKey, packetId: number): void;

  /** The topic's retained message, by the message's RETAIN; an empty payload deletes it. */
  retained(message: Message): void;
  /** A message waits for a member of a shared subscription to come. */
  groupEnqueued(sharedSubscription: string, position: QueuePosition, message: Message): void;
  /** A member has taken it, or it was dropped. `isAwaited` as for `finished`. */
  groupFinished(sharedSubscription: string, position: QueuePosition, isAwaited?: boolean): void;
  /** Nobody has this shared subscription any more: what waits for it goes. */
  groupEnded(sharedSubscription: string): void;

  /**
   * Deliveries of one session after a position, in order, at most `limit`; only those that are committed, and perhaps without QoS 1 that this run of the
   * node enqueued under a packet identifier, and still has in memory. Fewer than `limit` does not mean that there
   * are no more: an empty page does, or the last position that was given. While the store is away the promise waits; it rejects for what no wait can mend.
   */
  page(session: SessionKey, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]>;
  /** The same for what waits for a shared subscription. */
  pageGroup(sharedSubscription: string, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]>;
}
