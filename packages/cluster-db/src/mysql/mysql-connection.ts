import { isIP } from 'node:net';
import { type Connection, createConnection } from 'mysql2/promise';
import { StoreRefusal, StoreUnusable } from '../log-store.js';
import { type ServerTls } from '../server-tls.js';

export interface MysqlOptions {
  /** `mysql://user:password@host:port/database`. */
  readonly url: string;
  /** Other addresses of the same database, each of which has every commit: the next is tried when the one in use does not answer or only reads. */
  readonly otherUrls?: readonly string[];
  /** At most; one writes, the others read. */
  readonly connections?: number;
  readonly tls?: ServerTls;
}

/** Who writes must not outlive, on the server, the connection that it lost; nor hold others up for long. */
const session = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION innodb_lock_wait_timeout = 2',
  'SET SESSION wait_timeout = 600',
  // MySQL would tell sizes of a day ago; MariaDB does not know the variable, and takes it for a comment.
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES' /*!80003 , SESSION information_schema_stats_expiry = 0 */",
].join('; ');
const connectMilliseconds = 5000;
/** Of a packet, for its head. */
const packetReserve = 1024;
const duplicate = 1062;
/** The server only reads: it is a replica, or has become one. */
const readOnly = new Set([1290, 1836]);
/** Wrong user, password or database: an operator has to act. */
const denied = new Set([1044, 1045, 1049, 1698]);

export interface ServerError extends Error {
  readonly errno?: number;
  readonly fatal?: boolean;
}

/** Which of several addresses is in use. The connection that writes chooses, and whoever reads follows: state is read only where it is written. */
export class MysqlAddress {
  readonly count: number;
  private readonly urls: readonly string[];
  private index = 0;

  constructor({ url, otherUrls = [] }: MysqlOptions) {
    this.urls = [url, ...otherUrls];
    this.count = this.urls.length;
  }

  get url(): string {
    return this.urls[this.index];
  }

  /** Unless another address than the one that failed is in use already. */
  leave(url: string): void {
    if (url === this.url) this.index = (this.index + 1) % this.count;
  }
}

/** One connection; made anew after any error but those that are expected. */
export class MysqlConnection {
  /** Queries that are not yet answered. */
  waiting = 0;
  private readonly address: MysqlAddress;
  private readonly tls: ServerTls | undefined;
  /** Whether it chooses the address. */
  private readonly writes: boolean;
  private readonly answerMilliseconds: number;
  private connection: Promise<Connection> | undefined;
  /** What `connection` came to. */
  private opened: Connection | undefined;
  /** It broke between two queries, so that nobody knows. */
  private hasBrokenUnseen = false;
  /** Of `opened`. */
  private url = '';
  private packetMax = Infinity;
  private isClosed = false;

  constructor(address: MysqlAddress, tls: ServerTls | undefined, writes: boolean, answerMilliseconds: number) {
    this.address = address;
    this.tls = tls;
    this.writes = writes;
    this.answerMilliseconds = answerMilliseconds;
  }

  async query(sql: string): Promise<unknown> {
    this.waiting += 1;
    try {
      return await this.ask(sql);
    } finally {
      this.waiting -= 1;
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const connection = await this.connection?.catch(() => undefined);
    this.connection = undefined;
    if (connection !== undefined) await this.answered(connection.end()).catch(() => connection.destroy());
  }

  private async ask(sql: string): Promise<unknown> {
    if (this.hasBrokenUnseen) {
      this.hasBrokenUnseen = false;
      if (this.writes) throw new StoreRefusal('unavailable', 'the connection to the database broke');
    }
    const connection = await this.connected();
    if (Buffer.byteLength(sql) > this.packetMax - packetReserve) {
      throw new StoreRefusal('content', `larger than the server's max_allowed_packet of ${this.packetMax} bytes`);
    }
    const { url } = this;
    try {
      const [result] = await this.answered(connection.query({ sql, rowsAsArray: true }));
      return result;
    } catch (error) {
      const { errno } = error as ServerError;
      if (errno === duplicate) {
        await this.answered(connection.query('ROLLBACK')).catch(() => this.destroy(connection));
      } else {
        this.destroy(connection);
        if (this.writes && errno !== undefined && readOnly.has(errno)) this.address.leave(url);
      }
      throw error;
    }
  }

  private async connected(): Promise<Connection> {
    if (this.isClosed) throw new StoreRefusal('unavailable', 'the store is closed');
    if (this.opened !== undefined && this.url !== this.address.url) this.destroy(this.opened);
    this.connection ??= this.connect();
    try {
      return await this.connection;
    } catch (error) {
      this.connection = undefined;
      throw unavailable(error as ServerError);
    }
  }

  /** Each address is tried once. */
  private async connect(): Promise<Connection> {
    for (let tried = 1; ; tried += 1) {
      const { url } = this.address;
      try {
        return await this.connectTo(url);
      } catch (error) {
        const { errno } = error as ServerError;
        if (!this.writes || tried === this.address.count || (errno !== undefined && denied.has(errno))) throw error;
        this.address.leave(url);
      }
    }
  }

  private async connectTo(url: string): Promise<Connection> {
    // An address without a name has no name to prove; what it shows must come from the authorities all the same.
    const verifyIdentity = isIP(new URL(url).hostname.replace(/^\[|\]$/g, '')) === 0;
    const connection = await createConnection({
      uri: url,
      ...(this.tls === undefined ? {} : { ssl: { ...this.tls, verifyIdentity } }),
      multipleStatements: true,
      supportBigNumbers: true,
      connectTimeout: connectMilliseconds,
      enableKeepAlive: true,
    });
    // Without a listener an error between two queries would end the process; the next query finds it.
    connection.on('error', () => {
      this.hasBrokenUnseen ||= this.opened === connection;
      this.destroy(connection);
    });
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
    this.url = url;
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

function unavailable(error: ServerError): Error {
  if (error.errno !== undefined && denied.has(error.errno)) return new StoreUnusable(error.message, { cause: error });
  return new StoreRefusal('unavailable', `no connection to the database: ${error.message || String(error)}`, { cause: error });
}
