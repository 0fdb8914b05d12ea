import {
  type Env,
  type Journal,
  type JournaledDelivery,
  type JournalHost,
  MemoryJournal,
  MemoryJournalState,
  Message,
  type RestoredSession,
  type SessionKey,
} from '@si-mqtt/session';
import { describe, expect, it } from 'vitest';
import { StoreJournal } from '../src/index.js';
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

/** Time passes only when nothing else is left to do; deadlines do not come. */
const env: Env = {
  now: () => 1_790_000_000_000,
  monotonic: () => 0,
  random: () => 0.5,
  sleep: (milliseconds, cancelled) => {
    return milliseconds >= 5000 ? (cancelled ?? new Promise(() => undefined)) : new Promise((resolve) => setImmediate(resolve));
  },
};

/** A beat at every look at the clock, so that beats meet everything else. */
const settings = { watchMilliseconds: 0, beatMilliseconds: 1 };

type Turn = (journal: Journal) => void;

function message(text: string, retain = false): Message {
  const content = { topicName: `t/${text.split(' ')[0]}`, payload: new TextEncoder().encode(text), qos: 2, retain } as const;
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
  const enqueue = (journal: Journal, name: string, text: string, packetId = 0, of = message(text)) => {
    const delivery: JournaledDelivery = {
      position: journal.firstPosition + given++,
      message: of,
      qos: 2,
      retain: false,
      subscriptionIdentifiers: [given],
      sharedSubscription: undefined,
      packetId,
    };
    deliveries.set(text, delivery);
    journal.enqueued(key(name), delivery);
  };
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
  ];
}

/** What a journal hands over when it starts, and all that it has in queues. */
async function contents(journal: Journal): Promise<unknown> {
  const sessions: RestoredSession[] = [];
  const groups: string[] = [];
  const retained: string[] = [];
  await journal.start({
    ...silent,
    restoreSession: (session) => sessions.push(session),
    restoreRetained: ({ topicName, payload }) => retained.push(`${topicName}: ${new TextDecoder().decode(payload)}`),
    restoreGroup: ({ sharedSubscription }) => groups.push(sharedSubscription),
  });
  const plain = ({ message: { topicName, payload }, ...rest }: Awaited<ReturnType<Journal['page']>>[number]) => {
    return { ...rest, topicName, text: new TextDecoder().decode(payload) };
  };
  const found: unknown[] = [];
  for (const { incarnation, subscriptions, receivedPacketIds, ...session } of sessions.sort((a, b) => (a.clientId < b.clientId ? -1 : 1))) {
    const queue = await journal.page({ clientId: session.clientId, incarnation }, 0, 100);
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

const silent: JournalHost = {
  restoreSession: () => undefined,
  restoreRetained: () => undefined,
  restoreGroup: () => undefined,
  turnBegan: () => undefined,
  committed: () => undefined,
  conditionChanged: () => undefined,
  refused: ({ topicName }) => {
    throw new Error(`refused: ${topicName}`);
  },
  fenced: (reason) => {
    throw new Error(reason);
  },
};

/** Carries the turns out, each as one batch, until the process dies. Returns how many were committed. */
async function live(journal: Journal, turns: readonly Turn[], isDead: () => boolean): Promise<number> {
  let committed = 0;
  if (!(await unlessDead(journal.start(silent), isDead))) return 0;
  for (const turn of turns) {
    turn(journal);
    const wanted = journal.openBatch;
    journal.endTurn();
    while (journal.committedBatch < wanted) {
      if (isDead()) return committed;
      await new Promise((resolve) => setImmediate(resolve));
    }
    committed += 1;
  }
  await unlessDead(journal.stop(), isDead);
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
async function expectations(): Promise<unknown[]> {
  const all: unknown[] = [];
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
  describe(`a journal, rows ${rowsWithRecord ? 'with' : 'after'} their record`, () => {
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
      return { found, committed };
    };

    it('has what was committed, and nothing else, after a crash at any call of the store', { timeout: 60_000 }, async () => {
      const expected = await expectations();
      const calm = new NoFaults();
      expect((await run(calm)).found).toEqual(expected.at(-1));
      expect(calm.calls).toBeGreaterThan(20);
      for (const crash of ['crashBefore', 'crashAfter', 'crashHalf'] as const) {
        for (let at = 1; at <= calm.calls; at += 1) {
          const fault = new OneFault(at, crash);
          const { found, committed } = await run(fault);
          const next = expected[Math.min(committed + 1, expected.length - 1)];
          const matches = [expected[committed], next].some((candidate) => isEqual(candidate, found));
          if (!matches) expect(found, `${crash} at call ${at}, ${fault.hit}, ${committed} batches committed`).toEqual(expected[committed]);
        }
      }
    });

    it('starts again after a start that died at any call', { timeout: 60_000 }, async () => {
      const expected = (await expectations()).at(-1);
      for (const crash of ['crashBefore', 'crashAfter', 'crashHalf'] as const) {
        for (let at = 1, reached = true; reached; at += 1) {
          const database = new SimulatedDatabase();
          const started = (faults: Faults) => new StoreJournal(new SimulatedLogStore(database, faults, rowsWithRecord), env, settings);
          // It ends without a stop, so that its last epoch has records.
          const first = started(new NoFaults());
          await first.start(silent);
          for (const turn of workload()) {
            turn(first);
            const wanted = first.openBatch;
            first.endTurn();
            while (first.committedBatch < wanted) await new Promise((resolve) => setImmediate(resolve));
          }
          const fault = new OneFault(at, crash);
          const second = started(fault);
          reached = await second.start(silent).then(
            () => false,
            (error: unknown) => error instanceof SimulatedCrash,
          );
          await second.stop();
          expect(await contents(started(new NoFaults())), `${crash} at call ${at}, ${fault.hit}`).toEqual(expected);
        }
      }
    });

    it('loses and repeats nothing when one call fails or its answer is lost', { timeout: 60_000 }, async () => {
      const expected = (await expectations()).at(-1);
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
      const expected = (await expectations()).at(-1);
      const outcomes: Outcome[] = ['refused', 'unknownApplied', 'unknownLost', 'appliedLate', 'half'];
      for (let seed = 1; seed <= 200; seed += 1) {
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
