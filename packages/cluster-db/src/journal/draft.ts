import { type LogRecord } from '../log-store.js';
import { atOf, type LogPosition } from '../position.js';
import { type Entry } from '../record/entries.js';
import { RecordWriter } from '../record/record.js';
import { type RowChanges, type SessionReference } from '../rows.js';
import { Changes } from './changes.js';
import { finish, isRemoval, type Removal } from './units.js';
import { type UnwrittenDeliveries, UnwrittenDelivery } from './unwritten.js';

/** A record in the making, what it changes in the tables, and which deliveries it has that are not to be rows yet. */
export class Draft {
  /** Something ends, of which rows are left to be removed. */
  hasEndings = false;
  private readonly position: LogPosition;
  private readonly rowsWithRecord: boolean;
  private readonly unwritten: UnwrittenDeliveries;
  private readonly writer: RecordWriter = new RecordWriter();
  private readonly changes: Changes = new Changes();
  private endedSessions: SessionReference[] | undefined;

  constructor(position: LogPosition, rowsWithRecord: boolean, unwritten: UnwrittenDeliveries) {
    this.position = position;
    this.rowsWithRecord = rowsWithRecord;
    this.unwritten = unwritten;
  }

  /** Nothing that a log has to have. */
  get isEmpty(): boolean {
    return this.writer.entries === 0;
  }

  add(entry: Entry): void {
    if (isRemoval(entry)) {
      this.remove(entry);
      return;
    }
    const index = this.writer.add(entry);
    if (entry.kind === 'enqueuedLazily') {
      this.changes.addLazily(new UnwrittenDelivery(entry, this.position, index));
      return;
    }
    this.changes.add(entry, atOf(0, this.position, index));
    if (entry.kind === 'ended') (this.endedSessions ??= []).push(entry.session);
    if (entry.kind === 'ended' || entry.kind === 'groupEnded') this.hasEndings = true;
  }

  rows(): RowChanges {
    return this.changes.toRowChanges();
  }

  record(writtenAt: number): LogRecord {
    const { messages } = this.writer;
    return { body: this.writer.finish(), messages, writtenAt, derived: this.unwritten.settledTo(this.position.seq - 1) };
  }

  /** It is durable. */
  committed(now: number): void {
    this.unwritten.add(this.position, this.changes.unwritten(), now);
    for (const session of this.endedSessions ?? []) this.unwritten.end(session);
  }

  private remove(removal: Removal): void {
    if (removal.kind === 'finished' && this.unwritten.finish(removal.session, removal.position)) return;
    // With the rows in the same commit, the end of a delivery that was there before needs no word in the log. Where they follow, a replay must find it.
    if (finish(this.changes, removal) || !this.rowsWithRecord) this.writer.add(removal);
  }
}
