import { type LogPosition } from '../position.js';
import { type EnqueuedEntry } from '../record/entries.js';
import { type SessionReference } from '../rows.js';

/** Rows that are written at once at most, and the bytes of their messages unless a single one is larger. */
const rowsAtOnce = 1000;
const bytesAtOnce = 1024 * 1024;
/** Beside the message. */
const overheadBytes = 200;
/** From so many places that are free on, the others move up. */
const compactedFrom = 64;

export interface UnwrittenSettings {
  /** What is not acknowledged after that long becomes a row. */
  readonly writeAfterMilliseconds: number;
  /** With more than this in memory the oldest become rows at once. */
  readonly unwrittenBytesMax: number;
}

/** A QoS 1 delivery that is in the log and is no row, because its client will acknowledge it within moments. */
export class UnwrittenDelivery {
  /** Undefined: it is over, or a row. */
  entry: EnqueuedEntry | undefined;
  /** Its record, and its place there. */
  readonly at: LogPosition;
  readonly index: number;
  readonly position: number;
  /** It is on the way to its table: who ends it removes the row. */
  isTaken = false;
  /** It was on the way once, and may have arrived. */
  mayBeRow = false;
  record: UnwrittenRecord | undefined;

  constructor(entry: EnqueuedEntry, at: LogPosition, index: number) {
    this.entry = entry;
    this.at = at;
    this.index = index;
    this.position = entry.position;
  }
}

interface UnwrittenRecord {
  readonly seq: number;
  readonly committedAt: number;
  deliveries: readonly UnwrittenDelivery[];
  /** Deliveries before this one are taken. */
  taken: number;
  /** Deliveries that are neither over nor rows. */
  left: number;
}

/**
 * What lazy deliveries save: a row and its removal for each delivery that is acknowledged quickly. Until then its record must stay in the log, and
 * a replay has to begin before it.
 */
export class UnwrittenDeliveries {
  /** The last record that had any; 0: there was none. */
  private lastSeq = 0;
  private readonly settings: UnwrittenSettings;
  private readonly sessions: Map<SessionReference, SessionDeliveries> = new Map();
  private readonly records: Deque<UnwrittenRecord> = new Deque();
  private bytes = 0;

  constructor(settings: UnwrittenSettings) {
    this.settings = settings;
  }

  /** The record is committed. */
  add({ seq }: LogPosition, deliveries: readonly UnwrittenDelivery[], committedAt: number): void {
    if (deliveries.length === 0) return;
    const record: UnwrittenRecord = { seq, committedAt, deliveries, taken: 0, left: deliveries.length };
    this.records.push(record);
    this.lastSeq = seq;
    for (const delivery of deliveries) {
      const { session, message } = delivery.entry!;
      delivery.record = record;
      this.bytes += message.bytes.length + overheadBytes;
      let own = this.sessions.get(session);
      if (own === undefined) this.sessions.set(session, (own = new SessionDeliveries()));
      own.push(delivery);
    }
  }

  /** The delivery is over. True: it was here, and the store need not know. */
  finish(session: SessionReference, position: number): boolean {
    const delivery = this.sessions.get(session)?.find(position);
    if (delivery?.entry === undefined || delivery.isTaken) return false;
    this.settle(delivery);
    return !delivery.mayBeRow;
  }

  /** So has the session, and that is committed. */
  end(session: SessionReference): void {
    for (const delivery of this.sessions.get(session)?.deliveries() ?? []) if (delivery.entry !== undefined) this.settle(delivery);
    this.sessions.delete(session);
  }

  /** Of all records up to here, `lastSeq` at most, every delivery is over or a row. */
  settledTo(lastSeq: number): number {
    const first = this.firstRecord();
    return first === undefined ? lastSeq : first.seq - 1;
  }

  /** Nothing is left, and a replay that begins behind that position would not know it. */
  isAhead(derived: number): boolean {
    return this.lastSeq > derived && this.firstRecord() === undefined;
  }

  isDue(now: number): boolean {
    const first = this.firstRecord();
    if (first === undefined) return false;
    return this.bytes > this.settings.unwrittenBytesMax || now - first.committedAt >= this.settings.writeAfterMilliseconds;
  }

  /** The next that have to become rows, oldest first; `written` is to be called when they are. */
  take(now: number): UnwrittenDelivery[] {
    const taken: UnwrittenDelivery[] = [];
    let bytes = 0;
    for (const record of this.records) {
      const isOld = now - record.committedAt >= this.settings.writeAfterMilliseconds;
      for (; record.taken < record.deliveries.length; record.taken++) {
        const delivery = record.deliveries[record.taken];
        if (delivery.entry === undefined || delivery.isTaken) continue;
        if (!isOld && this.bytes - bytes <= this.settings.unwrittenBytesMax / 2) return taken;
        if (taken.length === rowsAtOnce || (bytes > 0 && bytes + delivery.entry.message.bytes.length > bytesAtOnce)) return taken;
        bytes += delivery.entry.message.bytes.length + overheadBytes;
        delivery.isTaken = true;
        taken.push(delivery);
      }
    }
    return taken;
  }

  written(deliveries: readonly UnwrittenDelivery[]): void {
    for (const delivery of deliveries) this.settle(delivery);
  }

  /** The store takes no rows now. They are taken again later. */
  giveBack(deliveries: readonly UnwrittenDelivery[]): void {
    for (const delivery of deliveries) {
      delivery.isTaken = false;
      delivery.mayBeRow = true;
      delivery.record!.taken = 0;
    }
  }

  /** The first that is not settled. */
  private firstRecord(): UnwrittenRecord | undefined {
    const { records } = this;
    while (records.first?.left === 0) records.shift();
    return records.first;
  }

  private settle(delivery: UnwrittenDelivery): void {
    const record = delivery.record!;
    this.bytes -= delivery.entry!.message.bytes.length + overheadBytes;
    delivery.entry = undefined;
    record.left--;
    if (record.left === 0) record.deliveries = [];
  }
}

/** Deliveries of one session in the order of their positions, in which they are nearly always acknowledged. */
class SessionDeliveries {
  private readonly inOrder: Deque<UnwrittenDelivery> = new Deque();

  push(delivery: UnwrittenDelivery): void {
    this.dropSettled();
    this.inOrder.push(delivery);
  }

  find(position: number): UnwrittenDelivery | undefined {
    this.dropSettled();
    const { inOrder } = this;
    if (inOrder.first?.position === position) return inOrder.first;
    let from = 0;
    let to = inOrder.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (inOrder.at(middle).position < position) from = middle + 1;
      else to = middle;
    }
    return from < inOrder.length && inOrder.at(from).position === position ? inOrder.at(from) : undefined;
  }

  deliveries(): Iterable<UnwrittenDelivery> {
    return this.inOrder;
  }

  private dropSettled(): void {
    const { inOrder } = this;
    while (inOrder.first !== undefined && inOrder.first.entry === undefined) inOrder.shift();
  }
}

/** First in, first out. */
class Deque<Item> {
  private readonly items: Item[] = [];
  private head = 0;

  get first(): Item | undefined {
    return this.items[this.head];
  }

  get length(): number {
    return this.items.length - this.head;
  }

  at(index: number): Item {
    return this.items[this.head + index];
  }

  push(item: Item): void {
    this.items.push(item);
  }

  shift(): void {
    this.head++;
    if (this.head < this.items.length && (this.head < compactedFrom || this.head * 2 < this.items.length)) return;
    this.items.splice(0, this.head);
    this.head = 0;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let index = this.head; index < this.items.length; index++) yield this.items[index];
  }
}
