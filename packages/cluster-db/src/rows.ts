/**
 * The rows that follow from the log. Keys, origins, incarnations and `at` have 16 bytes (position.ts); times are wall clock milliseconds, null is
 * never. Each row holds its own message body.
 */

export const SessionRowState = { connected: 0, detached: 1, dead: 2 } as const;
export type SessionRowState = (typeof SessionRowState)[keyof typeof SessionRowState];

export interface SessionRow {
  readonly sid: Uint8Array;
  readonly clientId: string;
  readonly incarnation: Uint8Array;
  /** Who owns the session; on one node always 0. */
  readonly epoch: number;
  /** Raised whenever the session is loaded: the upper part of queue positions. */
  readonly generation: number;
  readonly seat: number;
  readonly userName: string | null;
  readonly state: SessionRowState;
  /** Counts the connections of the session. */
  readonly connection: number;
  /** Null: never expires. */
  readonly expirySeconds: number | null;
  readonly expiresAt: number | null;
  /** Packet identifiers up to here may have been used by deliveries that have no row. */
  readonly packetIdHigh: number;
  /** For what comes later, without a change of the schema. */
  readonly options: Uint8Array | null;
  readonly at: Uint8Array;
}

export interface SubscriptionKey {
  readonly sid: Uint8Array;
  readonly incarnation: Uint8Array;
  /** `keyOfText(requested)`. */
  readonly filterHash: Uint8Array;
}

export const SubscriptionFlag = { noLocal: 1, retainAsPublished: 2 } as const;

export interface SubscriptionRow extends SubscriptionKey {
  /** As the client wrote it, `$share/…` included. */
  readonly requested: string;
  readonly qos: number;
  readonly flags: number;
  /** 0: none. */
  readonly subscriptionIdentifier: number;
  /** Position of the SUBSCRIBE entry that made it new: earlier messages never match it in a replay. */
  readonly since: Uint8Array;
  /** How far the retained messages were delivered. */
  readonly retainedProgress: string | null;
  readonly at: Uint8Array;
}

export interface QueueKey {
  readonly sid: Uint8Array;
  readonly incarnation: Uint8Array;
  readonly pos: bigint;
}

export const QueueFlag = { retain: 1 } as const;

/** A delivery that waits or is in flight. */
export interface QueueRow extends QueueKey {
  /** A DeliveryState. */
  readonly state: number;
  readonly packetId: number;
  readonly qos: number;
  readonly flags: number;
  /** Made by `packNumbers`. */
  readonly subscriptionIdentifiers: Uint8Array | null;
  readonly origin: Uint8Array;
  readonly shareGroup: Uint8Array | null;
  readonly expiresAt: number | null;
  /** Made by `encodeMessage`. */
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

/** A delivery goes on; its body stays where it is. */
export interface QueueStateRow extends QueueKey {
  readonly state: number;
  readonly packetId: number;
  readonly at: Uint8Array;
}

export interface InboundKey {
  readonly sid: Uint8Array;
  readonly incarnation: Uint8Array;
  readonly packetId: number;
}

/** A QoS 2 PUBLISH whose PUBREL is awaited. */
export interface InboundRow extends InboundKey {
  readonly origin: Uint8Array;
  readonly at: Uint8Array;
}

export interface WillKey {
  readonly sid: Uint8Array;
}

export const WillRowState = { armed: 0, pending: 1 } as const;

export interface WillRow extends WillKey {
  readonly incarnation: Uint8Array;
  readonly connection: number;
  /** A WillRowState. */
  readonly state: number;
  readonly delaySeconds: number;
  /** Set while it is pending. */
  readonly dueAt: number | null;
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

export interface RetainedKey {
  /** `keyOfText(topicName)`. */
  readonly topicHash: Uint8Array;
}

export interface RetainedRow extends RetainedKey {
  readonly topicName: string;
  readonly expiresAt: number | null;
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

export interface ShareQueueKey {
  readonly groupHash: Uint8Array;
  readonly origin: Uint8Array;
}

/** A message that waits for the first member of its group. */
export interface ShareQueueRow extends ShareQueueKey {
  /** The member that a QoS 2 message was given to, while its exchange lasts. */
  readonly memberSid: Uint8Array | null;
  readonly memberIncarnation: Uint8Array | null;
  readonly qos: number;
  readonly subscriptionIdentifiers: Uint8Array | null;
  readonly expiresAt: number | null;
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

type Removal<Key> = Key & { readonly at: Uint8Array };

/** Inserted, or replaced where the stored `at` is smaller. */
export interface RowsPut {
  readonly sessions?: readonly SessionRow[];
  readonly subs?: readonly SubscriptionRow[];
  readonly outq?: readonly QueueRow[];
  readonly inq2?: readonly InboundRow[];
  readonly wills?: readonly WillRow[];
  readonly retained?: readonly RetainedRow[];
  readonly shareq?: readonly ShareQueueRow[];
}

/** Removed where the stored `at` is not greater. Places in a queue are never used twice, so that their key is enough. */
export interface RowsRemoved {
  readonly subs?: readonly Removal<SubscriptionKey>[];
  readonly outq?: readonly QueueKey[];
  readonly inq2?: readonly Removal<InboundKey>[];
  readonly wills?: readonly Removal<WillKey>[];
  readonly retained?: readonly Removal<RetainedKey>[];
  readonly shareq?: readonly ShareQueueKey[];
}

/** What one commit changes. A key occurs at most once in all of it: whoever makes it keeps the last state only. */
export interface RowChanges {
  readonly put?: RowsPut;
  /** Applied, like `put`, where the row exists with a smaller `at`. */
  readonly queueStates?: readonly QueueStateRow[];
  readonly removed?: RowsRemoved;
}

export type TableName = keyof RowsPut;

export interface TableRows {
  readonly sessions: SessionRow;
  readonly subs: SubscriptionRow;
  readonly outq: QueueRow;
  readonly inq2: InboundRow;
  readonly wills: WillRow;
  readonly retained: RetainedRow;
  readonly shareq: ShareQueueRow;
}

/** In the order in which they are written: a session before what belongs to it. */
export const tableNames: readonly TableName[] = ['sessions', 'subs', 'outq', 'inq2', 'wills', 'retained', 'shareq'];

/** Columns of the primary keys, in their order. */
export const tableKeys: { readonly [Name in TableName]: readonly (keyof TableRows[Name])[] } = {
  sessions: ['sid'],
  subs: ['sid', 'incarnation', 'filterHash'],
  outq: ['sid', 'incarnation', 'pos'],
  inq2: ['sid', 'incarnation', 'packetId'],
  wills: ['sid'],
  retained: ['topicHash'],
  shareq: ['groupHash', 'origin'],
};

/** Tables whose rows are removed by key alone. */
export const removedByKeyAlone: ReadonlySet<TableName> = new Set<TableName>(['outq', 'shareq']);

/** Who holds the seat, and how far its log is carried out. Compared and set as a whole by `attempt`, which is random. */
export interface SeatRow {
  readonly seat: number;
  readonly epoch: number;
  readonly holder: Uint8Array;
  readonly attempt: Uint8Array;
  /** Changed while the holder lives; only that it changes has a meaning. */
  readonly beat: number;
  /** Epochs that have ended and that are not yet wholly carried out: `seq` is the position of the first fill. */
  readonly closed: readonly { readonly epoch: number; readonly closedAt: number }[];
  /** Sequence number in `floorEpoch` below which records may be missing because they were collected. */
  readonly floorEpoch: number;
  readonly floor: number;
  /** Everything up to here is in the tables. */
  readonly derivedEpoch: number;
  readonly derived: number;
}
