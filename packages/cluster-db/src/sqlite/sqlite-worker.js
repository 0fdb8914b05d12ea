// The thread in which SQLite works: libsql is synchronous, and a commit that waits for the disk must not stop the broker. Plain JavaScript, because a
// worker is started from a file, and in development the sources are what runs.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';

/**
 * The only door to libsql. A sole Buffer as argument, or any boolean, aborts the whole process (tursodatabase/libsql-js #114), so parameters are
 * always one array, and checked.
 * @param {unknown[]} parameters
 */
function bindable(parameters) {
  for (let index = 0; index < parameters.length; index += 1) {
    const value = parameters[index];
    if (typeof value === 'boolean') parameters[index] = value ? 1 : 0;
    else if (value !== null && !(value instanceof Uint8Array) && !['number', 'bigint', 'string'].includes(typeof value)) {
      throw new TypeError(`parameter ${index + 1}: ${typeof value}`);
    }
  }
  return parameters;
}

/** @type {Database.Database} */
let database;
/**
 * A second database beside the first, locked as long as the process lives: others may still read the first, for backups. Who only reads has none.
 * @type {Database.Database | undefined}
 */
let lock;

function open() {
  const { path, lockPath, timeout } = workerData;
  try {
    if (lockPath !== undefined) {
      lock = new Database(lockPath, { timeout: 0 });
      // Nothing is ever written here: a journal would only need room on a disk that may be full.
      lock.exec('PRAGMA journal_mode = MEMORY');
      lock.exec('PRAGMA locking_mode = EXCLUSIVE');
      lock.exec('BEGIN EXCLUSIVE');
    }
    database = new Database(path, { timeout });
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** @type {Map<string, import('libsql').Statement>} */
const prepared = new Map();

/** @param {string} sql */
function prepare(sql) {
  const known = prepared.get(sql);
  if (known !== undefined) return known;
  const statement = database.prepare(sql);
  prepared.set(sql, statement);
  return statement;
}

/** @param {{ sql: string, values: unknown[] }} request */
function query({ sql, values }) {
  const statement = prepare(sql);
  if (!statement.reader) {
    // `run` would take only the first step of `PRAGMA incremental_vacuum`, and leave it open: then nothing can be committed any more.
    database.exec(sql);
    return [];
  }
  return statement.raw().safeIntegers().all(bindable(values));
}

/** The other side of packed-values.ts. */
class Unpacker {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.bytes = Buffer.from(buffer);
    this.at = 0;
  }

  u32() {
    this.at += 4;
    return this.bytes.readUInt32LE(this.at - 4);
  }

  value() {
    const tag = this.bytes[this.at++];
    if (tag === 0) return null;
    if (tag === 1 || tag === 2) {
      this.at += 8;
      return tag === 1 ? this.bytes.readDoubleLE(this.at - 8) : this.bytes.readBigInt64LE(this.at - 8);
    }
    const length = this.u32();
    this.at += length;
    if (tag === 3) return this.bytes.toString('utf8', this.at - length, this.at);
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** @param {number} count */
  values(count) {
    const values = new Array(count);
    for (let index = 0; index < count; index += 1) values[index] = this.value();
    return values;
  }
}

/** @param {{ texts: string[], buffer: ArrayBuffer }} packed */
function transaction({ texts, buffer }) {
  const unpacker = new Unpacker(buffer);
  const statements = texts.map(prepare);
  const changes = [];
  database.exec('BEGIN IMMEDIATE');
  try {
    for (let count = unpacker.u32(); count > 0; count -= 1) {
      const statement = statements[unpacker.u32()];
      changes.push(statement.run(unpacker.values(unpacker.u32())).changes);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
  return changes;
}

const calls = {
  query,
  transaction,
  close: () => {
    database.close();
    lock?.close();
  },
};

/** An error that crosses threads by itself arrives without its message. */
const plain = (error) => ({ code: String(error?.code ?? ''), message: String(error?.message ?? error) });

try {
  open();
  parentPort.postMessage({ id: 0 });
} catch (error) {
  parentPort.postMessage({ id: 0, error: plain(error) });
}
parentPort.on('message', ({ id, call, request }) => {
  try {
    parentPort.postMessage({ id, result: calls[call](request) });
  } catch (error) {
    parentPort.postMessage({ id, error: plain(error) });
  }
});
