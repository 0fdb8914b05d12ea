import { constants, existsSync } from 'node:fs';
import { realpath, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type StoreDurability, StoreRefusal, StoreUnusable } from '../log-store.js';
import { DuplicateKey, type SqlDatabase, type SqlStatement, type SqlValue } from '../sql/sql-database.js';
import { applicationId, checkFile, damaged, isEmpty, isFull, makeFile, unusable } from './sqlite-file.js';
import { SqliteError, SqliteThread } from './sqlite-thread.js';

/** What a commit survives: `flushed` the end of the process, `synced` also that of the machine. */
export type SqliteDurability = 'flushed' | 'synced';

export interface SqliteOptions {
  readonly path: string;
  readonly durability: SqliteDurability;
  /** Bytes of the database file; Infinity: as large as the disk. */
  readonly maxBytes: number;
  /** Bytes kept free for acknowledgements and removals once the database or the disk is full. */
  readonly reserveBytes: number;
}

const pageSize = 4096;
/** SQLITE_MAX_LENGTH, as libsql is built. */
const valueBytesMax = 1_000_000_000;
/** Milliseconds that a call waits for a lock of somebody else, as a backup has one. */
const lockTimeout = 5000;
/** Pages of the write-ahead log after which SQLite carries it over into the database; fewer with a small reserve, of which that may need a quarter. */
const checkpointPages = { least: 100, most: 2000 } as const;
/** Transactions after which it is looked whether more pages have become free than are kept for what comes next; they go back to the disk in portions. */
const transactionsPerLook = 10;
const freePagesKept = 2048;
const vacuumPages = 500;
/** Free on the disk beside the reserve: what a start writes. */
const startBytes = 1 << 20;
/** Above this the check of the whole file would make a start slow. */
const checkedBytesMax = 32 << 20;

/** A SQLite file that one process at a time uses. */
export class SqliteDatabase implements SqlDatabase {
  private readonly thread: SqliteThread;
  private readonly options: SqliteOptions;
  private isFull = false;
  private transactions = 0;
  private givingBack: Promise<void> | undefined;
  private isClosing = false;

  private constructor(thread: SqliteThread, options: SqliteOptions) {
    this.thread = thread;
    this.options = options;
  }

  /** Rejects with a StoreUnusable: one line for whoever has to mend it. */
  static async open(wished: SqliteOptions): Promise<SqliteDatabase> {
    // By a link the lock would have another name than by the file itself.
    const path = await realpath(wished.path).catch(() => wished.path);
    const options = { ...wished, path };
    const lockPath = `${path}.lock`;
    let thread: SqliteThread | undefined;
    try {
      const isNew = await checkFile(path);
      await makeFile(lockPath);
      thread = await SqliteThread.open(path, lockPath, lockTimeout);
      const database = new SqliteDatabase(thread, options);
      await database.prepare(isNew);
      return database;
    } catch (error) {
      await thread?.close().catch(() => undefined);
      if (thread === undefined && error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY')) throw inUse(path);
      throw unusable(path, translated(path, error));
    }
  }

  /** A file that another process may be writing to. Nothing is locked, and SQLite lets nothing be changed. */
  static async openToRead(path: string): Promise<SqliteDatabase> {
    if (!existsSync(path) || (await isEmpty(path, constants.R_OK))) {
      throw new StoreUnusable(
        `${path} ${existsSync(path) ? 'is empty' : 'does not exist'}: start the broker first, or correct storage.path`,
      );
    }
    const thread = await SqliteThread.open(`${pathToFileURL(path).href}?mode=ro`, undefined, lockTimeout);
    return new SqliteDatabase(thread, { path, durability: 'synced', maxBytes: Infinity, reserveBytes: 0 });
  }

  query(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    return this.thread.query(sql, values).catch((error: unknown) => {
      throw translated(this.options.path, error);
    });
  }

  queryWhereWritten(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    return this.query(sql, values);
  }

  async transaction(statements: readonly SqlStatement[]): Promise<readonly number[]> {
    try {
      const changes = await this.thread.transaction(statements);
      if (++this.transactions % transactionsPerLook === 0) this.givingBack ??= this.giveBack();
      return changes;
    } catch (error) {
      if (error instanceof SqliteError && error.code === 'SQLITE_FULL') await this.useReserve();
      throw translated(this.options.path, error);
    }
  }

  async size(): Promise<number> {
    return (await this.pragma('page_count')) * pageSize;
  }

  async diskFree(): Promise<number | undefined> {
    const { blocks, bavail, bsize } = await statfs(dirname(this.options.path));
    // Some file systems do not know how large they are.
    return blocks === 0 ? undefined : bavail * bsize;
  }

  /** Full once, the database takes new messages only when as much as the reserve is free again. */
  async hasRoom(): Promise<boolean> {
    if (!this.isFull) return true;
    const { reserveBytes } = this.options;
    if (reserveBytes > 0) {
      await this.thread.query(`PRAGMA incremental_vacuum(${Math.ceil(reserveBytes / pageSize)})`, []);
      const pages = await this.pragma('page_count');
      if ((pages - (await this.pragma('freelist_count'))) * pageSize + reserveBytes > this.options.maxBytes) return false;
    }
    try {
      await this.makeReserve();
    } catch {
      return false;
    }
    this.isFull = false;
    return true;
  }

  maximumValueBytes(): Promise<number> {
    return Promise.resolve(valueBytesMax);
  }

  durability(): Promise<StoreDurability> {
    const { durability, reserveBytes, path } = this.options;
    const noRoom = `${path} takes no new messages before ${reserveBytes} bytes are free: make room, or change storage.reserveBytes or maxBytes`;
    return Promise.resolve({ level: durability, remarks: this.isFull ? [noRoom] : [] });
  }

  async close(): Promise<void> {
    this.isClosing = true;
    await this.givingBack;
    await this.thread.close();
  }

  /** Transactions go on between the portions. */
  private async giveBack(): Promise<void> {
    try {
      let isShorter = false;
      while (!this.isClosing && (await this.pragma('freelist_count')) > freePagesKept) {
        await this.thread.query(`PRAGMA incremental_vacuum(${vacuumPages})`, []);
        isShorter = true;
      }
      // Only then the file is as short as the database.
      if (isShorter) await this.thread.query('PRAGMA wal_checkpoint(PASSIVE)', []);
    } catch {
      // On a full disk, say; the next look will come.
    } finally {
      this.givingBack = undefined;
    }
  }

  private async prepare(isNew: boolean): Promise<void> {
    const { path, durability, reserveBytes } = this.options;
    // On a full disk not even what follows can be written. The reserve is made again by `hasRoom`.
    if (!(await this.hasSpace())) await rm(this.ballast, { force: true });
    if (isNew) {
      await this.thread.query('PRAGMA auto_vacuum = INCREMENTAL', []);
      await this.thread.query(`PRAGMA application_id = ${applicationId}`, []);
    } else if ((await stat(path)).size <= checkedBytesMax) {
      const [[result]] = await this.thread.query('PRAGMA quick_check(1)', []);
      if (result !== 'ok') throw damaged(path, String(result).replaceAll(/\s+/g, ' '));
    }
    await this.thread.query('PRAGMA journal_mode = WAL', []);
    await this.thread.query(`PRAGMA synchronous = ${durability === 'synced' ? 'FULL' : 'NORMAL'}`, []);
    const { least, most } = checkpointPages;
    const pages = reserveBytes === 0 ? most : Math.min(most, Math.max(least, Math.floor(reserveBytes / pageSize / 4)));
    await this.thread.query(`PRAGMA wal_autocheckpoint = ${pages}`, []);
    await this.thread.query(`PRAGMA journal_size_limit = ${4 * pages * pageSize}`, []);
    await this.thread.query('PRAGMA cache_size = -65536', []);
    try {
      await this.makeReserve();
    } catch (error) {
      if (!isFull(error)) throw error;
      await this.useReserve();
    }
    if (await this.isAtLimit()) await this.useReserve();
  }

  private async pragma(name: string): Promise<number> {
    const [[value]] = await this.thread.query(`PRAGMA ${name}`, []);
    return Number(value);
  }

  private get ballast(): string {
    return `${this.options.path}.reserve`;
  }

  private ballastBytes(): Promise<number> {
    return stat(this.ballast).then(
      ({ size }) => size,
      () => 0,
    );
  }

  /** On the disk: for the reserve, and for what a start writes. */
  private async hasSpace(): Promise<boolean> {
    const { blocks, bavail, bsize } = await statfs(dirname(this.options.path));
    // Some file systems do not know how large they are.
    return blocks === 0 || bavail * bsize + (await this.ballastBytes()) >= this.options.reserveBytes + startBytes;
  }

  private async isAtLimit(): Promise<boolean> {
    const pages = (await this.pragma('page_count')) - (await this.pragma('freelist_count'));
    return pages * pageSize >= this.options.maxBytes;
  }

  /** Two reserves for two limits: pages that SQLite may not use yet, and a file that holds space on the disk. */
  private async makeReserve(): Promise<void> {
    const { maxBytes, reserveBytes } = this.options;
    if (maxBytes !== Infinity) await this.thread.query(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageSize)}`, []);
    if ((await this.ballastBytes()) === reserveBytes) return;
    if (!(await this.hasSpace())) throw new StoreRefusal('full', `${this.ballast}: the disk has no room for it`);
    try {
      await writeFile(this.ballast, Buffer.alloc(reserveBytes), { mode: 0o600 });
    } catch (error) {
      await rm(this.ballast, { force: true });
      throw error;
    }
  }

  private async useReserve(): Promise<void> {
    this.isFull = true;
    const { maxBytes, reserveBytes } = this.options;
    await rm(this.ballast, { force: true });
    if (maxBytes !== Infinity) await this.thread.query(`PRAGMA max_page_count = ${Math.floor((maxBytes + reserveBytes) / pageSize)}`, []);
    // What the write-ahead log holds needs room in the database before the log can begin anew: now there is some.
    await this.thread.query('PRAGMA wal_checkpoint(TRUNCATE)', []).catch(() => undefined);
  }
}

function inUse(path: string): StoreUnusable {
  return new StoreUnusable(`${path} is in use by another broker: stop it first, or give this one another storage.path`, { mayPass: true });
}

function translated(path: string, error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error;
  const { code, message } = error;
  if (code === 'SQLITE_CONSTRAINT_PRIMARYKEY') return new DuplicateKey(message);
  if (code === 'SQLITE_FULL') return new StoreRefusal('full', `${path}: ${message}`, { cause: error });
  if (code === 'SQLITE_TOOBIG') return new StoreRefusal('content', `${path}: ${message}`, { cause: error });
  if (code.startsWith('SQLITE_BUSY')) return new StoreRefusal('unavailable', `${path}: ${message}`, { cause: error });
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return damaged(path, message);
  return error;
}
