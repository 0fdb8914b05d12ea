import {
  type GroupTotals,
  type LogRecord,
  type LogStore,
  type QueueTotals,
  type SessionRows,
  type StoreDurability,
  type StoredRecord,
  type StoreMeasures,
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
  removedByKeyAlone,
  type SeatRow,
  type SessionReference,
  type SessionRow,
  type ShareQueueRow,
  tableNames,
} from '../rows.js';
import { runsOf } from './runs.js';
import { DuplicateKey, type SqlDatabase, type SqlStatement, type SqlValue } from './sql-database.js';
import { chunkSizes, named, type SqlDialect, SqlStatements } from './sql-statements.js';
import { rowValues, type SeatColumns, type SqlSchema, type SqlTable, type SqlTableShape } from './sql-table.js';

const sealTurnsMax = 3;
/** For what else is in a record and a row with the message. */
const messageReserve = 65_536;
const beginning = new Uint8Array(0);
const noQueue: QueueTotals = { messages: 0, bytes: 0, lastPos: 0 };

/** The store on any SQL database: a record and its rows are one transaction. */
export class SqlLogStore implements LogStore {
  readonly rowsWithRecord: boolean = true;
  private readonly database: SqlDatabase;
  private readonly schema: SqlSchema;
  private readonly statements: SqlStatements;

  constructor(database: SqlDatabase, schema: SqlSchema, dialect: SqlDialect) {
    this.database = database;
    this.schema = schema;
    this.statements = new SqlStatements(dialect);
  }

  async append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    const { wlog } = this.schema;
    const { derived, messages, writtenAt, body } = record;
    const statements: SqlStatement[] = [this.insert(wlog, { ...position, derived, messages, writtenAt, body })];
    this.changeRows(changes, statements);
    try {
      await this.database.transaction(statements);
      return 'committed';
    } catch (error) {
      if (!(error instanceof DuplicateKey)) throw error;
      const [stored] = await this.select(wlog, 'WHERE `seat` = ? AND `epoch` = ? AND `seq` = ?', [
        position.seat,
        position.epoch,
        position.seq,
      ]);
      return stored !== undefined && compareBytes(stored.body, body) === 0 ? 'committed' : 'fenced';
    }
  }

  async readLog(after: LogPosition, limit: number, bytesMax: number): Promise<readonly StoredRecord[]> {
    const where = '`seat` = ? AND `epoch` = ? AND LENGTH(`body`) > 0 AND `seq`';
    const rows = await this.page(this.schema.wlog, where, [after.seat, after.epoch], after.seq, limit, bytesMax);
    return rows.map(({ seat, epoch, seq, derived, messages, writtenAt, body }) => {
      return { position: { seat, epoch, seq }, derived, messages, writtenAt, body };
    });
  }

  async lastRecord(seat: number, epoch: number): Promise<{ seq: number; derived: number } | undefined> {
    // Fills stand behind the records, at most a few hundred.
    const sql = 'SELECT `seq`, `derived` FROM `wlog` WHERE `seat` = ? AND `epoch` = ? AND LENGTH(`body`) > 0 ORDER BY `seq` DESC LIMIT 1';
    const [row] = await this.database.queryWhereWritten(sql, [seat, epoch]);
    return row === undefined ? undefined : { seq: Number(row[0]), derived: Number(row[1]) };
  }

  async seal(seat: number, epoch: number, floor: number): Promise<number> {
    const ends =
      'SELECT MAX(`seq`), MIN(CASE WHEN LENGTH(`body`) = 0 THEN `seq` END) FROM `wlog` WHERE `seat` = ? AND `epoch` = ? AND `seq` >= ?';
    for (let turns = 0; ; turns++) {
      const [[last, fill]] = await this.database.query(ends, [seat, epoch, floor]);
      if (fill !== null && (await this.isComplete(seat, epoch, floor, Number(fill)))) return Number(fill);
      // What is missing below the fills is not written any more: more of them would not help.
      if (turns > sealTurnsMax) throw new StoreUnusable(`records of epoch ${epoch} are missing behind position ${floor}`);
      const first = last === null ? floor : Number(last) + 1;
      const fills = Array.from({ length: this.statements.dialect.fills }, (_, index) => {
        return this.insert(
          this.schema.wlog,
          { seat, epoch, seq: first + index, derived: 0, messages: 0, writtenAt: 0, body: beginning },
          true,
        );
      });
      await this.database.transaction(fills);
    }
  }

  async collect(seat: number, epoch: number, below: number, limit: number): Promise<number> {
    const chosen = 'SELECT `seq` FROM `wlog` WHERE `seat` = ? AND `epoch` = ? AND `seq` < ? AND LENGTH(`body`) > 0 ORDER BY `seq` LIMIT ?';
    const rows = await this.database.query(chosen, [seat, epoch, below, limit]);
    if (rows.length === 0) return 0;
    const range = [rows[0][0], rows[rows.length - 1][0]];
    const sql = 'DELETE FROM `wlog` WHERE `seat` = ? AND `epoch` = ? AND `seq` BETWEEN ? AND ? AND LENGTH(`body`) > 0';
    await this.database.transaction([{ sql, values: [seat, epoch, ...range] }]);
    return rows.length;
  }

  async writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    const statements: SqlStatement[] = [];
    if (derived !== undefined) {
      const sql =
        'UPDATE `seats` SET `derived_epoch` = ?, `derived` = ? WHERE `seat` = ? AND (`derived_epoch` < ? OR (`derived_epoch` = ? AND `derived` < ?))';
      const { seat, epoch, seq } = derived;
      statements.push({ sql, values: [epoch, seq, seat, epoch, epoch, seq] });
    }
    this.changeRows(changes, statements);
    if (statements.length > 0) await this.database.transaction(statements);
  }

  async readSessions(after: Uint8Array | undefined, limit: number): Promise<readonly SessionRows[]> {
    const { schema } = this;
    const sessions = await this.select(schema.sessions, 'WHERE `sid` > ? ORDER BY `sid` LIMIT ?', [after ?? beginning, limit]);
    if (sessions.length === 0) return [];
    const range = [sessions[0].sid, sessions[sessions.length - 1].sid];
    const between = 'WHERE `sid` BETWEEN ? AND ?';
    const totals =
      'SELECT `sid`, `incarnation`, COUNT(*), SUM(`size`), MAX(`pos`) FROM `outq` WHERE `sid` BETWEEN ? AND ? GROUP BY `sid`, `incarnation`';
    const [subs, inq2, wills, queues] = await Promise.all([
      this.select(schema.subs, between, range),
      this.select(schema.inq2, between, range),
      this.select(schema.wills, between, range),
      this.database.query(totals, range),
    ]);
    const bySession = new Map(sessions.map((session) => [nameOf(session), newParts(session)]));
    // What belongs to earlier incarnations is on its way out.
    const partsOf = (reference: SessionReference) => bySession.get(nameOf(reference));
    for (const row of subs) partsOf(row)?.subs.push(row);
    for (const row of inq2) partsOf(row)?.inq2.push(row);
    for (const row of wills) {
      const parts = partsOf(row);
      if (parts !== undefined) parts.will = row;
    }
    for (const [sid, incarnation, messages, bytes, lastPos] of queues) {
      const parts = partsOf({ sid: sid as Uint8Array, incarnation: BigInt(incarnation as bigint) });
      if (parts !== undefined) parts.queue = { messages: Number(messages), bytes: Number(bytes), lastPos: Number(lastPos) };
    }
    return [...bySession.values()];
  }

  readQueue({ sid, incarnation }: SessionReference, after: number, limit: number, bytesMax: number): Promise<readonly QueueRow[]> {
    return this.page(this.schema.outq, '`sid` = ? AND `incarnation` = ? AND `pos`', [sid, incarnation], after, limit, bytesMax);
  }

  async readGroups(after: Uint8Array | undefined, limit: number): Promise<readonly GroupTotals[]> {
    const sql =
      'SELECT `group_hash`, MIN(`shared_subscription`), COUNT(*), SUM(`size`), MAX(`pos`) FROM `shareq` WHERE `group_hash` > ? GROUP BY `group_hash` ORDER BY `group_hash` LIMIT ?';
    const rows = await this.database.query(sql, [after ?? beginning, limit]);
    const text = this.schema.shareq.column('sharedSubscription');
    return rows.map(([groupHash, sharedSubscription, messages, bytes, lastPos]) => ({
      groupHash: groupHash as Uint8Array,
      sharedSubscription: text.fromDriver(sharedSubscription) as string,
      messages: Number(messages),
      bytes: Number(bytes),
      lastPos: Number(lastPos),
    }));
  }

  readShareQueue(groupHash: Uint8Array, after: number, limit: number, bytesMax: number): Promise<readonly ShareQueueRow[]> {
    return this.page(this.schema.shareq, '`group_hash` = ? AND `pos`', [groupHash], after, limit, bytesMax);
  }

  readRetained(after: Uint8Array | undefined, limit: number, bytesMax: number): Promise<readonly RetainedRow[]> {
    return this.page(this.schema.retained, '`topic_hash`', [], after ?? beginning, limit, bytesMax);
  }

  readEndings(limit: number): Promise<readonly EndingRow[]> {
    return this.select(this.schema.endings, 'ORDER BY `sid`, `incarnation` LIMIT ?', [limit]);
  }

  async removeEnded(ending: EndingRow, limit: number): Promise<boolean> {
    const { sid, incarnation, at } = ending;
    const { outq, inq2, subs, shareq, endings } = this.schema;
    const removals =
      ending.kind === EndingKind.group
        ? [this.removeSome(shareq, '`group_hash` = ? AND `at` <= ?', [sid, at])]
        : [outq, inq2, subs].map((table) => this.removeSome(table, '`sid` = ? AND `incarnation` = ?', [sid, incarnation]));
    let left = limit;
    for (const remove of removals) {
      left -= await remove(left);
      if (left <= 0) return false;
    }
    await this.database.transaction([{ sql: this.statements.remove(endings, true), values: [sid, incarnation, at] }]);
    return true;
  }

  async readSeat(seat: number): Promise<SeatRow | undefined> {
    const { seats } = this.schema;
    const sql = `SELECT ${this.statements.columns(seats)} FROM \`seats\` WHERE \`seat\` = ?`;
    const [found] = await this.database.queryWhereWritten(sql, [seat]);
    if (found === undefined) return undefined;
    const row = seats.row(found);
    return { ...row, closed: JSON.parse(row.closed) as SeatRow['closed'] };
  }

  async replaceSeat(attempt: Uint8Array | undefined, next: SeatRow): Promise<boolean> {
    const { seats } = this.schema;
    const row: SeatColumns = { ...next, closed: JSON.stringify(next.closed) };
    try {
      if (attempt === undefined) {
        await this.database.transaction([this.insert(seats, row)]);
      } else {
        const columns = seats.columns.filter(({ property }) => property !== 'derivedEpoch' && property !== 'derived');
        const values: SqlValue[] = [];
        rowValues(columns, row, values);
        const assignments = columns.map(({ name }) => `${named(name)} = ?`).join(', ');
        await this.database.transaction([
          { sql: `UPDATE \`seats\` SET ${assignments} WHERE \`seat\` = ? AND \`attempt\` = ?`, values: [...values, next.seat, attempt] },
        ]);
      }
    } catch (error) {
      if (!(error instanceof DuplicateKey)) throw error;
    }
    const stored = await this.readSeat(next.seat);
    return stored !== undefined && compareBytes(stored.attempt, next.attempt) === 0;
  }

  tryElsewhere(): void {
    this.database.tryElsewhere?.();
  }

  hasRoom(): Promise<boolean> {
    return this.database.hasRoom();
  }

  async maximumMessageBytes(): Promise<number> {
    return (await this.database.maximumValueBytes()) - messageReserve;
  }

  durability(): Promise<StoreDurability> {
    return this.database.durability();
  }

  async statistics(): Promise<StoreStatistics> {
    const count = async (name: string) => Number((await this.database.query(`SELECT COUNT(*) FROM ${named(name)}`, []))[0][0]);
    const counts: [string, number][] = [];
    for (const name of tableNames) counts.push([name, await count(name)]);
    return {
      rows: Object.fromEntries(counts) as StoreStatistics['rows'],
      logRecords: await count('wlog'),
      databaseBytes: await this.database.size(),
    };
  }

  async measures(seat: number, epoch: number): Promise<StoreMeasures> {
    const end = async (order: 'ASC' | 'DESC') => {
      const sql = `SELECT \`seq\` FROM \`wlog\` WHERE \`seat\` = ? AND \`epoch\` = ? ORDER BY \`seq\` ${order} LIMIT 1`;
      const [row] = await this.database.query(sql, [seat, epoch]);
      return row === undefined ? undefined : Number(row[0]);
    };
    const first = await end('ASC');
    const last = await end('DESC');
    return {
      logRecords: first === undefined || last === undefined ? 0 : last - first + 1,
      databaseBytes: await this.database.size(),
      diskFreeBytes: await this.database.diskFree(),
    };
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private changeRows({ put = {}, queueStates = [], removed = {} }: RowChanges, statements: SqlStatement[]): void {
    for (const name of tableNames) {
      const rows = put[name];
      if (rows !== undefined) this.put(this.schema[name], rows, statements);
    }
    const goOn =
      'UPDATE `outq` SET `packet_id` = ?, `received` = ?, `at` = ? WHERE `sid` = ? AND `incarnation` = ? AND `pos` = ? AND `at` < ?';
    for (const { sid, incarnation, pos, packetId, received, at } of queueStates) {
      statements.push({ sql: goOn, values: [packetId, received, at, sid, incarnation, pos, at] });
    }
    for (const name of tableNames) {
      if (name === 'endings') continue;
      const keys = removed[name];
      if (keys === undefined) continue;
      if (removedByKeyAlone.has(name)) this.removeKeys(this.schema[name], keys, statements);
      else this.removeGuarded(this.schema[name], keys as readonly { readonly at: Uint8Array }[], statements);
    }
  }

  private put(table: SqlTableShape, rows: readonly object[], statements: SqlStatement[]): void {
    for (const chunk of chunks(rows)) {
      const values: SqlValue[] = [];
      for (const row of chunk) rowValues(table.columns, row, values);
      statements.push({ sql: this.statements.put(table, chunk.length), values });
    }
  }

  private removeKeys(table: SqlTableShape, keys: readonly object[], statements: SqlStatement[]): void {
    const { runs, others } = runsOf(keys.map((key) => keyValues(table, key)));
    for (const values of runs) statements.push({ sql: this.statements.removeRun(table), values });
    for (const chunk of chunks(others)) statements.push({ sql: this.statements.removeKeys(table, chunk.length), values: chunk.flat() });
  }

  private removeGuarded(table: SqlTableShape, keys: readonly { readonly at: Uint8Array }[], statements: SqlStatement[]): void {
    const sql = this.statements.remove(table, true);
    for (const key of keys) {
      statements.push({ sql, values: [...keyValues(table, key), key.at] });
    }
  }

  /** Removes up to `limit` rows, by their keys. */
  private removeSome(table: SqlTableShape, where: string, parameters: readonly SqlValue[]): (limit: number) => Promise<number> {
    return async (limit) => {
      const key = table.key.map(({ name }) => named(name)).join(', ');
      const sql = `SELECT ${key} FROM ${named(table.name)} WHERE ${where} ORDER BY ${key} LIMIT ?`;
      const rows = await this.database.query(sql, [...parameters, limit]);
      const statements: SqlStatement[] = [];
      for (const chunk of chunks(rows)) statements.push({ sql: this.statements.removeKeys(table, chunk.length), values: chunk.flat() });
      if (statements.length > 0) await this.database.transaction(statements);
      return rows.length;
    };
  }

  private insert<Row extends object>(table: SqlTable<Row>, row: Row, ignore = false): SqlStatement {
    const values: SqlValue[] = [];
    rowValues(table.columns, row, values);
    return { sql: this.statements.insert(table, ignore), values };
  }

  private async select<Row>(table: SqlTable<Row>, rest: string, values: readonly SqlValue[]): Promise<Row[]> {
    const rows = await this.database.query(`SELECT ${this.statements.columns(table)} FROM ${named(table.name)} ${rest}`, values);
    return rows.map((row) => table.row(row));
  }

  /** Rows whose last key column, which ends `where`, is beyond `after`. The lengths are read first, so that no page is larger than asked. */
  private async page<Row>(
    table: SqlTable<Row>,
    where: string,
    parameters: readonly SqlValue[],
    after: SqlValue,
    limit: number,
    bytesMax: number,
  ): Promise<readonly Row[]> {
    const key = named(table.key[table.key.length - 1].name);
    const lengths = `SELECT ${key}, LENGTH(\`body\`) FROM ${named(table.name)} WHERE ${where} > ? ORDER BY ${key} LIMIT ?`;
    const found = await this.database.query(lengths, [...parameters, after, limit]);
    let bytes = 0;
    let last: SqlValue | undefined;
    for (const [value, length] of found) {
      bytes += Number(length);
      if (last !== undefined && bytes > bytesMax) break;
      last = value;
    }
    if (last === undefined) return [];
    return this.select(table, `WHERE ${where} > ? AND ${key} <= ? ORDER BY ${key}`, [...parameters, after, last]);
  }

  private async isComplete(seat: number, epoch: number, floor: number, fill: number): Promise<boolean> {
    const sql = 'SELECT COUNT(*) FROM `wlog` WHERE `seat` = ? AND `epoch` = ? AND `seq` BETWEEN ? AND ?';
    const [[count]] = await this.database.query(sql, [seat, epoch, floor, fill]);
    return Number(count) === fill - floor + 1;
  }
}

function keyValues(table: SqlTableShape, key: object): SqlValue[] {
  const values: SqlValue[] = [];
  rowValues(table.key, key, values);
  return values;
}

interface Parts extends SessionRows {
  readonly subs: SessionRows['subs'][number][];
  readonly inq2: SessionRows['inq2'][number][];
  will: SessionRows['will'];
  queue: QueueTotals;
}

function newParts(session: SessionRow): Parts {
  return { session, subs: [], inq2: [], will: undefined, queue: noQueue };
}

function nameOf({ sid, incarnation }: SessionReference): string {
  return `${Buffer.from(sid).toString('latin1')}${incarnation}`;
}

function* chunks<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  let at = 0;
  for (const size of chunkSizes) {
    for (; items.length - at >= size; at += size) yield size === items.length ? items : items.slice(at, at + size);
  }
}
