import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { type StoreDurability, StoreRefusal, StoreUnusable } from '../log-store.js';
import { DuplicateKey, type SqlDatabase, type SqlStatement, type SqlValue } from '../sql/sql-database.js';
import { durabilityVariables, mysqlDurability } from './mysql-durability.js';
import { sqlText } from './sql-text.js';

export interface MysqlOptions {
  /** `mysql://user:password@host:port/database`. */
  readonly url: string;
  readonly ssl?: ConnectionOptions['ssl'];
}

/** Who writes must not outlive, on the server, the connection that it lost; nor hold others up for long. */
const session = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION innodb_lock_wait_timeout = 2',
  'SET SESSION wait_timeout = 600',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES'",
].join('; ');
const connectMilliseconds = 5000;
/** Without an answer a connection is given up: a server, or a firewall, that forgot it says nothing. Sums over queues at a start take their time. */
const answerMilliseconds = { writer: 10_000, reader: 60_000 } as const;
const ErrorNumber = { duplicate: 1062, tooLarge: 1153, tooLong: 1406 } as const;
/** Server errors after which the transaction is certainly not there, but may be later. */
const busy = new Set([1205, 1213, 1290, 1836, 1040, 1203]);
const full = new Set([1021, 1114]);
/** Wrong user, password or database: an operator has to act. */
const denied = new Set([1044, 1045, 1049, 1698]);
/** Of a packet, for its head. */
const packetReserve = 1024;

interface ServerError extends Error {
  readonly errno?: number;
  readonly fatal?: boolean;
}

/** One connection; made anew after any error but those that are expected. */
class MysqlConnection {
  private readonly options: MysqlOptions;
  private readonly answerMilliseconds: number;
  private connection: Promise<Connection> | undefined;
  /** What `connection` came to. */
  private opened: Connection | undefined;
  packetMax: number = Infinity;

  constructor(options: MysqlOptions, answerMilliseconds: number) {
    this.options = options;
    this.answerMilliseconds = answerMilliseconds;
  }

  async query(sql: string): Promise<unknown> {
    const connection = await this.connected();
    if (Buffer.byteLength(sql) > this.packetMax - packetReserve) {
      throw new StoreRefusal('content', `larger than the server's max_allowed_packet of ${this.packetMax} bytes`);
    }
    try {
      const [result] = await this.answered(connection.query({ sql, rowsAsArray: true }));
      return result;
    } catch (error) {
      if ((error as ServerError).errno === ErrorNumber.duplicate) {
        await this.answered(connection.query('ROLLBACK')).catch(() => this.destroy(connection));
      } else {
        this.destroy(connection);
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    const connection = await this.connection?.catch(() => undefined);
    this.connection = undefined;
    if (connection !== undefined) await this.answered(connection.end()).catch(() => connection.destroy());
  }

  private async connected(): Promise<Connection> {
    this.connection ??= this.connect();
    try {
      return await this.connection;
    } catch (error) {
      this.connection = undefined;
      throw unavailable(error as ServerError);
    }
  }

  private async connect(): Promise<Connection> {
    const { url, ssl } = this.options;
    const connection = await createConnection({
      uri: url,
      ssl,
      multipleStatements: true,
      supportBigNumbers: true,
      connectTimeout: connectMilliseconds,
      enableKeepAlive: true,
    });
    // Without a listener an error between two queries would end the process; the next query finds it.
    connection.on('error', () => this.destroy(connection));
    try {
      const [[[, packetMax]]] = (await this.answered(
        connection.query({ sql: "SHOW VARIABLES LIKE 'max_allowed_packet'", rowsAsArray: true }),
      )) as unknown as [[[string, string]]];
      this.packetMax = Number(packetMax);
      await this.answered(connection.query(session));
    } catch (error) {
      connection.destroy();
      throw error;
    }
    this.opened = connection;
    return connection;
  }

  /** The answer; after some time an error, with which nothing is known of the query. */
  private async answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`the database did not answer within ${this.answerMilliseconds / 1000} s`));
      timer = setTimeout(fail, this.answerMilliseconds);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private destroy(connection: Connection): void {
    connection.destroy();
    // Queries that waited behind the first one come here later than it, when there may be a new one.
    if (this.opened !== connection) return;
    this.connection = undefined;
    this.opened = undefined;
  }
}

/** A database on a server. Reading has a connection of its own, so that pages of a queue do not wait for commits. */
export class MysqlDatabase implements SqlDatabase {
  private readonly writer: MysqlConnection;
  private readonly reader: MysqlConnection;
  private isFull = false;

  constructor(options: MysqlOptions, { writer, reader }: { readonly writer: number; readonly reader: number } = answerMilliseconds) {
    this.writer = new MysqlConnection(options, writer);
    this.reader = new MysqlConnection(options, reader);
  }

  async query(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    try {
      return (await this.reader.query(sqlText(sql, values))) as SqlValue[][];
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

  async durability(): Promise<StoreDurability> {
    const names = durabilityVariables.map((name) => `'${name}'`).join(', ');
    const rows = await this.query(`SHOW GLOBAL VARIABLES WHERE variable_name IN (${names})`, []);
    return mysqlDurability(new Map(rows.map(([name, value]) => [String(name), String(value)])));
  }

  hasRoom(): Promise<boolean> {
    return Promise.resolve(!this.isFull);
  }

  async close(): Promise<void> {
    await Promise.all([this.writer.close(), this.reader.close()]);
  }
}

function unavailable(error: ServerError): Error {
  if (error.errno !== undefined && denied.has(error.errno)) return new StoreUnusable(error.message, { cause: error });
  return new StoreRefusal('unavailable', `no connection to the database: ${error.message || String(error)}`, { cause: error });
}

function translated(error: ServerError): Error {
  const { errno, message } = error;
  if (errno === ErrorNumber.duplicate) return new DuplicateKey(message, { cause: error });
  if (errno === ErrorNumber.tooLarge || errno === ErrorNumber.tooLong) return new StoreRefusal('content', message, { cause: error });
  if (errno !== undefined && full.has(errno)) return new StoreRefusal('full', message, { cause: error });
  if (errno !== undefined && busy.has(errno)) return new StoreRefusal('unavailable', message, { cause: error });
  return error;
}
