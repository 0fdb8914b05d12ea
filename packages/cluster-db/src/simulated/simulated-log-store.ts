import {
  type GroupTotals,
  type LogRecord,
  type LogStore,
  type QueueTotals,
  type SessionRows,
  type StoreDurability,
  type StoredRecord,
  type StoreMeasures,
  StoreRefusal,
  type StoreStatistics,
  StoreUnusable,
} from '../log-store.js';
import { compareBytes, type LogPosition } from '../position.js';
import {
  EndingKind,
  type EndingRow,
  type QueueRow,
  type RetainedRow,
  type RowChanges,
  type SeatRow,
  type SessionReference,
  type ShareQueueRow,
  tableNames,
} from '../rows.js';
import { type Faults } from './faults.js';
import { type SimulatedDatabase, type Step } from './simulated-database.js';

/** The broker process has ended in the middle of a call. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

const lateCalls = 3;

/** The reference of LogStore, and the one whose faults a test chooses. Time does not pass in it: a call takes effect when it is made. */
export class SimulatedLogStore implements LogStore {
  readonly rowsWithRecord: boolean;
  private readonly database: SimulatedDatabase;
  private readonly faults: Faults;
  private crashed = false;

  /** `rowsWithRecord`: as SQL databases do it; without, as MongoDB. */
  constructor(database: SimulatedDatabase, faults: Faults, rowsWithRecord: boolean) {
    this.database = database;
    this.faults = faults;
    this.rowsWithRecord = rowsWithRecord;
  }

  async append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    const log = this.database.log(position.seat, position.epoch);
    const { seq } = position;
    const insert = () => {
      if (!log.has(seq)) log.set(seq, structuredClone(record));
    };
    const rows = this.database.steps(changes);
    const isOwn = () => {
      const stored = log.get(seq);
      return stored !== undefined && compareBytes(stored.body, record.body) === 0;
    };
    if (this.rowsWithRecord) {
      const commit = () => {
        if (log.has(seq)) return;
        insert();
        for (const step of rows) step();
      };
      this.write('append', [commit]);
    } else {
      // A row is written only after its record is known to be the own one.
      this.write('append', [insert, ...rows.map((step) => () => isOwn() && step())]);
    }
    return isOwn() ? 'committed' : 'fenced';
  }

  async readLog(after: LogPosition, limit: number, bytesMax: number): Promise<readonly StoredRecord[]> {
    this.read('readLog');
    const { seat, epoch } = after;
    const records = [...this.database.log(seat, epoch)]
      .filter(([seq, record]) => seq > after.seq && record !== undefined)
      .sort(([a], [b]) => a - b)
      .map(([seq, record]) => ({ ...structuredClone(record!), position: { seat, epoch, seq } }));
    return page(records, limit, bytesMax);
  }

  async lastRecord(seat: number, epoch: number): Promise<{ seq: number; derived: number } | undefined> {
    this.read('lastRecord');
    let last: { seq: number; derived: number } | undefined;
    for (const [seq, record] of this.database.log(seat, epoch)) {
      if (record !== undefined && seq > (last?.seq ?? 0)) last = { seq, derived: record.derived };
    }
    return last;
  }

  async seal(seat: number, epoch: number, floor: number): Promise<number> {
    const log = this.database.log(seat, epoch);
    const firstFill = () => {
      let seq = floor;
      while (log.has(seq) && log.get(seq) !== undefined) seq += 1;
      return seq;
    };
    // The databases look for one row at each position: records that are missing above the floor are the caller's mistake.
    const end = firstFill();
    if (!log.has(end) && [...log.keys()].some((seq) => seq > end))
      throw new StoreUnusable(`records of epoch ${epoch} are missing behind position ${end - 1}`);
    this.write('seal', [() => log.set(firstFill(), undefined)]);
    return firstFill();
  }

  async collect(seat: number, epoch: number, below: number, limit: number): Promise<number> {
    const log = this.database.log(seat, epoch);
    const chosen = [...log.keys()]
      .filter((seq) => seq < below && log.get(seq) !== undefined)
      .sort((a, b) => a - b)
      .slice(0, limit);
    this.write(
      'collect',
      chosen.map((seq) => () => log.delete(seq)),
    );
    return chosen.length;
  }

  async writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    const steps = this.database.steps(changes);
    if (derived !== undefined) steps.unshift(() => this.database.raiseDerived(derived));
    this.write('writeRows', this.rowsWithRecord ? [() => steps.forEach((step) => step())] : steps);
  }

  async readSessions(after: Uint8Array | undefined, limit: number): Promise<readonly SessionRows[]> {
    this.read('readSessions');
    const { database } = this;
    const sessions = database.rows('sessions').filter(({ sid }) => after === undefined || compareBytes(sid, after) > 0);
    return structuredClone(
      sessions.slice(0, limit).map((session) => {
        const key = [session.sid, session.incarnation];
        const will = database.rows('wills', [session.sid]).find(({ incarnation }) => incarnation === session.incarnation);
        return {
          session,
          subs: database.rows('subs', key),
          inq2: database.rows('inq2', key),
          will,
          queue: totals(database.rows('outq', key)),
        };
      }),
    );
  }

  async readQueue(session: SessionReference, after: number, limit: number, bytesMax: number): Promise<readonly QueueRow[]> {
    this.read('readQueue');
    const rows = this.database.rows('outq', [session.sid, session.incarnation]).filter(({ pos }) => pos > after);
    return page(structuredClone(rows), limit, bytesMax);
  }

  async readGroups(after: Uint8Array | undefined, limit: number): Promise<readonly GroupTotals[]> {
    this.read('readGroups');
    const groups = new Map<string, ShareQueueRow[]>();
    for (const row of this.database.rows('shareq')) {
      if (after === undefined || compareBytes(row.groupHash, after) > 0) {
        groups.set(row.sharedSubscription, [...(groups.get(row.sharedSubscription) ?? []), row]);
      }
    }
    const list = [...groups].slice(0, limit);
    return list.map(([sharedSubscription, rows]) => ({ groupHash: rows[0].groupHash, sharedSubscription, ...totals(rows) }));
  }

  async readShareQueue(groupHash: Uint8Array, after: number, limit: number, bytesMax: number): Promise<readonly ShareQueueRow[]> {
    this.read('readShareQueue');
    const rows = this.database.rows('shareq', [groupHash]).filter(({ pos }) => pos > after);
    return page(structuredClone(rows), limit, bytesMax);
  }

  async readRetained(after: Uint8Array | undefined, limit: number, bytesMax: number): Promise<readonly RetainedRow[]> {
    this.read('readRetained');
    const rows = this.database.rows('retained').filter(({ topicHash }) => after === undefined || compareBytes(topicHash, after) > 0);
    return page(structuredClone(rows), limit, bytesMax);
  }

  async readEndings(limit: number): Promise<readonly EndingRow[]> {
    this.read('readEndings');
    return structuredClone(this.database.rows('endings').slice(0, limit));
  }

  async removeEnded(ending: EndingRow, limit: number): Promise<boolean> {
    const { database } = this;
    const { sid, incarnation, at } = ending;
    const steps: Step[] = [];
    if (ending.kind === EndingKind.group) {
      const rows = database.rows('shareq', [sid]).filter((row) => compareBytes(row.at, at) <= 0);
      for (const row of rows) steps.push(() => database.delete('shareq', row));
    } else {
      for (const table of ['outq', 'inq2', 'subs'] as const) {
        for (const row of database.rows(table, [sid, incarnation])) steps.push(() => database.delete(table, row));
      }
    }
    const done = steps.length <= limit;
    if (done) steps.push(() => database.deleteEnding(ending));
    this.write('removeEnded', done ? steps : steps.slice(0, limit));
    return done;
  }

  async readSeat(seat: number): Promise<SeatRow | undefined> {
    this.read('readSeat');
    return structuredClone(this.database.seats.get(seat));
  }

  async replaceSeat(attempt: Uint8Array | undefined, next: SeatRow): Promise<boolean> {
    const { seats } = this.database;
    const isNext = () => same(seats.get(next.seat)?.attempt, next.attempt);
    const set = () => {
      const stored = seats.get(next.seat);
      if (!same(stored?.attempt, attempt)) return;
      const { derivedEpoch, derived } = stored ?? next;
      seats.set(next.seat, structuredClone({ ...next, derivedEpoch, derived }));
    };
    this.write('replaceSeat', [set]);
    return isNext();
  }

  async hasRoom(): Promise<boolean> {
    this.read('hasRoom');
    return true;
  }

  async maximumMessageBytes(): Promise<number> {
    return Infinity;
  }

  async durability(): Promise<StoreDurability> {
    return { level: 'memory', remarks: [] };
  }

  async statistics(): Promise<StoreStatistics> {
    this.read('statistics');
    const rows = Object.fromEntries(tableNames.map((table) => [table, this.database.size(table)])) as StoreStatistics['rows'];
    return { rows, logRecords: this.database.logRecords, databaseBytes: 0 };
  }

  async measures(): Promise<StoreMeasures> {
    this.read('measures');
    return { logRecords: this.database.logRecords, databaseBytes: 0, diskFreeBytes: undefined };
  }

  async close(): Promise<void> {}

  private read(call: string): void {
    this.refuseCrashed();
    this.database.tick();
    const outcome = this.faults.outcome(call, false);
    if (outcome === 'done') return;
    if (outcome.startsWith('crash')) this.crash();
    throw new StoreRefusal('unavailable', `${call}: refused by the simulation`);
  }

  private write(call: string, steps: readonly Step[]): void {
    this.refuseCrashed();
    this.database.tick();
    const run = (count: number) => {
      for (const step of steps.slice(0, count)) step();
    };
    const outcome = this.faults.outcome(call, true);
    switch (outcome) {
      case 'done':
        return run(steps.length);
      case 'refused':
        throw new StoreRefusal('unavailable', `${call}: refused by the simulation`);
      case 'unknownApplied':
        run(steps.length);
        throw new Error(`${call}: the answer was lost`);
      case 'unknownLost':
        throw new Error(`${call}: the answer was lost`);
      case 'appliedLate':
        if (steps.length > 0) this.database.arriveLater(steps[0], lateCalls);
        throw new Error(`${call}: the answer was lost`);
      case 'half':
        run(Math.floor(steps.length / 2));
        throw new Error(`${call}: the connection broke`);
      case 'crashBefore':
        return this.crash();
      case 'crashAfter':
        run(steps.length);
        return this.crash();
      case 'crashHalf':
        run(Math.floor(steps.length / 2));
        return this.crash();
    }
  }

  private refuseCrashed(): void {
    if (this.crashed) throw new SimulatedCrash('the process has ended');
  }

  private crash(): never {
    this.crashed = true;
    throw new SimulatedCrash('the process ends');
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareBytes(a, b) === 0;
}

function page<Row extends { readonly body: Uint8Array }>(rows: readonly Row[], limit: number, bytesMax: number): readonly Row[] {
  let bytes = 0;
  let count = 0;
  while (count < rows.length && count < limit) {
    bytes += rows[count].body.length;
    if (count > 0 && bytes > bytesMax) break;
    count += 1;
  }
  return rows.slice(0, count);
}

function totals(rows: readonly { readonly pos: number; readonly size: number }[]): QueueTotals {
  const bytes = rows.reduce((sum, { size }) => sum + size, 0);
  return { messages: rows.length, bytes, lastPos: rows.reduce((last, { pos }) => Math.max(last, pos), 0) };
}
