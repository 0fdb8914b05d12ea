import { createConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { openMysqlLogStore, StoreRefusal, StoreUnusable } from '../src/index.js';
import { ReadBack } from '../src/journal/read-back.js';
import { MysqlDatabase } from '../src/mysql/mysql-database.js';
import { mysqlDialect } from '../src/mysql/mysql-dialect.js';
import { mysqlMigrationDialect, mysqlMigrations } from '../src/mysql/mysql-migrations.js';
import { mysqlSchema } from '../src/mysql/mysql-schema.js';
import { migrate } from '../src/sql/migrate.js';
import { SqlLogStore } from '../src/sql/sql-log-store.js';
import { storeJournalSuites } from './journal-parts.js';
import { logStoreSuite } from './log-store-suite.js';
import { type DatabaseServer } from './mysql-databases.js';
import { callAll, fill, recording } from './plans.js';
import { relayTo } from './relay.js';
import { record, seatRow } from './samples.js';

/** What has to hold on every server that speaks MySQL's protocol. */
export function mysqlSuites(name: string, server: () => DatabaseServer): void {
  const newDatabase = async () => {
    const { url, remove } = await server().newDatabase();
    return { open: () => openMysqlLogStore({ url }), remove };
  };
  logStoreSuite(name, newDatabase);
  storeJournalSuites(name, newDatabase);

  describe(`${name} in particular`, () => {
    it('eight programs may create the tables at once, and again', async () => {
      const { url, remove } = await server().newDatabase(true);
      for (const _ of [1, 2]) {
        const stores = await Promise.all(Array.from({ length: 8 }, () => openMysqlLogStore({ url })));
        expect(await stores[0].replaceSeat(undefined, seatRow())).toBe(true);
        await Promise.all(stores.map((store) => store.close()));
      }
      await remove();
    });

    it('eight programs may carry out several versions at once, whichever of them each knows', async () => {
      const { url, remove } = await server().newDatabase(true);
      const second = {
        version: 2,
        minimumReader: 1,
        statements: ['ALTER TABLE sessions ADD COLUMN note BLOB', 'CREATE INDEX by_note ON sessions (expires_at)'],
      };
      const third = { version: 3, minimumReader: 1, statements: ['ALTER TABLE outq ADD COLUMN note BLOB'] };
      const newer = [...mysqlMigrations, second, third];
      const databases = Array.from({ length: 8 }, () => new MysqlDatabase({ url }));
      const known = databases.map((_, index) => (index % 4 === 3 ? mysqlMigrations : index % 4 === 2 ? newer.slice(0, 2) : newer));
      await Promise.all(databases.map((database, index) => migrate(database, mysqlMigrationDialect, known[index])));
      for (const database of databases) expect(await migrate(database, mysqlMigrationDialect, newer)).toEqual({ from: 3, to: 3 });
      const count = 'SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = ?';
      expect((await databases[0].query(count, ['note'])).flat().map(Number)).toEqual([2]);
      await Promise.all(databases.map((database) => database.close()));
      // Both additions leave this program's own version as it is.
      await (await openMysqlLogStore({ url })).close();
      await remove();
    });

    it('a database of a later version is refused in one line', async () => {
      const { url, remove } = await server().newDatabase(true);
      await (await openMysqlLogStore({ url })).close();
      const connection = await createConnection(url);
      await connection.query("UPDATE meta SET value = '7' WHERE name = 'minimumReader'");
      await connection.end();
      await expect(openMysqlLogStore({ url })).rejects.toThrow(/needs a program that knows version 7; this one knows 1: update si-mqtt$/);
      await remove();
    });

    it('says what a commit survives', async () => {
      const { url, remove } = await server().newDatabase();
      const store = await openMysqlLogStore({ url });
      const { level, remarks } = await store.durability();
      expect(['memory', 'flushed', 'synced']).toContain(level);
      expect(remarks.length > 0 || level === 'synced').toBe(true);
      await store.close();
      await remove();
    });

    it('tells its size of now, not of yesterday', async () => {
      const { url, remove } = await server().newDatabase(true);
      const store = await openMysqlLogStore({ url });
      const { databaseBytes: before } = await store.measures(0, 1);
      for (let seq = 1; seq <= 40; seq += 1) {
        await store.append({ seat: 0, epoch: 1, seq }, { ...record('x'), body: new Uint8Array(1 << 17).fill(seq) }, {});
      }
      const database = new MysqlDatabase({ url });
      // InnoDB would look again by itself some seconds later.
      await database.query('ANALYZE TABLE wlog', []);
      expect((await store.measures(0, 1)).databaseBytes).toBeGreaterThan(before + (4 << 20));
      // What MySQL has looked up once it says again for a day, unless this is 0; MariaDB has no such variable.
      const [[, seconds] = ['', 0]] = await database.query("SHOW SESSION VARIABLES LIKE 'information_schema_stats_expiry'", []);
      expect(Number(seconds)).toBe(0);
      await database.close();
      await store.close();
      await remove();
    });

    it('a wrong password and a server that is not there are told apart', async () => {
      const { url, remove } = await server().newDatabase();
      const wrong = new URL(url);
      wrong.password = 'wrong';
      await expect(openMysqlLogStore({ url: wrong.href })).rejects.toThrow(StoreUnusable);
      await expect(openMysqlLogStore({ url: 'mysql://si:si@127.0.0.1:1/si_x' })).rejects.toThrow(StoreRefusal);
      await remove();
    });

    it('has the tables that the schema describes', async () => {
      const { url, remove } = await server().newDatabase();
      await (await openMysqlLogStore({ url })).close();
      const mysql = new MysqlDatabase({ url });
      const columns = 'SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()';
      const found = (await mysql.query(columns, [])).map((row) => row.map(String).join('.')).sort();
      const described = Object.values(mysqlSchema).flatMap((table) => table.columns.map(({ name: column }) => `${table.name}.${column}`));
      expect(found).toEqual(described.sort());
      await mysql.close();
      await remove();
    });

    it('finds everything by an index (EXPLAIN, more than 10,000 rows)', { timeout: 90_000 }, async () => {
      const { url, remove } = await server().newDatabase();
      await (await openMysqlLogStore({ url })).close();
      const mysql = new MysqlDatabase({ url });
      const { database, statements } = recording(mysql);
      const store = new SqlLogStore(database, mysqlSchema, mysqlDialect);
      await fill(store);
      // MariaDB knows only the one that it calls by no name.
      const explain = await mysql.query('EXPLAIN FORMAT=TRADITIONAL SELECT 1', []).then(
        () => 'EXPLAIN FORMAT=TRADITIONAL',
        () => 'EXPLAIN',
      );
      await mysql.query('ANALYZE TABLE sessions, subs, outq, inq2, wills, retained, shareq, endings, wlog', []);
      statements.clear();
      await callAll(store);
      expect(statements.size).toBeGreaterThan(30);
      for (const { sql, values } of statements.values()) {
        if (sql.startsWith('INSERT')) continue;
        const plan = await mysql.query(`${explain} ${sql}`, values);
        for (const step of plan) {
          const text = step.map(String);
          const reads = text.find((column) => ['ALL', 'index', 'range', 'ref', 'const', 'eq_ref', 'system'].includes(column));
          // A page from the beginning, in the order of the key, is a walk along the index that ends at its LIMIT.
          if (sql.includes('`endings` ORDER BY')) expect(reads, sql).toBe('index');
          else expect(reads, `${sql.slice(0, 200)}: ${text.join(' ')}`).not.toMatch(/^(ALL|index)$/);
          expect(text.join(' '), sql).not.toContain('filesort');
        }
      }
      await store.close();
      await remove();
    });

    it('what is larger than a packet may be is refused before it is sent', async () => {
      const { url, remove } = await server().newDatabase();
      const store = await openMysqlLogStore({ url });
      const large = { ...record('x'), body: new Uint8Array(64 << 20) };
      await expect(store.append({ seat: 0, epoch: 1, seq: 1 }, large, {})).rejects.toThrow(/max_allowed_packet/);
      expect(await store.append({ seat: 0, epoch: 1, seq: 1 }, record('small'), {})).toBe('committed');
      await store.close();
      await remove();
    });

    it('a query without an answer ends with its connection, and the next one has a new one', async () => {
      const { url, remove } = await server().newDatabase();
      const database = new MysqlDatabase({ url }, { writer: 300, reader: 300 });
      const hang = { sql: 'DO SLEEP(5)', values: [] };
      for (const ask of [() => database.transaction([hang]), () => database.query(hang.sql, [])]) {
        const begun = performance.now();
        const answers = await Promise.allSettled([ask(), ask()]);
        expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        expect(performance.now() - begun).toBeLessThan(4000);
      }
      await expect.poll(() => database.transaction([{ sql: 'DO 1', values: [] }]).catch(() => undefined)).toBeDefined();
      await expect.poll(() => database.query('SELECT 1', []).catch(() => undefined)).toEqual([[1]]);
      await database.close();
      await remove();
    });

    it('reads over several connections at once, opened as they are needed', async () => {
      const { url, remove } = await server().newDatabase();
      const database = new MysqlDatabase({ url, connections: 3 });
      const connection = async () => Number((await database.query('SELECT CONNECTION_ID(), SLEEP(0.1)', []))[0][0]);
      expect(new Set([await connection(), await connection()]).size).toBe(1);
      expect(new Set(await Promise.all([1, 2, 3, 4].map(connection))).size).toBe(2);
      await database.close();
      await remove();
    });

    it('goes to the next address when one does not answer, and reads only where it writes', async () => {
      const { url, remove } = await server().newDatabase();
      const nowhere = 'mysql://si:si@127.0.0.1:1/si_x';
      const front = await relayTo(url);
      const store = await openMysqlLogStore({ url: nowhere, otherUrls: [front.url, url] });
      const append = (seq: number) => store.append({ seat: 0, epoch: 1, seq }, record(`record ${seq}`), {});
      const read = () => store.readLog({ seat: 0, epoch: 1, seq: 0 }, 10, 1000);
      expect(await append(1)).toBe('committed');
      expect(await read()).toHaveLength(1);
      expect(front.connections).toBe(2);
      await front.stop();
      expect(await append(2).catch(() => append(2))).toBe('committed');
      await front.listen();
      expect(await read().catch(read)).toHaveLength(2);
      expect(await append(3)).toBe('committed');
      expect(front.connections, 'nobody came back').toBe(2);
      // The seat is what a broker reads back that has not committed anything yet: this has to find the next address, too.
      const idle = await openMysqlLogStore({ url: front.url, otherUrls: [url] });
      expect(await idle.readSeat(0)).toBeUndefined();
      await front.stop();
      await expect
        .poll(() =>
          idle.readSeat(0).then(
            () => 'answered',
            () => 'failed',
          ),
        )
        .toBe('answered');
      await idle.close();
      await store.close();
      await front.stop();
      await remove();
    });

    it('a closed store makes no new connection', async () => {
      const { url, remove } = await server().newDatabase();
      const store = await openMysqlLogStore({ url });
      await store.close();
      await expect(store.readSeat(0)).rejects.toThrow('the store is closed');
      await expect(store.writeRows({ put: { endings: [] } }, { seat: 0, epoch: 1, seq: 1 })).rejects.toThrow(StoreRefusal);
      await remove();
    });

    it('finds the address again that has the last record, when the one that took over lacks it', async () => {
      const [first, second] = [await server().newDatabase(true), await server().newDatabase(true)];
      await (await openMysqlLogStore({ url: second.url })).close();
      const front = await relayTo(first.url);
      const store = await openMysqlLogStore({ url: front.url, otherUrls: [second.url] });
      expect(await store.append({ seat: 0, epoch: 1, seq: 1 }, record('one'), {})).toBe('committed');
      await front.stop();
      const readBack = new ReadBack(store);
      readBack.failed();
      const confirmed = () =>
        readBack.confirm({ seat: 0, epoch: 1, seq: 1 }).then(
          () => 'there',
          ({ message }: Error) => message,
        );
      await expect.poll(confirmed).toMatch(/lacks record 1 of epoch 1/);
      await front.listen();
      await expect.poll(confirmed).toBe('there');
      await store.close();
      await front.stop();
      await first.remove();
      await second.remove();
    });

    it('a connection that was ended is made again', async () => {
      const { url, remove } = await server().newDatabase();
      const store = await openMysqlLogStore({ url });
      expect(await store.append({ seat: 0, epoch: 1, seq: 1 }, record('one'), {})).toBe('committed');
      const connection = await createConnection(url);
      const [rows] = await connection.query(
        'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
      );
      for (const { id, ID } of rows as { id?: number; ID?: number }[]) await connection.query(`KILL ${id ?? ID}`);
      await connection.end();
      // The first call may find the end; the same call again knows the outcome.
      const append = () => store.append({ seat: 0, epoch: 1, seq: 2 }, record('two'), {});
      expect(await append().catch(append)).toBe('committed');
      const read = () => store.readLog({ seat: 0, epoch: 1, seq: 0 }, 10, 1000);
      expect(await read().catch(read)).toHaveLength(2);
      await store.close();
      await remove();
    });
  });
}
