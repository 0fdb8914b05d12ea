import { startMariadb } from '@si-mqtt/services';
import { type JournalCondition, type JournalHost, type SessionKey } from '@si-mqtt/session';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openMysqlLogStore, StoreJournal } from '../src/index.js';
import { type Faults, type Outcome, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { journalMessage } from './journal-parts.js';
import { realEnv } from './real-env.js';

const settings = { watchMilliseconds: 0, beatMilliseconds: 20, removeAfterMilliseconds: 1 };

/** The next call finds that the connection has broken. */
class Breaking implements Faults {
  isBroken = false;

  outcome(): Outcome {
    if (!this.isBroken) return 'done';
    this.isBroken = false;
    return 'refused';
  }
}

/** A session whose queue is written to and read. */
class Writer {
  readonly journal: StoreJournal;
  readonly conditions: JournalCondition[] = [];
  readonly fences: string[] = [];
  private session!: SessionKey;
  private given = 0;

  constructor(journal: StoreJournal) {
    this.journal = journal;
  }

  async start(): Promise<this> {
    const nothing = () => undefined;
    const host: JournalHost = {
      restoreSession: nothing,
      restoreRetained: nothing,
      restoreGroup: nothing,
      turnBegan: nothing,
      committed: nothing,
      conditionChanged: () => void this.conditions.push(this.journal.condition),
      refused: nothing,
      fenced: (reason) => void this.fences.push(reason),
    };
    await this.journal.start(host);
    this.session = { clientId: 'c', incarnation: this.journal.nextIncarnation() };
    this.journal.connected(this.session, { userName: undefined, protocolVersion: 5, sessionExpiryInterval: 60, will: undefined });
    return this;
  }

  /** Records one message; gives its batch. */
  write(): number {
    const { journal } = this;
    const message = journalMessage({ topicName: 't', payload: new TextEncoder().encode(String(this.given)), qos: 2 });
    const position = journal.firstPosition + this.given++;
    const rest = { qos: 2, retain: false, subscriptionIdentifiers: undefined, sharedSubscription: undefined, packetId: 0 } as const;
    journal.enqueued(this.session, { position, message, ...rest });
    const batch = journal.openBatch;
    journal.endTurn();
    return batch;
  }

  async written(batch: number): Promise<void> {
    await expect.poll(() => this.journal.committedBatch, { timeout: 10_000 }).toBeGreaterThanOrEqual(batch);
  }

  async queue(): Promise<string[]> {
    const page = await this.journal.page(this.session, 0, 100);
    return page.map(({ message }) => new TextDecoder().decode(message.payload));
  }
}

describe.each([true, false])('a failover that drops the last commits; rows with their record: %s', (rowsWithRecord) => {
  async function failedOver(isIdle: boolean) {
    const database = new SimulatedDatabase();
    const faults = new Breaking();
    const writer = await new Writer(new StoreJournal(new SimulatedLogStore(database, faults, rowsWithRecord), realEnv, settings)).start();
    onTestFinished(() => writer.journal.stop());
    await writer.written(writer.write());
    const takeOver = database.copy();
    await writer.written(writer.write());
    await writer.written(writer.write());
    // So that the seat has been confirmed since.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const bringBack = database.copy();
    takeOver();
    faults.isBroken = true;
    const batch = isIdle ? 0 : writer.write();
    await expect.poll(() => writer.journal.condition).toBe('behind');
    return { database, writer, bringBack, batch };
  }

  it.each([false, true])('nothing is acknowledged until they are there again; found by a confirmation of the seat: %s', async (isIdle) => {
    const { writer, bringBack, batch, database } = await failedOver(isIdle);
    expect(writer.journal.work.lastError).toMatch(
      /^the database lacks record \d+ of epoch 1, .* bring back the server that has it, or restart the broker/,
    );
    const seen = JSON.stringify([...database.log(0, 1).keys()]);
    const waiting = isIdle ? writer.write() : batch;
    const queue = writer.queue();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(writer.journal.committedBatch).toBeLessThan(waiting);
    expect(JSON.stringify([...database.log(0, 1).keys()]), 'written to the server that lacks them').toBe(seen);
    bringBack();
    await writer.written(waiting);
    await expect.poll(() => writer.journal.condition).toBe('ready');
    expect((await queue).slice(0, 3)).toEqual(['0', '1', '2']);
    expect(await writer.queue()).toEqual(['0', '1', '2', '3']);
    expect(writer.fences).toEqual([]);
  });

  it('a broker that starts goes on with what is there', async () => {
    const { database, writer } = await failedOver(false);
    const next = await new Writer(
      new StoreJournal(new SimulatedLogStore(database, new Breaking(), rowsWithRecord), realEnv, settings),
    ).start();
    onTestFinished(() => next.journal.stop());
    await next.written(next.write());
    expect(next.journal.condition).toBe('ready');
    expect(writer.journal.committedBatch).toBe(3);
  });
});

const service = await startMariadb();

describe.skipIf(service === undefined)('MariaDB has lost the last commits (`pnpm services` as root installs it)', () => {
  it('a connection that breaks while nothing happens is noticed, and nothing is acknowledged until they are there again', async () => {
    onTestFinished(() => service!.stop());
    const admin = await createConnection({ uri: service!.url, multipleStatements: true });
    onTestFinished(() => admin.end());
    await admin.query('CREATE DATABASE si_behind');
    const url = new URL(service!.url);
    url.pathname = '/si_behind';
    const writer = await new Writer(new StoreJournal(await openMysqlLogStore({ url: url.href }), realEnv, settings)).start();
    onTestFinished(() => writer.journal.stop());
    for (let n = 0; n < 3; n++) await writer.written(writer.write());
    // As another server would have it.
    await admin.query(
      'CREATE TABLE si_behind.kept AS SELECT * FROM si_behind.wlog ORDER BY seq DESC LIMIT 1; DELETE FROM si_behind.wlog WHERE seq IN (SELECT seq FROM si_behind.kept)',
    );
    const [connections] = await admin.query<never[]>("SELECT id FROM information_schema.processlist WHERE db = 'si_behind'");
    for (const { id } of connections as { id: number }[]) await admin.query(`KILL CONNECTION ${id}`);
    await expect.poll(() => writer.journal.condition, { timeout: 10_000 }).toBe('behind');
    const batch = writer.write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(writer.journal.committedBatch).toBeLessThan(batch);
    await admin.query('INSERT INTO si_behind.wlog SELECT * FROM si_behind.kept');
    await writer.written(batch);
    expect(writer.fences).toEqual([]);
    expect(await writer.queue()).toEqual(['0', '1', '2', '3']);
  });
});
