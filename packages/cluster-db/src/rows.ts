/**
 * The rows that follow from the log. Times are wall clock milliseconds, null is never. Each row holds its own message body, and the position of
 * the entry that made it (`at`, see position.ts).
 */

export interface SessionId {
  /** `keyOfText(clientId)`. */
  readonly sid: Uint8Array;
}

/** One life of the session of a client identifier. */
export interface SessionReference extends SessionId {
  readonly incarnation: bigint;
}

export interface SessionRow extends SessionReference {
  readonly clientId: string;
  readonly userName: string | null;
  readonly protocolVersion: number;
  /** 1: a client is connected. */
  readonly connected: number;
  /** Null: never expires. */
  readonly expirySeconds: number | null;
  readonly expiresAt: number | null;
  readonly at: Uint8Array;
}

export interface SubscriptionKey extends SessionReference {
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
  readonly at: Uint8Array;
}

export interface QueueKey extends SessionReference {
  readonly pos: number;
}

export const QueueFlag = { retain: 1 } as const;

/** A delivery that waits or is in flight. */
export interface QueueRow extends QueueKey {
  /** 0: never sent. */
  readonly packetId: number;
  /** 1: PUBREC came. */
  readonly received: number;
  readonly qos: number;
  readonly flags: number;
  /** Made by `packNumbers`. */
  readonly subscriptionIdentifiers: Uint8Array | null;
  readonly sharedSubscription: string | null;
  readonly expiresAt: number | null;
  /** `Message.size`, by which queues are limited. */
  readonly size: number;
  /** Made by `encodeMessage`. */
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

/** A delivery goes on; its body stays where it is. */
export interface QueueStateRow extends QueueKey {
  readonly packetId: number;
  readonly received: number;
  readonly at: Uint8Array;
}

export interface InboundKey extends SessionReference {
  readonly packetId: number;
}

/** A QoS 2 PUBLISH whose PUBREL is awaited. */
export interface InboundRow extends InboundKey {
  readonly at: Uint8Array;
}

export interface WillRow extends SessionReference {
  readonly delaySeconds: number;
  /** Set when the connection has ended and the will waits. */
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
  /** `keyOfText(sharedSubscription)`. */
  readonly groupHash: Uint8Array;
  readonly pos: number;
}

/** A message that waits for the first member of its group. */
export interface ShareQueueRow extends ShareQueueKey {
  /** As clients write it, `$share/…`. */
  readonly sharedSubscription: string;
  readonly expiresAt: number | null;
  readonly size: number;
  readonly body: Uint8Array;
  readonly at: Uint8Array;
}

export const EndingKind = { session: 0, group: 1 } as const;

/** A session or a group has ended, and what belongs to it has still to be removed, in batches. */
export interface EndingRow extends SessionReference {
  /** An EndingKind; of a group `sid` is the hash, `incarnation` is 0, and only what is not later than `at` goes. */
  readonly kind: number;
  readonly at: Uint8Array;
}

export interface TableRows {
  readonly sessions: SessionRow;
  readonly subs: SubscriptionRow;
  readonly outq: QueueRow;
  readonly inq2: InboundRow;
  readonly wills: WillRow;
  readonly retained: RetainedRow;
  readonly shareq: ShareQueueRow;
  readonly endings: EndingRow;
}

export type TableName = keyof TableRows;

/** In the order in which they are written: a session before what belongs to it. */
export const tableNames: readonly TableName[] = ['sessions', 'subs', 'outq', 'inq2', 'wills', 'retained', 'shareq', 'endings'];

/** Columns of the primary keys, in their order. */
export const tableKeys: { readonly [Name in TableName]: readonly (keyof TableRows[Name] & string)[] } = {
  sessions: ['sid'],
  subs: ['sid', 'incarnation', 'filterHash'],
  outq: ['sid', 'incarnation', 'pos'],
  inq2: ['sid', 'incarnation', 'packetId'],
  wills: ['sid'],
  retained: ['topicHash'],
  shareq: ['groupHash', 'pos'],
  endings: ['sid', 'incarnation'],
};

type Removal<Key> = Key & { readonly at: Uint8Array };

/** Removed where the stored `at` is not greater. Places in a queue are never used twice, so that their key is enough. */
export interface RowsRemoved {
  readonly sessions?: readonly Removal<SessionId>[];
  readonly subs?: readonly Removal<SubscriptionKey>[];
  readonly outq?: readonly QueueKey[];
  readonly inq2?: readonly Removal<InboundKey>[];
  readonly wills?: readonly Removal<SessionId>[];
  readonly retained?: readonly Removal<RetainedKey>[];
  readonly shareq?: readonly ShareQueueKey[];
}

/** Tables whose rows are removed by key alone. */
export const removedByKeyAlone: ReadonlySet<TableName> = new Set<TableName>(['outq', 'shareq']);

/** What one commit changes. A key occurs at most once in all of it: whoever makes it keeps the last state only. */
export interface RowChanges {
  /** Inserted, or replaced where the stored `at` is smaller. */
  readonly put?: { readonly [Name in TableName]?: readonly TableRows[Name][] };
  /** Applied, like `put`, where the row exists with a smaller `at`. */
  readonly queueStates?: readonly QueueStateRow[];
  readonly removed?: RowsRemoved;
}

/** Who holds the seat, and how far its log is carried out. Compared and set as a whole by `attempt`, which is random. */
export interface SeatRow {
  readonly seat: number;
  readonly epoch: number;
  readonly holder: Uint8Array;
  readonly attempt: Uint8Array;
  /** Changed while the holder lives; only that it changes has a meaning. */
  readonly beat: number;
  /** Epochs that have ended and are not yet wholly carried out; `closedAt` is the position of the first fill. */
  readonly closed: readonly { readonly epoch: number; readonly closedAt: number }[];
  /** Sequence number in `floorEpoch` below which records may be missing because they were collected. */
  readonly floorEpoch: number;
  readonly floor: number;
  /** Everything up to here is in the tables. */
  readonly derivedEpoch: number;
  readonly derived: number;
}
