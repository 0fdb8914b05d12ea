import { type StoreDurability, StoreRefusal } from '../log-store.js';
import { DuplicateKey, type SqlDatabase, type SqlStatement, type SqlValue } from '../sql/sql-database.js';
import { MysqlAddress, MysqlConnection, type MysqlOptions, type ServerError } from './mysql-connection.js';
import { durabilityStatus, durabilityVariables, mysqlDurability } from './mysql-durability.js';
import { sqlText } from './sql-text.js';

/** Without an answer a connection is given up: a server, or a firewall, that forgot it says nothing. Sums over queues at a start take their time. */
const answerMilliseconds = { writer: 10_000, reader: 60_000 } as const;
const defaultConnections = 4;
const ErrorNumber = { duplicate: 1062, tooLarge: 1153, tooLong: 1406 } as const;
/** Server errors after which the transaction is certainly not there, but may be later. */
const busy = new Set([1205, 1213, 1290, 1836, 1040, 1203]);
const full = new Set([1021, 1114]);

/** A database on a server. Reading has connections of its own, so that pages of queues do not wait for commits. */
export class MysqlDatabase implements SqlDatabase {
  private readonly address: MysqlAddress;
  private readonly writer: MysqlConnection;
  private readonly readers: readonly MysqlConnection[];
  private isFull = false;

  constructor(options: MysqlOptions, { writer, reader }: { readonly writer: number; readonly reader: number } = answerMilliseconds) {
    const address = new MysqlAddress(options);
    this.address = address;
    const { connections = defaultConnections, tls } = options;
    this.writer = new MysqlConnection(address, tls, true, writer);
    this.readers = Array.from({ length: Math.max(1, connections - 1) }, () => new MysqlConnection(address, tls, false, reader));
  }

  query(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    return this.queryOn(this.freest, sql, values);
  }

  queryWhereWritten(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    return this.queryOn(this.writer, sql, values);
  }

  private async queryOn(connection: MysqlConnection, sql: string, values: readonly SqlValue[]): Promise<SqlValue[][]> {
    try {
      return (await connection.query(sqlText(sql, values))) as SqlValue[][];
    } catch (error) {
      throw translated(error as ServerError);
    }
  }

  async transaction(statements: readonly SqlStatement[]): Promise<readonly number[]> {
    const texts = statements.map(({ sql, values }) => sqlText(sql, values));
    // One packet: either all of it arrives, or nothing.
    const isAlone = texts.length === 1;
    try {
      const result = await this.writer.query(isAlone ? texts[0] : `BEGIN; ${texts.join('; ')}; COMMIT`);
      this.isFull = false;
      const results = (Array.isArray(result) ? result : [result]) as { readonly affectedRows?: number }[];
      const own = isAlone ? results : results.slice(1, -1);
      return own.map(({ affectedRows = 0 }) => affectedRows);
    } catch (error) {
      const known = translated(error as ServerError);
      if (known instanceof StoreRefusal && known.reason === 'full') this.isFull = true;
      throw known;
    }
  }

  async size(): Promise<number> {
    const sql = 'SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()';
    const [[bytes]] = await this.query(sql, []);
    return Number(bytes);
  }

  tryElsewhere(): void {
    this.address.leave(this.address.url);
  }

  diskFree(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Both rows are in one packet, with two characters for each byte. */
  async maximumValueBytes(): Promise<number> {
    const [[bytes]] = await this.queryWhereWritten('SELECT @@max_allowed_packet', []);
    return Math.floor(Number(bytes) / 4);
  }

  async durability(): Promise<StoreDurability> {
    const found = new Map<string, string>();
    for (const [kind, names] of [
      ['VARIABLES', durabilityVariables],
      ['STATUS', durabilityStatus],
    ] as const) {
      const list = names.map((name) => `'${name}'`).join(', ');
      const rows = await this.query(`SHOW GLOBAL ${kind} WHERE variable_name IN (${list})`, []);
      for (const [name, value] of rows) found.set(String(name).toLowerCase(), String(value));
    }
    return mysqlDurability(found);
  }

  hasRoom(): Promise<boolean> {
    return Promise.resolve(!this.isFull);
  }

  async close(): Promise<void> {
    await Promise.all([this.writer, ...this.readers].map((connection) => connection.close()));
  }

  /** Of those that read; the first of them, so that no more are opened than are needed. */
  private get freest(): MysqlConnection {
    return this.readers.reduce((best, candidate) => (candidate.waiting < best.waiting ? candidate : best));
  }
}

function translated(error: ServerError): Error {
  const { errno, message } = error;
  if (errno === ErrorNumber.duplicate) return new DuplicateKey(message, { cause: error });
  if (errno === ErrorNumber.tooLarge || errno === ErrorNumber.tooLong) return new StoreRefusal('content', message, { cause: error });
  if (errno !== undefined && full.has(errno)) return new StoreRefusal('full', message, { cause: error });
  if (errno !== undefined && busy.has(errno)) return new StoreRefusal('unavailable', message, { cause: error });
  return error;
}
