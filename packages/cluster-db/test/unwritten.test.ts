import { type Journal, type JournaledDelivery, type JournalHost, type SessionKey } from '@si-mqtt/session';
import { describe, expect, it } from 'vitest';
import { type LogPosition, type LogRecord, type RowChanges, StoreJournal, StoreRefusal } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { journalMessage } from './journal-parts.js';
import { realEnv } from './real-env.js';

/** Says what is written, and waits with rows as a test says. */
class WatchedStore extends SimulatedLogStore {
  /** Messages and sizes of the records. */
  readonly records: LogRecord[] = [];
  readonly rowsPut: number[] = [];
  removed = 0;
  refusesAbove = Infinity;
  rowsMayGo: Promise<void> = Promise.resolve();

  override async append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    this.records.push(record);
    this.see(changes);
    return super.append(position, record, changes);
  }

  override async writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    if ((changes.put?.outq?.length ?? 0) > 0) await this.rowsMayGo;
    if ((changes.put?.outq?.length ?? 0) > this.refusesAbove) throw new StoreRefusal('content', 'too large');
    this.see(changes);
    return super.writeRows(changes, derived);
  }

  private see({ put, removed }: RowChanges): void {
    if (put?.outq !== undefined && put.outq.length > 0) this.rowsPut.push(put.outq.length);
    this.removed += removed?.outq?.length ?? 0;
  }
}

/** However busy the machine is. */
const patience = { timeout: 20_000, interval: 5 };
const nothing = () => undefined;
const host = (journal: () => Journal): JournalHost => ({
  restoreSession: nothing,
  restoreRetained: nothing,
  restoreGroup: nothing,
  turnBegan: () => setImmediate(() => journal().endTurn()),
  committed: nothing,
  conditionChanged: nothing,
  refused: nothing,
  fenced: (reason) => {
    throw new Error(reason);
  },
});

async function started(settings: { writeAfterMilliseconds?: number; unwrittenBytesMax?: number } = {}, database = new SimulatedDatabase()) {
  const store = new WatchedStore(database, new NoFaults(), true);
  const journal: StoreJournal = new StoreJournal(store, realEnv, {
    watchMilliseconds: 0,
    beatMilliseconds: 20,
    removeAfterMilliseconds: 1,
    lazy: true,
    writeAfterMilliseconds: 60_000,
    ...settings,
  });
  await journal.start(host(() => journal));
  const session = { clientId: 'c', incarnation: journal.nextIncarnation() };
  journal.connected(session, { userName: 'u', protocolVersion: 5, sessionExpiryInterval: 60, will: undefined });
  await committed(journal);
  return { database, store, journal, session };
}

const committed = (journal: Journal) => {
  const batch = journal.openBatch;
  return expect.poll(() => journal.committedBatch, patience).toBeGreaterThanOrEqual(batch);
};

function send(journal: Journal, session: SessionKey, number: number, text = 'x'): JournaledDelivery {
  const delivery: JournaledDelivery = {
    position: journal.firstPosition + number,
    message: journalMessage({ topicName: 't', payload: new TextEncoder().encode(text), qos: 1 }),
    qos: 1,
    retain: false,
    subscriptionIdentifiers: undefined,
    sharedSubscription: undefined,
    packetId: 1 + (number % 60_000),
  };
  journal.enqueued(session, delivery);
  return delivery;
}

const rows = (database: SimulatedDatabase) => database.size('outq');

describe('lazy QoS 1', { timeout: 60_000 }, () => {
  it('that is acknowledged soon is never a row, in whatever order', async () => {
    const { database, store, journal, session } = await started();
    const sent: JournaledDelivery[] = [];
    for (let number = 0; number < 500; number++) {
      sent.push(send(journal, session, number));
      if (number % 50 === 49) await committed(journal);
    }
    for (const { position } of [...sent.slice(250).reverse(), ...sent.slice(0, 250)]) journal.finished(session, position);
    await journal.stop();
    expect([store.rowsPut, store.removed, rows(database)]).toEqual([[], 0, 0]);
  });

  it('becomes a row when it is not acknowledged, and is one for the one who acknowledges it then', async () => {
    const { database, store, journal, session } = await started({ writeAfterMilliseconds: 20 });
    const [kept, ended] = [send(journal, session, 1), send(journal, session, 2)];
    await expect.poll(() => rows(database), patience).toBe(2);
    journal.finished(session, ended.position);
    await expect.poll(() => rows(database), patience).toBe(1);
    expect((await journal.page(session, 0, 10)).map(({ position, packetId }) => [position, packetId])).toEqual([[kept.position, 2]]);
    expect([store.rowsPut, store.removed]).toEqual([[2], 1]);
    await journal.stop();
  });

  it('leaves no row when it is acknowledged while the row is being written', async () => {
    const { database, store, journal, session } = await started({ writeAfterMilliseconds: 20 });
    let go = nothing as () => void;
    store.rowsMayGo = new Promise((resolve) => {
      go = resolve;
    });
    const sent = send(journal, session, 1);
    await committed(journal);
    await expect.poll(() => journal.work.commitMilliseconds, patience).toBeGreaterThan(25);
    journal.finished(session, sent.position);
    go();
    await expect.poll(() => store.removed, patience).toBe(1);
    expect([store.rowsPut, rows(database)]).toEqual([[1], 0]);
    await journal.stop();
  });

  it('is written at once where memory would hold too much, oldest first', async () => {
    const { database, store, journal, session } = await started({ unwrittenBytesMax: 20_000 });
    for (let number = 0; number < 100; number++) send(journal, session, number, 'x'.repeat(800));
    await expect.poll(() => rows(database), patience).toBeGreaterThan(80);
    const found = await journal.page(session, 0, 200);
    expect(found.map(({ position }) => position - journal.firstPosition)).toEqual(
      Array.from({ length: found.length }, (_, index) => index),
    );
    expect(rows(database)).toBeLessThan(95);
    await journal.stop();
    expect(rows(database)).toBe(100);
    expect(store.rowsPut.length).toBeGreaterThan(1);
  });

  it('is written in halves where it is too much for the store', async () => {
    const { database, store, journal, session } = await started();
    store.refusesAbove = 3;
    for (let number = 0; number < 10; number++) send(journal, session, number);
    await committed(journal);
    await journal.stop();
    expect([rows(database), Math.max(...store.rowsPut)]).toEqual([10, 3]);
  });

  it('keeps its record until it is acknowledged; then the log is collected and a start after a crash finds nothing', async () => {
    const { database, store, journal, session } = await started();
    const sent = send(journal, session, 1);
    await committed(journal);
    for (let number = 2; number < 6; number++) {
      journal.finished(session, send(journal, session, number).position);
      await committed(journal);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(database.logRecords).toBeGreaterThanOrEqual(5);
    journal.finished(session, sent.position);
    // Nothing else is recorded: an empty record says it, once.
    await expect.poll(() => database.logRecords, patience).toBe(1);
    const { length } = store.records;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(store.records).toHaveLength(length);
    // The process dies; it is not stopped.
    const second = await started({}, database);
    expect(await second.journal.page(session, 0, 10)).toEqual([]);
    await second.journal.stop();
  });

  it('ends with its session', async () => {
    const { database, store, journal, session } = await started({ writeAfterMilliseconds: 100 });
    for (let number = 0; number < 10; number++) send(journal, session, number);
    await committed(journal);
    journal.ended(session);
    await committed(journal);
    await expect.poll(() => [database.size('endings'), database.logRecords], patience).toEqual([0, 1]);
    expect(store.rowsPut).toEqual([]);
    await journal.stop();
  });
});
