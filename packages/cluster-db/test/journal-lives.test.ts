import { type Env, Message, type SessionKey } from '@si-mqtt/session';
import { describe, expect, it } from 'vitest';
import { StoreJournal } from '../src/index.js';
import { NoFaults, OneFault, type Outcome, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { silentHost } from './journal-parts.js';

/**
 * One database and many lives of a node, each of which ends by a crash at some call of the store. The node does at random what Outbound does; after
 * each crash the database is compared with what had been committed, and the next life goes on from there.
 */
const lives = 6;
const turnsOfLife = 25;
/** Few, so that they are soon given again. */
const packetIdMax = 5;

interface Delivery {
  readonly text: string;
  readonly position: number;
  readonly qos: 1 | 2;
  packetId: number;
  /** Sent when it was enqueued. */
  readonly atOnce: boolean;
}

interface Session {
  readonly key: SessionKey;
  queue: Delivery[];
  lastPacketId: number;
}

type Random = (below: number) => number;

/** The generator mulberry32. */
function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What the node has in memory. */
class Node {
  sessions: Session[] = [];
  /** QoS 1 that was sent at once and is over, by text. */
  readonly over: Map<string, number> = new Map();
  private given = 0;
  private readonly draw: Random;
  journal!: StoreJournal;

  constructor(draw: Random) {
    this.draw = draw;
  }

  turn(): void {
    for (const clientId of ['a', 'b']) {
      let session = this.sessions.find(({ key }) => key.clientId === clientId);
      if (session !== undefined && this.draw(30) === 0) {
        this.journal.ended(session.key);
        this.sessions.splice(this.sessions.indexOf(session), 1);
        session = undefined;
      }
      session ??= this.begin(clientId);
      for (let count = this.draw(4); count > 0; count--) this.act(session);
    }
    // Something that a commit has to wait for, so that ends of deliveries are in it.
    this.journal.inboundReceived(this.sessions[0].key, 1 + this.draw(9));
  }

  private begin(clientId: string): Session {
    const key = { clientId, incarnation: this.journal.nextIncarnation() };
    this.journal.connected(key, { userName: undefined, protocolVersion: 5, sessionExpiryInterval: 60, will: undefined });
    const session: Session = { key, queue: [], lastPacketId: 0 };
    this.sessions.push(session);
    return session;
  }

  private act(session: Session): void {
    const inFlight = session.queue.filter(({ packetId }) => packetId !== 0);
    const waiting = session.queue.find(({ packetId }) => packetId === 0);
    if (inFlight.length > 0 && this.draw(2) === 0) this.finish(session, inFlight[this.draw(inFlight.length)]);
    else if (waiting !== undefined && inFlight.length < packetIdMax && this.draw(2) === 0) {
      waiting.packetId = this.packetId(session);
      this.journal.sent(session.key, { ...this.journaled(waiting), packetId: waiting.packetId });
    } else this.enqueue(session, waiting === undefined && inFlight.length < packetIdMax && this.draw(5) > 0);
  }

  private enqueue(session: Session, atOnce: boolean): void {
    const qos = this.draw(4) === 0 ? 2 : 1;
    const position = this.journal.firstPosition + this.given++;
    const packetId = atOnce ? this.packetId(session) : 0;
    const delivery: Delivery = { text: `${position}`, position, qos, packetId, atOnce };
    session.queue.push(delivery);
    this.journal.enqueued(session.key, this.journaled(delivery));
  }

  private finish(session: Session, delivery: Delivery): void {
    session.queue.splice(session.queue.indexOf(delivery), 1);
    if (delivery.qos === 1 && delivery.atOnce) this.over.set(delivery.text, delivery.packetId);
    this.journal.finished(session.key, delivery.position);
  }

  private packetId(session: Session): number {
    do session.lastPacketId = (session.lastPacketId % packetIdMax) + 1;
    while (session.queue.some(({ packetId }) => packetId === session.lastPacketId));
    return session.lastPacketId;
  }

  private journaled({ text, position, qos, packetId }: Delivery) {
    const content = { topicName: 't', payload: new TextEncoder().encode(text), qos, retain: false } as const;
    const message = Message.of(content, { clientId: 'p', userName: undefined }, 1_790_000_000_000);
    return { position, message, qos, retain: false, subscriptionIdentifiers: undefined, sharedSubscription: undefined, packetId };
  }
}

/** Two nodes' sessions that are told apart by nothing. */
function described(sessions: readonly Session[]): string[] {
  const lines = sessions.map(({ key, queue }) => {
    return `${key.clientId} ${key.incarnation}: ${queue.map(({ text, packetId, qos }) => `${text}/${packetId}/${qos}`).join(' ')}`;
  });
  return lines.sort();
}

describe.each([
  { rowsWithRecord: true, lazy: false, writeAfterMilliseconds: 0 },
  { rowsWithRecord: false, lazy: false, writeAfterMilliseconds: 0 },
  { rowsWithRecord: true, lazy: true, writeAfterMilliseconds: 20 },
  { rowsWithRecord: false, lazy: true, writeAfterMilliseconds: 20 },
  { rowsWithRecord: true, lazy: true, writeAfterMilliseconds: 1000 },
  { rowsWithRecord: false, lazy: true, writeAfterMilliseconds: 1000 },
])('a node with many lives, $rowsWithRecord $lazy $writeAfterMilliseconds', ({ rowsWithRecord, ...settings }) => {
  const live = async (database: SimulatedDatabase, node: Node, at: number, fault: Outcome): Promise<Session[][]> => {
    let isDead = false;
    let time = 0;
    const faults = new OneFault(at, fault);
    const mortal: Env = {
      now: () => 1_790_000_000_000,
      monotonic: () => time++,
      random: () => 0.5,
      sleep: (milliseconds, cancelled) => {
        if (isDead || milliseconds >= 5000) return cancelled === undefined || isDead ? new Promise(() => undefined) : cancelled;
        return new Promise((resolve) => setImmediate(resolve));
      },
    };
    const outcome = (call: string, write: boolean) => {
      const found = faults.outcome(call, write);
      if (found.startsWith('crash')) isDead = true;
      return isDead && found === 'done' ? 'crashBefore' : found;
    };
    const store = new SimulatedLogStore(database, { outcome }, rowsWithRecord);
    node.journal = new StoreJournal(store, mortal, { watchMilliseconds: 0, beatMilliseconds: 1, ...settings });
    let isStarted = false;
    const start = node.journal.start(silentHost).then(
      () => void (isStarted = true),
      () => undefined,
    );
    const before = structuredClone(node.sessions);
    while (!isStarted && !isDead) await Promise.race([start, new Promise((resolve) => setImmediate(resolve))]);
    if (isDead) return [before];
    for (let turn = 0; turn < turnsOfLife; turn++) {
      const last = structuredClone(node.sessions);
      node.turn();
      const wanted = node.journal.openBatch;
      node.journal.endTurn();
      while (node.journal.committedBatch < wanted) {
        if (isDead) return [last, node.sessions];
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    isDead = true;
    return [node.sessions];
  };

  /** The database as the next life would find it. */
  const found = async (database: SimulatedDatabase): Promise<Session[]> => {
    const env: Env = {
      now: () => 0,
      monotonic: () => 0,
      random: () => 0,
      sleep: (_, cancelled) => cancelled ?? new Promise(() => undefined),
    };
    const journal = new StoreJournal(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord), env, { watchMilliseconds: 0 });
    const keys: SessionKey[] = [];
    await journal.start({ ...silentHost, restoreSession: ({ clientId, incarnation }) => keys.push({ clientId, incarnation }) });
    const sessions: Session[] = [];
    for (const key of keys) {
      const page = await journal.page(key, 0, 1000);
      const queue = page.map(({ position, qos, packetId, message }): Delivery => {
        return { text: new TextDecoder().decode(message.payload), position, qos: qos as 1 | 2, packetId, atOnce: true };
      });
      sessions.push({ key, queue, lastPacketId: queue.findLast(({ packetId }) => packetId !== 0)?.packetId ?? 0 });
    }
    await journal.stop();
    return sessions;
  };

  it('has after each crash what was committed, in order, with what may come again', { timeout: 120_000 }, async () => {
    let again = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const draw = random(seed);
      const database = new SimulatedDatabase();
      const node = new Node(draw);
      for (let life = 1; life <= lives; life++) {
        const fault = (['crashBefore', 'crashAfter', 'crashHalf'] as const)[draw(3)];
        const candidates = await live(database, node, 1 + draw(150), fault);
        const sessions = await found(database);
        const place = `seed ${seed}, life ${life}, ${fault}`;
        for (const { queue } of sessions) {
          const ids = queue.map(({ packetId }) => packetId);
          const sent = ids.filter((packetId) => packetId !== 0);
          expect(new Set(sent).size, `${place}: identifiers`).toBe(sent.length);
          expect(ids.slice(0, sent.length), `${place}: what is in flight stands first`).toEqual(sent);
        }
        // Of a turn whose outcome nobody knew, either the state before or the one after.
        const kept = candidates.map((candidate) => {
          const due = new Set(candidate.flatMap(({ queue }) => queue.map(({ text }) => text)));
          return sessions.map(({ queue, ...session }) => {
            return {
              ...session,
              queue: queue.filter(({ text, packetId }) => due.has(text) || !settings.lazy || node.over.get(text) !== packetId),
            };
          });
        });
        const matching = candidates.findIndex((candidate, index) => described(candidate).join() === described(kept[index]).join());
        if (matching < 0) expect(described(kept[0]), place).toEqual(described(candidates[0]));
        again += sessions.flatMap(({ queue }) => queue).length - kept[matching].flatMap(({ queue }) => queue).length;
        node.sessions = sessions;
      }
    }
    expect(again > 0, `${again} came again`).toBe(settings.lazy);
  });
});
