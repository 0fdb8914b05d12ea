import { type Journal, type JournaledDelivery, type JournalHost, type Message, type SessionKey } from '@si-mqtt/session';
import { describe, expect, it } from 'vitest';
import {
  type EndingRow,
  type LogPosition,
  type LogRecord,
  type RowChanges,
  StoreJournal,
  type StoreJournalSettings,
  StoreRefusal,
} from '../src/index.js';
import { keyOfText } from '../src/position.js';
import { type Faults, NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { journalMessage } from './journal-parts.js';
import { realEnv } from './real-env.js';

const settings = { watchMilliseconds: 0, beatMilliseconds: 10_000, removeAfterMilliseconds: 1, pendingBytesMax: 1 << 20 };
const refusal = new StoreRefusal('content', 'too large');

/** A store that does not take what a test says, or hangs. */
class ChoosyStore extends SimulatedLogStore {
  readonly size: () => number;
  refuses: (changes: RowChanges) => boolean = () => false;
  hangs = false;
  /** No rows of queues. */
  isFull = false;
  /** So many rows of queues, and it takes no record any more, as under a quota. */
  quota = Infinity;
  /** Until then no record is taken. */
  waits: Promise<void> = Promise.resolve();
  /** How often it was asked for what has ended. */
  looks = 0;
  readonly positions: LogPosition[] = [];
  removedAtOnce = 0;

  constructor(database: SimulatedDatabase, faults: Faults, rowsWithRecord: boolean) {
    super(database, faults, rowsWithRecord);
    this.size = () => database.rows('outq').length;
  }

  override async append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    if (this.hangs) await new Promise(() => undefined);
    await this.waits;
    this.see(changes);
    if (this.size() >= this.quota) throw new StoreRefusal('full', 'the quota is used up');
    this.positions.push(position);
    return super.append(position, record, changes);
  }

  override async writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    this.see(changes);
    return super.writeRows(changes, derived);
  }

  override readEndings(limit: number): Promise<readonly EndingRow[]> {
    this.looks++;
    return super.readEndings(limit);
  }

  override async hasRoom(): Promise<boolean> {
    return !this.isFull;
  }

  private see(changes: RowChanges): void {
    if (this.isFull && (changes.put?.outq?.length ?? 0) > 0) throw new StoreRefusal('full', 'full');
    if (this.refuses(changes)) throw refusal;
    this.removedAtOnce = Math.max(this.removedAtOnce, changes.removed?.outq?.length ?? 0);
  }
}

interface Parts {
  readonly store: ChoosyStore;
  readonly journal: StoreJournal;
  readonly refused: Message[];
  readonly fences: string[];
}

async function started(
  database = new SimulatedDatabase(),
  change: Partial<JournalHost> = {},
  changedSettings: Partial<StoreJournalSettings> = {},
): Promise<Parts> {
  const store = new ChoosyStore(database, new NoFaults(), true);
  const journal = new StoreJournal(store, realEnv, { ...settings, ...changedSettings });
  const refused: Message[] = [];
  const fences: string[] = [];
  const nothing = () => undefined;
  await journal.start({
    restoreSession: nothing,
    restoreRetained: nothing,
    restoreGroup: nothing,
    turnBegan: () => setImmediate(() => journal.endTurn()),
    committed: nothing,
    conditionChanged: nothing,
    refused: (message) => refused.push(message),
    fenced: (reason) => fences.push(reason),
    ...change,
  });
  return { store, journal, refused, fences };
}

const committed = (journal: Journal) => {
  const batch = journal.openBatch;
  journal.endTurn();
  return expect.poll(() => journal.committedBatch, { interval: 1 }).toBeGreaterThanOrEqual(batch);
};

function begin(journal: Journal, clientId: string, userName = 'u'): SessionKey {
  const key = { clientId, incarnation: journal.nextIncarnation() };
  journal.connected(key, { userName, protocolVersion: 5, sessionExpiryInterval: 60, will: undefined });
  return key;
}

function delivery(position: number, text: string): JournaledDelivery {
  const message = journalMessage({ topicName: 't', payload: new TextEncoder().encode(text), qos: 2 });
  return { position, message, qos: 2, retain: false, subscriptionIdentifiers: undefined, sharedSubscription: undefined, packetId: 0 };
}

it('commits what is recorded during the restore at the positions of its own epoch', async () => {
  const database = new SimulatedDatabase();
  const first = await started(database);
  first.journal.groupEnqueued('$share/g/t', first.journal.firstPosition, delivery(0, 'waits').message);
  await committed(first.journal);
  await first.journal.stop();

  const second = new ChoosyStore(database, new NoFaults(), true);
  const nothing = () => undefined;
  const journal: StoreJournal = new StoreJournal(second, realEnv, settings);
  await journal.start({
    restoreSession: nothing,
    restoreRetained: nothing,
    restoreGroup: ({ sharedSubscription }) => {
      journal.groupEnded(sharedSubscription);
      journal.endTurn();
    },
    turnBegan: nothing,
    committed: nothing,
    conditionChanged: nothing,
    refused: nothing,
    fenced: nothing,
  });
  await expect.poll(() => journal.committedBatch, { interval: 1 }).toBe(1);
  expect(second.positions).toEqual([{ seat: 0, epoch: 2, seq: 1 }]);
  await journal.stop();
});

it('drops an entry that the store never takes, and only that', async () => {
  const { store, journal, fences } = await started();
  store.refuses = ({ put }) => put?.sessions?.some(({ userName }) => userName === 'too large') ?? false;
  for (const name of ['a', 'b', 'c']) begin(journal, name, name === 'b' ? 'too large' : 'u');
  await committed(journal);
  expect((await store.readSessions(undefined, 10)).map(({ session }) => session.clientId).sort()).toEqual(['a', 'c']);
  expect(journal.work.lastError).toContain('session');
  expect(journal.work.droppedEntries).toBe(1);
  expect(fences).toEqual([]);
  await journal.stop();
});

it('forgets with a refused message that its QoS 2 PUBLISH was taken', async () => {
  const { store, journal, refused } = await started();
  const key = begin(journal, 'a');
  await committed(journal);
  store.refuses = ({ put }) => (put?.outq?.length ?? 0) > 0;
  journal.inboundReceived(key, 7);
  journal.enqueued(key, delivery(journal.firstPosition, 'too large'));
  journal.divide();
  journal.inboundReceived(key, 8);
  await committed(journal);
  const [{ inq2 }] = await store.readSessions(undefined, 10);
  expect(inq2.map(({ packetId }) => packetId)).toEqual([8]);
  expect(refused).toHaveLength(1);
  await journal.stop();
});

it.each([false, true])('removes what has ended in portions, in halves where it is too much (%s)', async (isTooMuch) => {
  const { store, journal, fences } = await started();
  const key = begin(journal, 'a');
  await committed(journal);
  if (isTooMuch) store.refuses = ({ removed }) => (removed?.outq?.length ?? 0) > 1000;
  for (let position = 1; position <= 12_000; position++) journal.finished(key, position);
  await expect.poll(() => journal.work.commitMilliseconds === 0 && store.removedAtOnce > 0, { interval: 5 }).toBe(true);
  await journal.stop();
  expect(store.removedAtOnce).toBeGreaterThan(500);
  expect(store.removedAtOnce).toBeLessThanOrEqual(isTooMuch ? 1000 : 5000);
  expect(fences).toEqual([]);
});

it('has removed all that had ended when a batch counts as committed', async () => {
  const left: Promise<readonly unknown[]>[] = [];
  const { store, journal } = await started(undefined, { committed: () => left.push(store.readQueue(reference, 0, 10_000, Infinity)) });
  const key = begin(journal, 'a');
  const reference = { sid: keyOfText('a'), incarnation: key.incarnation };
  for (let number = 0; number < 6000; number++) journal.enqueued(key, delivery(journal.firstPosition + number, 'x'));
  await committed(journal);
  let goOn!: () => void;
  store.waits = new Promise((resolve) => (goOn = resolve));
  begin(journal, 'b');
  const first = committed(journal);
  for (let number = 0; number < 6000; number++) journal.finished(key, journal.firstPosition + number);
  begin(journal, 'c');
  const second = committed(journal);
  goOn();
  await Promise.all([first, second]);
  expect((await Promise.all(left)).map(({ length }) => length)).toEqual([6000, 6000, 0]);
  await journal.stop();
});

it('makes room in a full store before lazy deliveries become rows there', async () => {
  const { store, journal } = await started(undefined, {}, { lazy: true, writeAfterMilliseconds: 50 });
  const key = begin(journal, 'a');
  const { firstPosition } = journal;
  const lazy = (number: number) => ({ ...delivery(firstPosition + number, `${number}`), qos: 1 as const, packetId: number + 1 });
  journal.enqueued(key, lazy(0));
  journal.enqueued(key, lazy(1));
  journal.enqueued(key, delivery(firstPosition + 2, 'waits'));
  await committed(journal);
  store.isFull = true;
  await expect.poll(() => journal.condition).toBe('full');
  const rows = async () =>
    (await store.readQueue({ sid: keyOfText('a'), incarnation: key.incarnation }, 0, 10, Infinity)).map(({ pos }) => pos);
  expect(await rows()).toEqual([firstPosition + 2]);
  journal.finished(key, firstPosition + 2);
  await expect.poll(rows).toEqual([]);
  journal.finished(key, firstPosition);
  store.isFull = false;
  await expect.poll(rows, { timeout: 5000 }).toEqual([firstPosition + 1]);
  await journal.stop();
});

describe('a record that a full store refuses', () => {
  async function filled() {
    const { store, journal } = await started();
    const key = begin(journal, 'a');
    const { firstPosition } = journal;
    for (let number = 0; number < 4; number++) journal.enqueued(key, delivery(firstPosition + number, 'x'));
    await committed(journal);
    store.quota = 4;
    const rows = async () =>
      (await store.readQueue({ sid: keyOfText('a'), incarnation: key.incarnation }, 0, 10, Infinity)).map(({ pos }) => pos - firstPosition);
    return { store, journal, key, rows, at: (number: number) => firstPosition + number };
  }

  it('does not keep the ends of deliveries that came behind it', async () => {
    const { journal, key, rows, at } = await filled();
    journal.received(key, at(0), 1);
    const done = committed(journal);
    await expect.poll(() => journal.condition).toBe('full');
    journal.finished(key, at(1));
    await done;
    await expect.poll(rows).toEqual([0, 2, 3]);
    await journal.stop();
  });

  it.each([false, true])('nor those among other things that are recorded (in the same batch: %s)', async (inSameBatch) => {
    const { journal, key, rows, at } = await filled();
    journal.received(key, at(0), 1);
    if (!inSameBatch) {
      journal.endTurn();
      await expect.poll(() => journal.condition).toBe('full');
    }
    journal.received(key, at(3), 2);
    journal.finished(key, at(1));
    await committed(journal);
    expect(await rows()).toEqual([0, 2, 3]);
    await journal.stop();
  });

  it('waits with what lives on elsewhere, or is made by what waits itself', async () => {
    const { store, journal, key, rows, at } = await filled();
    journal.received(key, at(0), 1);
    const done = committed(journal);
    await expect.poll(() => journal.condition).toBe('full');
    journal.finished(key, at(1));
    journal.groupEnqueued('$share/g/t', at(0), delivery(0, 'x').message);
    journal.divide();
    journal.enqueued(key, delivery(at(4), 'new'));
    journal.divide();
    journal.finished(key, at(4));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await rows()).toEqual([0, 1, 2, 3]);
    store.quota = 10;
    await done;
    await expect.poll(rows).toEqual([0, 2, 3]);
    await journal.stop();
  });
});

it('goes on when its node throws', async () => {
  const fences: string[] = [];
  const { journal } = await started(undefined, {
    committed: () => {
      throw new Error('of the node');
    },
    fenced: (reason) => fences.push(reason),
  });
  begin(journal, 'a');
  await committed(journal);
  begin(journal, 'b');
  await committed(journal);
  expect(fences).toEqual([]);
  expect(journal.work.lastError).toBe('of the node');
  await journal.stop();
});

it('gives nothing to the store after the stop', async () => {
  const { store, journal } = await started();
  await journal.stop();
  begin(journal, 'late');
  journal.endTurn();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(store.positions).toEqual([]);
});

it('stops although the store does not answer, and keeps nothing after that', { timeout: 20_000 }, async () => {
  const { store, journal, fences } = await started();
  store.hangs = true;
  begin(journal, 'a');
  journal.endTurn();
  const begun = performance.now();
  await journal.stop();
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(fences).toEqual([expect.stringContaining('did not take')]);
  const { pendingOperations } = journal.work;
  begin(journal, 'b');
  expect(journal.work.pendingOperations).toBe(pendingOperations);
});

it('commits nothing of a turn that is not over, however long the turn takes', async () => {
  const { journal } = await started(new SimulatedDatabase(), { turnBegan: () => undefined });
  begin(journal, 'a');
  const before = journal.committedBatch;
  // It looks twice a second.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(journal.committedBatch).toBe(before);
  await committed(journal);
  await journal.stop();
});

it('removes what belonged to a session whose end was just being committed when it looked', async () => {
  const { store, journal } = await started();
  const key = begin(journal, 'a');
  journal.subscribed(key, {
    requested: 't',
    topicFilter: 't',
    shareName: undefined,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    subscriptionIdentifier: 0,
    mayReceive: undefined,
  });
  await committed(journal);
  // Nothing has ended so far, and that is known.
  await expect.poll(() => store.looks, { timeout: 2000 }).toBeGreaterThan(0);
  let go!: () => void;
  store.waits = new Promise((resolve) => {
    go = resolve;
  });
  journal.ended(key);
  journal.endTurn();
  // It looks twice a second.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  go();
  await expect.poll(async () => (await store.statistics()).rows.subs, { timeout: 2000 }).toBe(0);
  await journal.stop();
});

it('gives up at its end what the store has not answered', async () => {
  const { store, journal } = await started();
  store.readQueue = () => Promise.reject(new Error('away'));
  const refusal = expect(journal.page({ clientId: 'a', incarnation: 1n }, 0, 10)).rejects.toThrow('away');
  await journal.stop();
  await refusal;
});

it('is congested as soon as too much waits, and not only at the end of the turn: a connection may be read on for long in one', async () => {
  const { journal } = await started();
  const session = begin(journal, 'c');
  const conditions = [1, 2, 3, 4].map((position) => {
    journal.enqueued(session, delivery(position, 'x'.repeat(300_000)));
    return journal.condition;
  });
  expect(conditions).toEqual(['ready', 'ready', 'ready', 'congested']);
  await committed(journal);
  await expect.poll(() => journal.condition).toBe('ready');
  await journal.stop();
});
