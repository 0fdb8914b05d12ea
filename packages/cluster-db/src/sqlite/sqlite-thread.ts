import { Worker } from 'node:worker_threads';
import { type SqlStatement, type SqlValue } from '../sql/sql-database.js';
import { packStatements } from './packed-values.js';

/** What SQLite answered: nothing was changed. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  /** As `SQLITE_FULL`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One database file in a thread of its own; calls are carried out in their order. */
export class SqliteThread {
  private readonly worker: Worker;
  private readonly waiting: Map<number, Waiting> = new Map();
  private calls = 0;
  private ended: Error | undefined;

  private constructor(path: string, lockPath: string | undefined, timeout: number) {
    this.worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData: { path, lockPath, timeout }, name: 'sqlite' });
    this.worker.on('message', (answer: Answer) => this.answered(answer));
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', () => this.end(new Error('the database was closed')));
  }

  /**
   * Locks `lockPath`, if given, for as long as the thread, or the process, lives; rejects with SQLITE_BUSY if somebody else has it.
   * `timeout`: how long a call waits for a lock on the database itself, in milliseconds.
   */
  static async open(path: string, lockPath: string | undefined, timeout: number): Promise<SqliteThread> {
    const thread = new SqliteThread(path, lockPath, timeout);
    try {
      await new Promise((resolve, reject) => thread.waiting.set(0, { resolve, reject }));
    } catch (error) {
      await thread.worker.terminate();
      throw error;
    }
    return thread;
  }

  query(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]> {
    return this.call('query', { sql, values }) as Promise<readonly (readonly SqlValue[])[]>;
  }

  transaction(statements: readonly SqlStatement[]): Promise<readonly number[]> {
    const packed = packStatements(statements);
    return this.call('transaction', packed, [packed.buffer]) as Promise<readonly number[]>;
  }

  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    await this.call('close', undefined);
    await this.worker.terminate();
  }

  private call(call: string, request: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const id = ++this.calls;
    this.worker.postMessage({ id, call, request }, transfer);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private answered({ id, result, error }: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new SqliteError(error.code, error.message));
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}
