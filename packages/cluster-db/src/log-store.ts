import { type LogPosition } from './position.js';
import {
  type EndingRow,
  type InboundRow,
  type QueueRow,
  type RetainedRow,
  type RowChanges,
  type SeatRow,
  type SessionReference,
  type SessionRow,
  type ShareQueueRow,
  type SubscriptionRow,
  type TableName,
  type WillRow,
} from './rows.js';

/** A packed batch of entries: one row, or one document. */
export interface LogRecord {
  /** Made by `RecordWriter`. */
  readonly body: Uint8Array;
  readonly messages: number;
  /** Wall clock, milliseconds. */
  readonly writtenAt: number;
  /**
   * The cursor of a replay, written with the record: everything that the records of this epoch up to here say is in the tables or over. Of the records
   * behind it all but this one are in the tables as well, except their lazy deliveries.
   */
  readonly derived: number;
}

export interface StoredRecord extends LogRecord {
  readonly position: LogPosition;
}

/** The log of a seat. */
export interface Log {
  /**
   * False: rows follow their record, and what a crash leaves undone is done again from the log. True: both are one commit, and no record is
   * ever found without the rows that were given with it.
   */
  readonly rowsWithRecord: boolean;
  /**
   * Writes the record and what follows from it. Position n + 1 is never attempted before n is known to be committed.
   * 'fenced': the position is sealed, somebody else has the seat; nothing was written. Rejects with StoreRefusal when it is certain that
   * nothing was written; with any other error the outcome is unknown, and the same call is made again until it is known (a position that
   * holds the same body is the caller's own).
   */
  append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'>;
  /** Records of the epoch behind `after` in their order, at least one if there is one, else as many as the limits allow; fills are left out. */
  readLog(after: LogPosition, limit: number, bytesMax: number): Promise<readonly StoredRecord[]>;
  /** The last record of an epoch with its `derived`; undefined: it has none. */
  lastRecord(seat: number, epoch: number): Promise<{ readonly seq: number; readonly derived: number } | undefined>;
  /**
   * Fills the first free positions of an epoch from `floor` upwards, so that nobody can write there any more. Returns the lowest fill: every
   * position from `floor` to it exists. Sealing again returns the same.
   */
  seal(seat: number, epoch: number, floor: number): Promise<number>;
  /** Removes up to `limit` records of the epoch below `below`; returns how many. The caller has written the floor before. */
  collect(seat: number, epoch: number, below: number, limit: number): Promise<number>;
}

export interface QueueTotals {
  readonly messages: number;
  /** Sum of the rows' `size`. */
  readonly bytes: number;
  /** 0 without any. */
  readonly lastPos: number;
}

export interface SessionRows {
  readonly session: SessionRow;
  readonly subs: readonly SubscriptionRow[];
  readonly inq2: readonly InboundRow[];
  readonly will: WillRow | undefined;
  readonly queue: QueueTotals;
}

export interface GroupTotals extends QueueTotals {
  readonly groupHash: Uint8Array;
  readonly sharedSubscription: string;
}

/** What the log comes to. Pages are ordered by their keys; the next one begins behind the last key of the one before. */
export interface Tables {
  /**
   * Guarded by `at`, hence idempotent. `derived` is durable before anything is removed: the cursor must stand behind every record that made a
   * removed row, or a replay brings the row back. Rejects like `append`.
   */
  writeRows(changes: RowChanges, derived?: LogPosition): Promise<void>;
  readSessions(after: Uint8Array | undefined, limit: number): Promise<readonly SessionRows[]>;
  /** At least one row if there is one, else as many as the limits allow. */
  readQueue(session: SessionReference, after: number, limit: number, bytesMax: number): Promise<readonly QueueRow[]>;
  readGroups(after: Uint8Array | undefined, limit: number): Promise<readonly GroupTotals[]>;
  readShareQueue(groupHash: Uint8Array, after: number, limit: number, bytesMax: number): Promise<readonly ShareQueueRow[]>;
  readRetained(after: Uint8Array | undefined, limit: number, bytesMax: number): Promise<readonly RetainedRow[]>;
  readEndings(limit: number): Promise<readonly EndingRow[]>;
  /** Removes what the ending names, in batches, its own row last. True: done; false: call again. */
  removeEnded(ending: EndingRow, limit: number): Promise<boolean>;
}

export interface StoreStatistics {
  readonly rows: { readonly [Name in TableName]: number };
  readonly logRecords: number;
  /** Of the whole database on its server or disk. */
  readonly databaseBytes: number;
}

/** What is cheap to know. */
export interface StoreMeasures {
  /** Of an epoch, from the first record that was not collected to the last. */
  readonly logRecords: number;
  readonly databaseBytes: number;
  /** Undefined: only the server knows. */
  readonly diskFreeBytes: number | undefined;
}

export interface StoreDurability {
  /** What a commit survives: nothing for certain, the end of the process (the broker's; of a server, its own), or a power cut as well. */
  readonly level: 'memory' | 'flushed' | 'synced';
  /** For the operator: what is less than it could be. */
  readonly remarks: readonly string[];
}

/**
 * Where a broker keeps what it has acknowledged. One broker at a time writes to a seat, one call of `append` after the other; reads and removals
 * go on beside it.
 */
export interface LogStore extends Log, Tables {
  readSeat(seat: number): Promise<SeatRow | undefined>;
  /**
   * Compare and set: true if the stored row has this `attempt` (undefined: there is none yet), or if it is already `next`. The cursor of a row that
   * is there stays as it is: only `writeRows` raises it.
   */
  replaceSeat(attempt: Uint8Array | undefined, next: SeatRow): Promise<boolean>;
  /** After a refusal because it is full: is there room again for new messages? */
  hasRoom(): Promise<boolean>;
  /** The largest message, with its topic name and properties, that a record and one row of a queue may hold. */
  maximumMessageBytes(): Promise<number>;
  /** It lacks what it had confirmed: if the database has another address, that is asked next. Absent: there is only one. */
  tryElsewhere?(): void;
  /** What the database promises as it is set up now. */
  durability(): Promise<StoreDurability>;
  /** Counts all rows. */
  statistics(): Promise<StoreStatistics>;
  measures(seat: number, epoch: number): Promise<StoreMeasures>;
  /** Finishes what was begun and lets go of the database. */
  close(): Promise<void>;
}

/** What may be looked at beside a broker that runs: nothing is locked and nothing changed. */
export interface StoreReader extends Pick<Tables, 'readSessions' | 'readQueue' | 'readGroups' | 'readShareQueue'> {
  close(): Promise<void>;
}

export type RefusalReason =
  /** No connection, or not yet: nothing was handed over. */
  | 'unavailable'
  /** No room on the disk, or the database reached its limit. */
  | 'full'
  /** The database does not take this content, whenever it is given: too large. */
  | 'content';

/** Nothing was written, and that is certain. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** An operator has to act: wrong or damaged database, in use by another broker, too new. One line. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';
  /** Whether the same attempt may succeed later: it is away, full, or in use. Otherwise something has to be changed first. */
  readonly mayPass: boolean;

  constructor(message: string, { mayPass = false, ...options }: ErrorOptions & { readonly mayPass?: boolean } = {}) {
    super(message, options);
    this.mayPass = mayPass;
  }
}
