import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, type StatsFs } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  backUpSqliteStore,
  type LogStore,
  openSqliteLogStore,
  readSqliteStore,
  type SqliteOptions,
  StoreRefusal,
  StoreUnusable,
} from '../src/index.js';
import { SqlLogStore } from '../src/sql/sql-log-store.js';
import { SqliteDatabase } from '../src/sqlite/sqlite-database.js';
import { sqliteDialect } from '../src/sqlite/sqlite-dialect.js';
import { sqliteSchema } from '../src/sqlite/sqlite-schema.js';
import { SqliteThread } from '../src/sqlite/sqlite-thread.js';
import { logStoreSuite } from './log-store-suite.js';
import { callAll, fill, recording } from './plans.js';
import { queueRow, record, reference, retainedRow } from './samples.js';

vi.mock('node:fs/promises', async (original) => {
  const promises = await original<typeof import('node:fs/promises')>();
  return { ...promises, statfs: vi.fn(promises.statfs) };
});

const newFolder = () => mkdtemp(join(tmpdir(), 'si-mqtt-sqlite-'));

logStoreSuite('SQLite', async () => {
  const folder = await newFolder();
  return {
    open: () => openSqliteLogStore({ path: join(folder, 'data', 'store.db'), durability: 'flushed', reserveBytes: 4096 }),
    remove: () => rm(folder, { recursive: true }),
  };
});

describe('SQLite in particular', () => {
  let folder = '';
  let path = '';
  const opened: LogStore[] = [];
  const children: ChildProcess[] = [];
  const scripts = join(import.meta.dirname, '..', 'node_modules', '.cache', `si-mqtt-test-${process.pid}`);
  beforeAll(async () => {
    await build({
      entry: {
        'sqlite-child': join(import.meta.dirname, 'sqlite-child.ts'),
        'sqlite-worker': join(import.meta.dirname, '../src/sqlite/sqlite-worker.js'),
      },
      outDir: scripts,
      format: 'esm',
      target: 'node20',
      noExternal: [/^@si-mqtt\//],
      config: false,
      silent: true,
      esbuildOptions: (options) => {
        options.conditions = ['@si-mqtt/source'];
      },
    });
    folder = await newFolder();
  }, 60_000);
  beforeEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    path = join(folder, `data-${Math.random().toString(36).slice(2)}`, 'store.db');
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(opened.map((store) => store.close()));
    await rm(folder, { recursive: true });
    await rm(scripts, { recursive: true });
  });
  const open = async (options: Partial<SqliteOptions> = {}) => {
    const store = await openSqliteLogStore({ path, durability: 'flushed', reserveBytes: 0, ...options });
    opened.push(store);
    return store;
  };
  const append = (store: LogStore, seq: number, text = 'x', changes = {}) =>
    store.append({ seat: 0, epoch: 1, seq }, record(text), changes);
  const startChild = (durability: string, count: number, before: string[] = []) => {
    const [command, ...args] = [...before, process.execPath, join(scripts, 'sqlite-child.js'), path, durability, String(count)];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return { child, lines: () => output.split('\n').slice(0, -1) };
  };

  it('takes one Buffer as the only parameter, null and any text, which libsql alone does not survive', async () => {
    await (await open()).close();
    const thread = await SqliteThread.open(path, `${path}.lock`, 1000);
    expect(await thread.query('SELECT length(?)', [Buffer.alloc(16)])).toEqual([[16n]]);
    expect(await thread.query('SELECT ? IS NULL', [null])).toEqual([[1n]]);
    expect(await thread.query('SELECT ?', [true as unknown as number])).toEqual([[1]]);
    await expect(thread.query('SELECT ?', [undefined as unknown as null])).rejects.toThrow('parameter 1: undefined');
    expect(() => thread.transaction([{ sql: 'SELECT ?', values: [true as unknown as number] }])).toThrow('a parameter is boolean');
    await thread.close();
  });

  it('is created for its owner only, ours by its header, and able to shrink', async () => {
    const store = await open();
    await append(store, 1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    for (const ending of ['-wal', '.lock']) expect((await stat(`${path}${ending}`)).mode & 0o777, ending).toBe(0o600);
    await store.close();
    const header = await readFile(path);
    expect(header.toString('latin1', 68, 72)).toBe('SiMq');
    expect([header.readUInt32BE(52) > 0, header.readUInt32BE(64)], 'auto_vacuum = INCREMENTAL').toEqual([true, 1]);
  });

  it('is copied whole while it is written to, and whoever looks at it changes nothing', { timeout: 60_000 }, async () => {
    const { child, lines } = startChild('flushed', 1_000_000);
    while (lines().length < 30) await new Promise((resolve) => setTimeout(resolve, 20));
    const reader = await readSqliteStore(path);
    expect(await reader.readSessions(undefined, 10)).toEqual([]);
    await expect((reader as LogStore).writeRows({ put: { retained: [retainedRow('a')] } })).rejects.toThrow(/readonly/);
    await reader.close();
    const target = join(folder, 'copy.db');
    const before = Number(lines().at(-1));
    await backUpSqliteStore(path, target);
    expect((await stat(target)).mode & 0o777).toBe(0o600);
    await expect(backUpSqliteStore(path, target)).rejects.toThrow(`${target} is there already`);
    await writeFile(`${target}.2.partial`, 'of somebody else');
    await expect(backUpSqliteStore(path, `${target}.2`)).rejects.toThrow(`${target}.2.partial is there already`);
    expect(existsSync(`${target}.2`)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'close');
    path = target;
    const copy = await open();
    const last = await copy.lastRecord(0, 1);
    expect(last?.seq).toBeGreaterThanOrEqual(before);
    const records = await copy.readLog({ seat: 0, epoch: 1, seq: 0 }, 1_000_000, 1 << 30);
    expect(records.map(({ position }) => position.seq)).toEqual(Array.from({ length: last!.seq }, (_, index) => index + 1));
  });

  it('a store that is not there, or of another version, is not looked at', async () => {
    await expect(readSqliteStore(path)).rejects.toThrow(`${path} does not exist: start the broker first, or correct storage.path`);
    expect(existsSync(join(path, '..'))).toBe(false);
    await (await open()).close();
    const thread = await SqliteThread.open(path, undefined, 1000);
    for (const [change, line] of [
      ["UPDATE meta SET value = '0' WHERE name = 'schemaVersion'", /has no tables of si-mqtt: start the broker on it first/],
      ["UPDATE meta SET value = '9'", /has schema version 9 and needs a program that knows version 9; this one knows 1: update si-mqtt$/],
      ['DROP TABLE meta', /has no tables of si-mqtt: start the broker on it first/],
    ] as const) {
      await thread.query(change, []);
      await expect(readSqliteStore(path)).rejects.toThrow(line);
    }
    await thread.close();
  });

  it('is for one broker at a time, and kill -9 lets go of it with everything that was committed', { timeout: 60_000 }, async () => {
    const { child, lines } = startChild('flushed', 1_000_000);
    while (lines().length < 30) await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(open()).rejects.toThrow(
      new StoreUnusable(`${path} is in use by another broker: stop it first, or give this one another storage.path`, { mayPass: true }),
    );
    child.kill('SIGKILL');
    await once(child, 'close');
    const store = await open();
    const last = await store.lastRecord(0, 1);
    expect(last?.seq).toBeGreaterThanOrEqual(Number(lines().at(-1)));
    expect(await append(store, last!.seq + 1)).toBe('committed');
    await expect(open(), 'in the same process').rejects.toThrow('in use by another broker');
    const link = join(folder, 'link.db');
    await symlink(path, link);
    await expect(open({ path: link }), 'by another name').rejects.toThrow(`${path} is in use by another broker`);
  });

  it.skipIf(!existsSync('/usr/bin/strace'))(
    'waits for the disk at each commit if and only if it is synced (strace)',
    { timeout: 120_000 },
    async () => {
      const syncs = async (durability: string, count: number) => {
        path = join(folder, `traced-${durability}-${count}`, 'store.db');
        const log = join(folder, `strace-${durability}-${count}`);
        const { child } = startChild(durability, count, ['/usr/bin/strace', '-f', '-e', 'trace=fdatasync,fsync', '-o', log]);
        await once(child, 'close');
        return (await readFile(log, 'utf8')).split('\n').filter((line) => /f(data)?sync\(/.test(line) && !line.includes('resumed')).length;
      };
      const synced = (await syncs('synced', 60)) - (await syncs('synced', 10));
      expect(synced).toBeGreaterThanOrEqual(50);
      expect(synced).toBeLessThanOrEqual(55);
      expect((await syncs('flushed', 60)) - (await syncs('flushed', 10))).toBeLessThanOrEqual(2);
    },
  );

  it('has the tables that the schema describes', async () => {
    await (await open()).close();
    opened.length = 0;
    const thread = await SqliteThread.open(path, `${path}.lock`, 1000);
    for (const { name, columns, key } of Object.values(sqliteSchema)) {
      const found = await thread.query(`SELECT name, pk FROM pragma_table_info('${name}') ORDER BY cid`, []);
      expect(found.map(([column]) => column)).toEqual(expect.arrayContaining(columns.map((column) => column.name)));
      expect(found).toHaveLength(columns.length);
      const primary = found.filter(([, place]) => Number(place) > 0).sort(([, a], [, b]) => Number(a) - Number(b));
      expect(primary.map(([column]) => column)).toEqual(key.map((column) => column.name));
    }
    await thread.close();
  });

  it('finds everything by an index (EXPLAIN QUERY PLAN, more than 10,000 rows)', { timeout: 60_000 }, async () => {
    await (await open()).close();
    opened.length = 0;
    const sqlite = await SqliteDatabase.open({ path, durability: 'flushed', maxBytes: Infinity, reserveBytes: 0 });
    const { database, statements } = recording(sqlite);
    const store = new SqlLogStore(database, sqliteSchema, sqliteDialect);
    opened.push(store);
    await fill(store);
    statements.clear();
    await callAll(store);
    expect(statements.size).toBeGreaterThan(30);
    for (const { sql, values } of statements.values()) {
      const plan = await sqlite.query(`EXPLAIN QUERY PLAN ${sql}`, values);
      for (const [, , , step] of plan) {
        // A page from the beginning, in the order of the key, is a scan that ends at its LIMIT.
        if (sql.includes('`endings` ORDER BY')) expect(sql).toContain('LIMIT');
        else expect(String(step), sql).not.toMatch(/^SCAN (?!(\d+ )?CONSTANT)|TEMP B-TREE/);
      }
    }
  });

  it('a log is not sealed from below what is missing in it, and that is said at once', async () => {
    const store = await open();
    for (const seq of [1, 2, 3]) await store.append({ seat: 0, epoch: 1, seq }, record(`record ${seq}`), {});
    expect(await store.seal(0, 1, 1)).toBe(4);
    await store.collect(0, 1, 4, 10);
    await expect(store.seal(0, 1, 1)).rejects.toThrow(/records of epoch 1 are missing/);
    expect(await store.seal(0, 1, 4)).toBe(4);
    await store.close();
  });

  it('what is no database, or not ours, is refused in one line and not touched', async () => {
    await (await open()).close();
    const refuse = async (bytes: Uint8Array, message: RegExp) => {
      await writeFile(path, bytes);
      await expect(open()).rejects.toThrow(message);
      expect(await readFile(path)).toEqual(Buffer.from(bytes));
    };
    const good = await readFile(path);
    await refuse(Buffer.from('not a database at all, but long enough for the header of one '.repeat(3)), /damaged or no SQLite database/);
    const foreign = Buffer.from(good);
    foreign.write('Else', 68, 'latin1');
    await refuse(foreign, /not one of si-mqtt/);
    await refuse(good.subarray(0, good.length - 4096), /is damaged \(4096 bytes are missing at its end\)/);
    const torn = Buffer.from(good);
    torn.fill(0x5a, 4096 * 3, 4096 * 5);
    await refuse(torn, /is damaged/);
    await writeFile(path, good);
    await (await open()).close();
  });

  it('a folder is refused in one line', async () => {
    await expect(openSqliteLogStore({ path: folder })).rejects.toThrow('is a folder');
  });

  it('what the system refuses is one line with the path and what to do', async () => {
    const refuse = async (what: RegExp) => {
      const error = await open().catch((problem: unknown) => problem);
      expect(error).toBeInstanceOf(StoreUnusable);
      expect((error as Error).message).toMatch(what);
    };
    const file = join(folder, 'file');
    await writeFile(file, '');
    path = join(file, 'store.db');
    await refuse(/store\.db for the database, a part of the path is a file and not a folder: correct storage\.path$/);
    path = join(file, 'below', 'store.db');
    await refuse(/a part of the path is a file and not a folder/);
    path = join(folder, 'x'.repeat(300), 'store.db');
    await refuse(/ENAMETOOLONG.*: mend what the system reports, or correct storage\.path$/);
    path = join(folder, 'locked-out.db');
    await mkdir(`${path}.lock`);
    await refuse(/cannot use .*locked-out\.db for the database/);
  });

  it.skipIf(process.getuid?.() === 0)('a file that may not be written is one line', async () => {
    await (await open()).close();
    opened.length = 0;
    await chmod(path, 0o400);
    await expect(open()).rejects.toThrow(new RegExp(`^cannot use ${path} for the database, permission is missing: `));
  });

  it('starts at its limit, and on a disk that has no room for the reserve, but takes only what makes room', async () => {
    const first = await open();
    await append(first, 1, 'x', { put: { outq: [queueRow(reference('c'), 1, { body: new Uint8Array(200_000) })] } });
    await first.close();
    opened.length = 0;
    const limited = await open({ maxBytes: 200_000, reserveBytes: 256 << 10 });
    expect(await limited.hasRoom()).toBe(false);
    expect(await append(limited, 2)).toBe('committed');
    await limited.close();
    opened.length = 0;
    vi.mocked(statfs).mockResolvedValue({ blocks: 10, bavail: 1, bsize: 4096 } as StatsFs);
    const store = await open({ reserveBytes: 8192 });
    expect([await store.hasRoom(), existsSync(`${path}.reserve`)]).toEqual([false, false]);
    expect(await append(store, 3)).toBe('committed');
    expect((await store.durability()).remarks).toEqual([expect.stringContaining('takes no new messages before 8192 bytes are free')]);
    vi.mocked(statfs).mockReset();
    expect([await store.hasRoom(), existsSync(`${path}.reserve`)]).toEqual([true, true]);
  });

  it('refuses what is beyond its limit, still removes, and takes new messages when it has room again', { timeout: 60_000 }, async () => {
    const store = await open({ maxBytes: 2 << 20, reserveBytes: 256 << 10 });
    const session = reference('c');
    const rows = Array.from({ length: 400 }, (_, index) => queueRow(session, index + 1, { body: new Uint8Array(10_000) }));
    let seq = 0;
    let refusal: unknown;
    while (refusal === undefined) {
      const row = rows[seq];
      refusal = await append(store, seq + 1, 'x', { put: { outq: [row] } }).then(
        () => void (seq += 1),
        (error: unknown) => error,
      );
    }
    expect(refusal).toBeInstanceOf(StoreRefusal);
    expect((refusal as StoreRefusal).reason).toBe('full');
    expect(seq).toBeGreaterThan(100);
    expect(existsSync(`${path}.reserve`)).toBe(false);
    expect(await store.hasRoom()).toBe(false);
    // What was already recorded is committed from the reserve, and acknowledgements too.
    expect(await append(store, seq + 1, 'x', { put: { outq: [rows[seq]] } })).toBe('committed');
    await store.writeRows({ removed: { outq: rows.slice(0, seq) } });
    expect(await store.hasRoom()).toBe(true);
    expect((await stat(`${path}.reserve`)).size).toBe(256 << 10);
    expect(await append(store, seq + 2, 'x', { put: { retained: [retainedRow('after')] } })).toBe('committed');
  });

  it('gives back to the disk what was drained', { timeout: 60_000 }, async () => {
    const store = await open();
    const session = reference('c');
    const rows = Array.from({ length: 2000 }, (_, index) => queueRow(session, index + 1, { body: new Uint8Array(6000) }));
    for (let at = 0; at < rows.length; at += 100) await store.writeRows({ put: { outq: rows.slice(at, at + 100) } });
    const { databaseBytes } = await store.statistics();
    expect(databaseBytes).toBeGreaterThan(14 << 20);
    for (let at = 0; at < rows.length; at += 100) await store.writeRows({ removed: { outq: rows.slice(at, at + 100) } });
    for (let seq = 1; seq <= 10; seq += 1) await append(store, seq);
    // But for what is kept for the next messages.
    await expect.poll(async () => (await store.statistics()).databaseBytes).toBeLessThan(9 << 20);
  });
});
