import { type LogRecord } from '../log-store.js';
import { compareBytes, type LogPosition } from '../position.js';
import {
  type EndingRow,
  type QueueStateRow,
  type RowChanges,
  removedByKeyAlone,
  type SeatRow,
  type TableName,
  type TableRows,
  tableKeys,
  tableNames,
} from '../rows.js';

/** Something that happens as a whole or not at all. */
export type Step = () => void;

type AnyRow = { readonly at: Uint8Array };

/** Rows in memory. It outlives the stores that use it, as a database outlives brokers. */
export class SimulatedDatabase {
  readonly seats: Map<number, SeatRow> = new Map();
  /** By seat and epoch, then by sequence number; undefined is a fill. */
  private readonly logs: Map<string, Map<number, LogRecord | undefined>> = new Map();
  private readonly tables: { readonly [Name in TableName]: Map<string, TableRows[Name]> } = {
    sessions: new Map(),
    subs: new Map(),
    outq: new Map(),
    inq2: new Map(),
    wills: new Map(),
    retained: new Map(),
    shareq: new Map(),
    endings: new Map(),
  };
  private late: { calls: number; readonly step: Step }[] = [];

  log(seat: number, epoch: number): Map<number, LogRecord | undefined> {
    const name = `${seat}/${epoch}`;
    const log = this.logs.get(name) ?? new Map<number, LogRecord | undefined>();
    this.logs.set(name, log);
    return log;
  }

  get logRecords(): number {
    return [...this.logs.values()].reduce((sum, log) => sum + log.size, 0);
  }

  /** The rows of a table whose keys begin with the given bytes, in the order of their keys. */
  rows<Name extends TableName>(table: Name, prefix: readonly (Uint8Array | bigint)[] = []): TableRows[Name][] {
    const beginning = prefix.map(keyPart).join('');
    const rows: ReadonlyMap<string, TableRows[Name]> = this.tables[table];
    return [...rows.entries()]
      .filter(([key]) => key.startsWith(beginning))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, row]) => row);
  }

  size(table: TableName): number {
    return this.tables[table].size;
  }

  /** What a replica has that has got everything up to now. The function that is returned lets it take over: what came later is gone. */
  copy(): () => void {
    const { seats, logs, tables } = structuredClone({ seats: this.seats, logs: this.logs, tables: this.tables });
    return () => {
      refill(this.seats, seats);
      for (const [name, log] of this.logs) refill(log, logs.get(name) ?? new Map<number, LogRecord | undefined>());
      for (const table of tableNames) refill(this.tables[table] as Map<string, unknown>, tables[table]);
    };
  }

  /** What has to be done, one step for each row. */
  steps(changes: RowChanges): Step[] {
    const steps: Step[] = [];
    for (const table of tableNames) {
      for (const row of changes.put?.[table] ?? []) steps.push(() => this.put(table, row));
    }
    for (const row of changes.queueStates ?? []) steps.push(() => this.goOn(row));
    for (const table of tableNames) {
      if (table === 'endings') continue;
      for (const removal of changes.removed?.[table] ?? []) steps.push(() => this.remove(table, removal));
    }
    return steps;
  }

  raiseDerived({ seat, epoch, seq }: LogPosition): void {
    const row = this.seats.get(seat);
    if (row === undefined || row.derivedEpoch > epoch || (row.derivedEpoch === epoch && row.derived >= seq)) return;
    this.seats.set(seat, { ...row, derivedEpoch: epoch, derived: seq });
  }

  arriveLater(step: Step, calls: number): void {
    this.late.push({ calls, step });
  }

  /** Requests that were under way arrive. */
  tick(): void {
    const due = this.late.filter((request) => --request.calls <= 0);
    this.late = this.late.filter((request) => request.calls > 0);
    for (const { step } of due) step();
  }

  put<Name extends TableName>(table: Name, row: TableRows[Name]): void {
    const rows: Map<string, TableRows[Name]> = this.tables[table];
    const key = keyOf(table, row);
    const stored: AnyRow | undefined = rows.get(key);
    if (stored === undefined || compareBytes(stored.at, row.at) < 0) rows.set(key, structuredClone(row));
  }

  delete<Name extends TableName>(table: Name, row: TableRows[Name]): void {
    this.tables[table].delete(keyOf(table, row));
  }

  /** Unless the same group has ended again. */
  deleteEnding(ending: EndingRow): void {
    const key = keyOf('endings', ending);
    const stored = this.tables.endings.get(key);
    if (stored !== undefined && compareBytes(stored.at, ending.at) <= 0) this.tables.endings.delete(key);
  }

  private goOn(change: QueueStateRow): void {
    const key = keyOf('outq', change);
    const stored = this.tables.outq.get(key);
    if (stored === undefined || compareBytes(stored.at, change.at) >= 0) return;
    this.tables.outq.set(key, { ...stored, packetId: change.packetId, received: change.received, at: change.at.slice() });
  }

  private remove(table: TableName, removal: object): void {
    const key = keyOf(table, removal);
    const stored: AnyRow | undefined = this.tables[table].get(key);
    if (stored === undefined) return;
    if (removedByKeyAlone.has(table) || compareBytes(stored.at, (removal as AnyRow).at) <= 0) this.tables[table].delete(key);
  }
}

function refill<Key, Value>(map: Map<Key, Value>, content: ReadonlyMap<Key, Value>): void {
  map.clear();
  for (const [key, value] of content) map.set(key, value);
}

/** A text whose order is that of the key. */
function keyOf(table: TableName, row: object): string {
  return tableKeys[table].map((column) => keyPart((row as Record<string, Uint8Array | number | bigint>)[column])).join('');
}

function keyPart(value: Uint8Array | number | bigint): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value.toString(16).padStart(16, '0');
}
