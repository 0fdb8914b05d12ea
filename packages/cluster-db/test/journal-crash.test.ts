import {
  type Env,
  type Journal,
  type JournaledDelivery,
  MemoryJournal,
  MemoryJournalState,
  Message,
  type RestoredSession,
  type SessionKey,
} from '@si-mqtt/session';
import { describe, expect, it } from 'vitest';
import { StoreJournal, type StoreJournalSettings } from '../src/index.js';
import {
  type Faults,
  NoFaults,
  OneFault,
  type Outcome,
  SeededFaults,
  SimulatedCrash,
  SimulatedDatabase,
  SimulatedLogStore,
} from '../src/simulated.js';
import { silentHost } from './journal-parts.js';

/** Waiting takes no time, and each look at the clock a millisecond; deadlines do not come. */
let milliseconds = 0;
const env: Env = {
  now: () => 1_790_000_000_000,
  monotonic: () => milliseconds++,
  random: () => 0.5,
  sleep: (time, cancelled) => {
    return time >= 5000 ? (cancelled ?? new Promise(() => undefined)) : new Promise((resolve) => setImmediate(resolve));
  },
};

/** A beat at every look at the clock, so that beats meet everything else. */
const always = { watchMilliseconds: 0, beatMilliseconds: 1 };

const modes: readonly { readonly name: string; readonly settings: Partial<StoreJournalSettings> }[] = [
  { name: 'eager', settings: always },
  { name: 'lazy, rows at once', settings: { ...always, lazy: true, writeAfterMilliseconds: 0 } },
  { name: 'lazy, rows at some time', settings: { ...always, lazy: true, writeAfterMilliseconds: 15 } },
  { name: 'lazy, rows at the end', settings: { ...always, lazy: true, writeAfterMilliseconds: Infinity } },
];

type Turn = (journal: Journal) => void;

function message(text: string, retain = false, qos: 1 | 2 = 2): Message {
  const content = { topicName: `t/${text.split(' ')[0]}`, payload: new TextEncoder().encode(text), qos, retain } as const;
  return Message.of(content, { clientId: 'publisher', userName: undefined }, env.now());
}

/** Every kind of change, and the ways in which they meet: one turn is one batch. */
function workload(): Turn[] {
  const keys = new Map<string, SessionKey>();
  const deliveries = new Map<string, JournaledDelivery>();
  const key = (name: string) => keys.get(name)!;
  const begin = (journal: Journal, name: string, clientId = name) => {
    keys.set(name, { clientId, incarnation: journal.nextIncarnation() });
    journal.connected(key(name), {
      userName: 'u',
      protocolVersion: 5,
      sessionExpiryInterval: 60,
      will: { topicName: 'w', payload: Uint8Array.of(1), qos: 1, retain: false },
    });
  };
  let given = 0;
  const enqueue = (journal: Journal, name: string, text: string, packetId = 0, of = message(text), qos: 1 | 2 = 2) => {
    const delivery: JournaledDelivery = {
      position: journal.firstPosition + given++,
      message: of,
      qos,
      retain: false,
      subscriptionIdentifiers: [given],
      sharedSubscription: undefined,
      packetId,
    };
    deliveries.set(text, delivery);
    journal.enqueued(key(name), delivery);
  };
  /** QoS 1 that is sent at once, if it has a packet identifier. */
  const enqueueQos1 = (journal: Journal, name: string, text: string, packetId: number) => {
    enqueue(journal, name, text, packetId, message(text, false, 1), 1);
  };
  const finish = (journal: Journal, name: string, text: string) => journal.finished(key(name), position(text));
  const position = (text: string) => deliveries.get(text)!.position;
  const subscription = (requested: string) => {
    return {
      requested,
      topicFilter: requested,
      shareName: undefined,
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      subscriptionIdentifier: 0,
      mayReceive: undefined,
    } as const;
  };
  const group = '$share/g/t';
  return [
    (journal) => begin(journal, 'a'),
    (journal) => {
      begin(journal, 'b');
      for (const requested of ['x', 'y', 'z']) journal.subscribed(key('a'), subscription(requested));
    },
    (journal) => {
      const both = message('one');
      enqueue(journal, 'a', 'one', 1, both);
      enqueue(journal, 'b', 'one b', 0, both);
      journal.retained(message('kept', true));
      journal.inboundReceived(key('b'), 7);
    },
    (journal) => {
      journal.received(key('a'), position('one'), 1);
      journal.sent(key('b'), { ...deliveries.get('one b')!, packetId: 3 });
      journal.unsubscribed(key('a'), 'y');
      journal.inboundReceived(key('b'), 8);
    },
    (journal) => {
      journal.finished(key('a'), position('one'));
      journal.inboundReleased(key('b'), 7);
    },
    (journal) => {
      journal.finished(key('b'), position('one b'));
      journal.disconnected(key('a'), {
        expiresAt: 1_800_000_000_000,
        delayedWill: { will: { topicName: 'w', payload: Uint8Array.of(2), qos: 0, retain: false }, publishAt: 5 },
      });
      for (let i = 0; i < 5; i++) enqueue(journal, 'a', `offline ${i}`);
      for (let i = 0; i < 3; i++) journal.groupEnqueued(group, journal.firstPosition + i, message(`waiting ${i}`));
    },
    (journal) => {
      journal.finished(key('a'), position('offline 1'));
      enqueue(journal, 'a', 'short');
      journal.finished(key('a'), position('short'));
      journal.groupFinished(group, journal.firstPosition);
      journal.retained(message('kept other', true));
      journal.retained(message('gone', true));
    },
    (journal) => {
      journal.willEnded(key('a'));
      journal.retained(
        Message.of({ topicName: 't/gone', payload: new Uint8Array(0), qos: 0, retain: true }, { clientId: '', userName: undefined }, 0),
      );
    },
    (journal) => {
      journal.ended(key('a'));
      begin(journal, 'a again', 'a');
      journal.subscribed(key('a again'), subscription('x'));
      enqueue(journal, 'a again', 'next');
    },
    (journal) => {
      journal.groupEnded(group);
      journal.groupEnqueued(group, journal.firstPosition + 9, message('after the end'));
      journal.ended(key('b'));
    },
    (journal) => {
      journal.connected(key('a again'), { userName: undefined, protocolVersion: 4, sessionExpiryInterval: 0, will: undefined });
      enqueue(journal, 'a again', 'last');
    },
    (journal) => {
      begin(journal, 'c');
      enqueueQos1(journal, 'c', 'quick', 1);
      enqueueQos1(journal, 'c', 'slow', 2);
      enqueue(journal, 'c', 'twice safe', 3);
      enqueueQos1(journal, 'c', 'waits', 0);
      begin(journal, 'd');
      enqueueQos1(journal, 'd', 'quick d', 1);
    },
    (journal) => {
      finish(journal, 'c', 'quick');
      finish(journal, 'c', 'twice safe');
      enqueueQos1(journal, 'c', 'quick again', 1);
      enqueueQos1(journal, 'd', 'slow d', 2);
    },
    (journal) => {
      finish(journal, 'd', 'quick d');
      finish(journal, 'c', 'quick again');
      journal.sent(key('c'), { ...deliveries.get('waits')!, packetId: 1 });
      enqueueQos1(journal, 'c', 'too large', 4);
      finish(journal, 'c', 'too large');
    },
    (journal) => {
      finish(journal, 'c', 'waits');
      enqueue(journal, 'c', 'one more', 1);
      journal.received(key('c'), position('one more'), 1);
      journal.ended(key('d'));
      begin(journal, 'd again', 'd');
      enqueueQos1(journal, 'd again', 'slow d again', 2);
      enqueueQos1(journal, 'd again', 'quick d again', 3);
    },
    (journal) => {
      finish(journal, 'd again', 'quick d again');
      finish(journal, 'c', 'one more');
      journal.disconnected(key('c'), { expiresAt: Infinity, delayedWill: undefined });
      enqueueQos1(journal, 'c', 'offline c', 0);
    },
    (journal) => {
      enqueue(journal, 'a again', 'ends alone', 7);
      journal.received(key('a again'), position('ends alone'), 7);
      enqueueQos1(journal, 'd again', 'ends alone d', 8);
    },
    (journal) => {
      finish(journal, 'a again', 'ends alone');
      finish(journal, 'd again', 'ends alone d');
    },
    (journal) => journal.retained(message('end', true)),
  ];
}

/** QoS 1 that is sent at once in the workload, with its packet identifier: after a crash it may come again though it was acknowledged. */
const mayComeAgain: ReadonlyMap<string, number> = new Map([
  ['quick', 1],
  ['quick d', 1],
  ['quick again', 1],
  ['quick d again', 3],
  ['ends alone d', 8],
]);

interface Contents {
  readonly found: readonly Part[];
  readonly retained: readonly string[];
}

/** A session or a group. */
interface Part {
  readonly queue: readonly { readonly text: string; readonly packetId: number }[];
  readonly [detail: string]: unknown;
}

/** What a journal hands over when it starts, and all that it has in queues. */
async function contents(journal: Journal): Promise<Contents> {
  const sessions: RestoredSession[] = [];
  const groups: string[] = [];
  const retained: string[] = [];
  await journal.start({
    ...silentHost,
    restoreSession: (session) => sessions.push(session),
    restoreRetained: ({ topicName, payload }) => retained.push(`${topicName}: ${new TextDecoder().decode(payload)}`),
    restoreGroup: ({ sharedSubscription }) => groups.push(sharedSubscription),
  });
  const plain = ({ message: { topicName, payload }, ...rest }: Awaited<ReturnType<Journal['page']>>[number]) => {
    return { ...rest, topicName, text: new TextDecoder().decode(payload) };
  };
  const found: Part[] = [];
  for (const restored of sessions.sort((a, b) => (a.clientId < b.clientId ? -1 : 1))) {
    const { incarnation, subscriptions, receivedPacketIds, queuedMessages, queuedBytes, lastPosition, ...session } = restored;
    const queue = await journal.page({ clientId: session.clientId, incarnation }, 0, 100);
    expect([queuedMessages, lastPosition]).toEqual([queue.length, queue.at(-1)?.position ?? 0]);
    expect(queuedBytes).toBe(queue.reduce((sum, { message: { size } }) => sum + size, 0));
    const packetIds = queue.map(({ packetId }) => packetId).filter((packetId) => packetId !== 0);
    expect(new Set(packetIds).size, 'packet identifiers in use').toBe(packetIds.length);
    found.push({
      ...session,
      subscriptions: subscriptions.map(({ requested }) => requested).sort(),
      receivedPacketIds: [...receivedPacketIds].sort(),
      queue: queue.map(plain),
    });
  }
  for (const group of groups) found.push({ group, queue: (await journal.pageGroup(group, 0, 100)).map(plain) });
  await journal.stop();
  return { found, retained: retained.sort() };
}

/** The same without what is not expected but may come again; `again` counts it. */
function withoutRepeats({ found, retained }: Contents, expected: Contents, counted: { again: number }): Contents {
  const due = new Set(expected.found.flatMap(({ queue }) => queue.map(({ text }) => text)));
  const isRepeat = ({ text, packetId }: Part['queue'][number]) => !due.has(text) && mayComeAgain.get(text) === packetId;
  const parts = found.map((part) => {
    const queue = part.queue.filter((delivery) => !isRepeat(delivery));
    counted.again += part.queue.length - queue.length;
    return { ...part, queue };
  });
  return { found: parts, retained };
}

/** Takes all that is in queues, and ends what there is: then the tables are empty. */
async function drain(journal: Journal): Promise<void> {
  const sessions: RestoredSession[] = [];
  const groups: string[] = [];
  await journal.start({
    ...silentHost,
    restoreSession: (session) => sessions.push(session),
    restoreGroup: ({ sharedSubscription }) => groups.push(sharedSubscription),
  });
  for (const session of sessions) {
    for (const { position } of await journal.page(session, 0, 100)) journal.finished(session, position);
    journal.endTurn();
  }
  for (const group of groups) {
    for (const { position } of await journal.pageGroup(group, 0, 100)) journal.groupFinished(group, position);
  }
  journal.endTurn();
  await journal.stop();
}

/** Carries the turns out, each as one batch, until the process dies. Returns how many were committed. */
async function live(journal: Journal, turns: readonly Turn[], isDead: () => boolean): Promise<number> {
  if (!(await unlessDead(journal.start(silentHost), isDead))) return 0;
  const committed = await carryOut(journal, turns, isDead);
  if (!isDead()) await unlessDead(journal.stop(), isDead);
  return committed;
}

async function carryOut(journal: Journal, turns: readonly Turn[], isDead: () => boolean): Promise<number> {
  let committed = 0;
  for (const turn of turns) {
    const { operations } = journal;
    turn(journal);
    const wanted = journal.openBatch;
    journal.endTurn();
    // Nothing waits for ends of deliveries alone; by then they are in the store.
    let turnsLeft = journal.operations === operations ? 10 : Infinity;
    while (turnsLeft === Infinity ? journal.committedBatch < wanted : turnsLeft-- > 0) {
      if (isDead()) return committed;
      await new Promise((resolve) => setImmediate(resolve));
    }
    committed += 1;
  }
  return committed;
}

/** False: the process died first, and what it waited for never comes. */
async function unlessDead(promise: Promise<void>, isDead: () => boolean): Promise<boolean> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  const death = (async () => {
    while (!settled && !isDead()) await new Promise((resolve) => setImmediate(resolve));
  })();
  await Promise.race([done, death]);
  return settled;
}

/** Contents after so many turns. */
async function expectations(): Promise<Contents[]> {
  const all: Contents[] = [];
  const turns = workload();
  for (let count = 0; count <= turns.length; count += 1) {
    const state = new MemoryJournalState();
    const journal = new MemoryJournal(state);
    await live(journal, workload().slice(0, count), () => false);
    all.push(await contents(new MemoryJournal(state)));
  }
  return all;
}

for (const rowsWithRecord of [true, false]) {
  describe.each(modes)(`a journal, rows ${rowsWithRecord ? 'with' : 'after'} their record, $name`, ({ settings }) => {
    const run = async (faults: Faults) => {
      const database = new SimulatedDatabase();
      let dead = false;
      const store = new SimulatedLogStore(
        database,
        {
          outcome: (call, write) => {
            const outcome = faults.outcome(call, write);
            if (outcome.startsWith('crash')) dead = true;
            return outcome;
          },
        },
        rowsWithRecord,
      );
      // Who is dead does not try again.
      const mortal: Env = { ...env, sleep: (...args) => (dead ? new Promise(() => undefined) : env.sleep(...args)) };
      const journal = new StoreJournal(store, mortal, settings);
      let committed = 0;
      try {
        committed = await live(journal, workload(), () => dead);
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
      }
      const restart = () => new StoreJournal(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord), env, settings);
      const found = await contents(restart());
      // Nothing of the first start may be left to do.
      expect(await contents(restart())).toEqual(found);
      await drain(restart());
      for (const table of ['outq', 'shareq', 'endings'] as const) expect(database.size(table), table).toBe(0);
      return { found, committed };
    };

    it('has what was committed, and nothing else, after a crash at any call of the store', { timeout: 60_000 }, async () => {
      const expected = await expectations();
      const counted = { again: 0 };
      const calm = new NoFaults();
      expect((await run(calm)).found).toEqual(expected.at(-1));
      expect(calm.calls).toBeGreaterThan(20);
      for (const crash of ['crashBefore', 'crashAfter', 'crashHalf'] as const) {
        for (let at = 1; at <= calm.calls; at += 1) {
          const fault = new OneFault(at, crash);
          const { found, committed } = await run(fault);
          const next = expected[Math.min(committed + 1, expected.length - 1)];
          const once = (candidate: Contents) => (settings.lazy === true ? withoutRepeats(found, candidate, counted) : found);
          const matches = [expected[committed], next].some((candidate) => isEqual(candidate, once(candidate)));
          const place = `${crash} at call ${at}, ${fault.hit}, ${committed} batches committed`;
          if (!matches) expect(once(expected[committed]), place).toEqual(expected[committed]);
        }
      }
      expect(counted.again > 0, 'what was acknowledged came again').toBe(settings.lazy === true);
    });

    it('starts again after a start that died at any call', { timeout: 60_000 }, async () => {
      const expected = (await expectations()).at(-1)!;
      for (const crash of ['crashBefore', 'crashAfter', 'crashHalf'] as const) {
        for (let at = 1, reached = true; reached; at += 1) {
          const database = new SimulatedDatabase();
          const started = (faults: Faults) => new StoreJournal(new SimulatedLogStore(database, faults, rowsWithRecord), env, settings);
          // It ends without a stop, so that its last epoch has records.
          const first = started(new NoFaults());
          await first.start(silentHost);
          await carryOut(first, workload(), () => false);
          const fault = new OneFault(at, crash);
          const second = started(fault);
          reached = await second.start(silentHost).then(
            () => false,
            (error: unknown) => error instanceof SimulatedCrash,
          );
          await second.stop();
          const found = await contents(started(new NoFaults()));
          const once = settings.lazy === true ? withoutRepeats(found, expected, { again: 0 }) : found;
          expect(once, `${crash} at call ${at}, ${fault.hit}`).toEqual(expected);
        }
      }
    });

    it('loses and repeats nothing when one call fails or its answer is lost', { timeout: 60_000 }, async () => {
      const expected = (await expectations()).at(-1)!;
      const calm = new NoFaults();
      await run(calm);
      const starting = 8;
      for (const outcome of ['refused', 'unknownApplied', 'unknownLost', 'appliedLate', 'half'] as const) {
        for (let at = starting; at <= calm.calls; at += 1) {
          const fault = new OneFault(at, outcome);
          expect((await run(fault)).found, `${outcome} at call ${at}, ${fault.hit}`).toEqual(expected);
        }
      }
    });

    it('loses and repeats nothing under many faults', { timeout: 60_000 }, async () => {
      const expected = (await expectations()).at(-1)!;
      const outcomes: Outcome[] = ['refused', 'unknownApplied', 'unknownLost', 'appliedLate', 'half'];
      for (let seed = 1; seed <= 60; seed += 1) {
        let calls = 0;
        const seeded = new SeededFaults(seed, 0.3, outcomes);
        const faults: Faults = { outcome: (call, write) => (++calls < 10 ? 'done' : seeded.outcome(call, write)) };
        expect((await run(faults)).found, `seed ${seed}`).toEqual(expected);
      }
    });
  });
}

function isEqual(a: unknown, b: unknown): boolean {
  try {
    expect(a).toEqual(b);
    return true;
  } catch {
    return false;
  }
}
