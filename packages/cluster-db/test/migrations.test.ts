import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeMessage,
  type Entry,
  encodeMessage,
  migrateSqliteStore,
  openSqliteLogStore,
  RecordWriter,
  readRecord,
} from '../src/index.js';
import { type Migration, migrate } from '../src/sql/migrate.js';
import { SqliteDatabase } from '../src/sqlite/sqlite-database.js';
import { applicationId } from '../src/sqlite/sqlite-file.js';
import { sqliteMigrationDialect, sqliteMigrations } from '../src/sqlite/sqlite-migrations.js';
import { SqliteThread } from '../src/sqlite/sqlite-thread.js';
import { entries, plainMessage } from './golden/format-1.js';

const golden = (name: string) => new URL(`golden/${name}`, import.meta.url);
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'si-mqtt-migrations-'));
  path = join(folder, 'store.db');
});
afterEach(() => rm(folder, { recursive: true }));

/** The store of that version, as it was once written. */
async function goldenStore(version: number): Promise<void> {
  const thread = await SqliteThread.open(path, undefined, 1000);
  const statements = readFileSync(golden(`schema-${version}.sql`), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--'));
  for (const statement of [`PRAGMA application_id = ${applicationId}`, ...statements]) await thread.query(statement.replace(/;$/, ''), []);
  await thread.close();
}

/** A new kind does not compile before it is here. */
const kinds: { readonly [Kind in Entry['kind']]: true } = {
  session: true,
  willEnded: true,
  ended: true,
  subscribed: true,
  unsubscribed: true,
  enqueued: true,
  enqueuedLazily: true,
  wentOn: true,
  finished: true,
  inboundReceived: true,
  inboundReleased: true,
  retained: true,
  groupEnqueued: true,
  groupFinished: true,
  groupEnded: true,
};

describe('golden files', () => {
  it('are there for every format of bodies and every version of the schema', () => {
    const record = new RecordWriter();
    for (const entry of entries()) record.add(entry);
    const [recordFormat, messageFormat] = [record.finish()[0], encodeMessage(plainMessage)[0]];
    for (let format = 1; format <= Math.max(recordFormat, messageFormat); format += 1)
      expect(existsSync(golden(`format-${format}.json`)), `${format}`).toBe(true);
    expect(
      readdirSync(golden('.'))
        .filter((name) => name.startsWith('schema-'))
        .sort(),
    ).toEqual(sqliteMigrations.map(({ version }) => `schema-${version}.sql`));
  });

  it('have every kind of entry', () => {
    const { record } = JSON.parse(readFileSync(golden('format-1.json'), 'utf8')) as { record: string };
    const found = new Set(readRecord(new Uint8Array(Buffer.from(record, 'hex'))).map(({ kind }) => kind));
    expect([...found].sort()).toEqual(Object.keys(kinds).sort());
  });

  it.each(sqliteMigrations.map(({ version }) => version))(
    'a store of schema version %i is opened, and has what it had',
    async (version) => {
      await goldenStore(version);
      const newest = sqliteMigrations.length;
      expect(await migrateSqliteStore({ path, reserveBytes: 4096 })).toEqual({ from: version, to: newest });
      const store = await openSqliteLogStore({ path, reserveBytes: 4096 });
      expect(await store.readSeat(0)).toMatchObject({ epoch: 1, beat: 7 });
      const rows = (await store.readSessions(undefined, 10)).toSorted((a, b) => a.session.clientId.localeCompare(b.session.clientId));
      expect(rows).toMatchObject([
        {
          session: { clientId: 'away', userName: 'alice', connected: 0, expirySeconds: 3600, expiresAt: 1_790_003_600_000 },
          subs: [{ requested: '$share/workers/jobs', qos: 2, flags: 2, subscriptionIdentifier: 9 }],
          inq2: [{ packetId: 65_535 }],
          queue: { messages: 2, bytes: 200, lastPos: 8_589_934_594 },
        },
        { session: { clientId: 'here', connected: 1, expirySeconds: null }, will: { delaySeconds: 5, dueAt: null } },
      ]);
      const queue = await store.readQueue(rows[0].session, 0, 10, 1_000_000);
      expect(queue).toMatchObject([
        { packetId: 3, qos: 2, received: 1 },
        { packetId: 0, expiresAt: 1_790_000_060_000, sharedSubscription: '$share/workers/jobs' },
      ]);
      expect(queue.map(({ body }) => decodeMessage(body).topicName)).toEqual(['topic/message 8589934593', 'topic/message 8589934594']);
      expect(await store.readRetained(undefined, 10, 1_000_000)).toMatchObject([{ topicName: 'retained/one' }]);
      expect(await store.readGroups(undefined, 10)).toMatchObject([{ sharedSubscription: '$share/workers/jobs', messages: 1 }]);
      expect(await store.readEndings(10)).toMatchObject([{ kind: 0 }]);
      const [record] = await store.readLog({ seat: 0, epoch: 1, seq: 0 }, 10, 1_000_000);
      expect(readRecord(record.body)).toMatchObject([{ kind: 'retained' }]);
      await store.close();
    },
  );
});

describe('a later version', () => {
  const second: Migration = {
    version: 2,
    minimumReader: 1,
    statements: ['ALTER TABLE sessions ADD COLUMN note TEXT', 'CREATE INDEX IF NOT EXISTS by_note ON sessions (note)'],
  };
  const third: Migration = { version: 3, minimumReader: 3, statements: ['ALTER TABLE outq ADD COLUMN note TEXT'] };
  const migrated = async (migrations: readonly Migration[]) => {
    const database = await SqliteDatabase.open({ path, durability: 'flushed', maxBytes: Infinity, reserveBytes: 0 });
    try {
      return await migrate(database, sqliteMigrationDialect, migrations);
    } finally {
      await database.close();
    }
  };

  it('that only adds something lets older programs go on; one that does not refuses them in one line', async () => {
    expect(await migrated(sqliteMigrations)).toEqual({ from: 0, to: 1 });
    expect(await migrated([...sqliteMigrations, second])).toEqual({ from: 1, to: 2 });
    expect(await migrated(sqliteMigrations), 'the older program').toEqual({ from: 2, to: 2 });
    await (await openSqliteLogStore({ path, reserveBytes: 0 })).close();
    expect(await migrated([...sqliteMigrations, second, third])).toEqual({ from: 2, to: 3 });
    const line = /has schema version 3 and needs a program that knows version 3; this one knows 1: update si-mqtt$/;
    await expect(migrated(sqliteMigrations)).rejects.toThrow(line);
    await expect(openSqliteLogStore({ path, reserveBytes: 0 })).rejects.toThrow(line);
  });

  it('goes on after a migration that ended halfway', async () => {
    await migrated(sqliteMigrations);
    const failing = { ...second, statements: [...second.statements, 'CREATE TABLE nonsense'] };
    await expect(migrated([...sqliteMigrations, failing])).rejects.toThrow(/incomplete input/);
    expect(await migrated([...sqliteMigrations, second])).toEqual({ from: 1, to: 2 });
  });
});
