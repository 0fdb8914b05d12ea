import { encode } from '@si-mqtt/codec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { runInTurn, tasksPerTurn } from '../src/turn-share.js';
import { acceptByHand, type ByHand } from './by-hand.js';

let server: Server;

beforeEach(async () => {
  server = await createServer({ listeners: [{ type: 'tcp', name: 'tcp' }], sys: { enabled: false, intervalSeconds: 10 } });
  await server.start();
});

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
});

const many = 10_000;

/** Counts what happens between two turns of the event loop. */
class TurnCounter {
  readonly seen: string[] = [];
  most = 0;
  private count = 0;

  note(what: string): void {
    this.seen.push(what);
    if (this.count++ === 0) setImmediate(() => this.endTurn());
  }

  private endTurn(): void {
    this.most = Math.max(this.most, this.count);
    this.count = 0;
  }
}

/** All of them connect with a will, from one place in the program to the next; none sends anything more. */
async function connectMany({ keepAlive = 0, sessionExpiryInterval = 0 }): Promise<ByHand[]> {
  const connections = Array.from({ length: many }, (_, i) => {
    const connection = acceptByHand(server);
    const will = { topicName: 'wills', payload: new Uint8Array(), qos: 0, retain: false } as const;
    const connect = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive, clientId: `client-${i}`, will } as const;
    connection.receiver.received(encode({ ...connect, properties: { sessionExpiryInterval } }, 5));
    return connection;
  });
  await expect.poll(() => server.broker.counters.connectionsAccepted, { timeout: 20_000 }).toBe(many);
  return connections;
}

function expectManyTurns({ seen, most }: TurnCounter): void {
  expect(seen).toEqual(Array.from({ length: many }, (_, i) => `client-${i}`));
  // The share of the turn that ends, and that of the turn that begins.
  expect(most).toBeLessThanOrEqual(2 * tasksPerTurn);
}

describe('10,000 clients to whom the same happens in one moment', { timeout: 60_000 }, () => {
  for (const how of ['ended', 'closed'] as const) {
    test(`their connections are ${how}`, async () => {
      const connections = await connectMany({});
      const disconnected = new TurnCounter();
      server.events.on('disconnected', ({ clientId }) => disconnected.note(clientId));
      for (const { receiver } of connections) receiver[how](undefined);
      await expect.poll(() => disconnected.seen.length, { timeout: 20_000 }).toBe(many);
      expectManyTurns(disconnected);
      expect(server.broker.counters.willsPublished).toBe(many);
      expect(server.clients()).toEqual([]);
      if (how === 'ended') for (const { receiver } of connections) receiver.closed(undefined);
      await expect.poll(() => server.broker.connections.size).toBe(0);
    });
  }

  test('their keep alive runs out', async () => {
    const connections = await connectMany({ keepAlive: 1 });
    const disconnected = new TurnCounter();
    server.events.on('disconnected', ({ clientId }) => disconnected.note(clientId));
    await expect.poll(() => disconnected.seen.length, { timeout: 20_000 }).toBe(many);
    expectManyTurns(disconnected);
    expect(server.broker.counters.keepAliveTimeouts).toBe(many);
    for (const { receiver } of connections) receiver.closed(undefined);
  });

  test('their sessions expire', async () => {
    const connections = await connectMany({ sessionExpiryInterval: 1 });
    const ended = new TurnCounter();
    server.events.on('sessionEnded', ({ clientId }) => ended.note(clientId));
    for (const { receiver } of connections) receiver.closed(undefined);
    await expect.poll(() => ended.seen.length, { timeout: 20_000 }).toBe(many);
    expect(ended.most).toBeLessThanOrEqual(2 * tasksPerTurn);
    expect(server.broker.counters.sessionsExpired).toBe(many);
  });
});

test('a session with many subscriptions ends at once, and lets go of them bit by bit', async () => {
  const { receiver } = acceptByHand(server);
  receiver.received(encode({ type: 'connect', protocolVersion: 4, cleanStart: true, keepAlive: 0, clientId: 'many' }, 4));
  await expect.poll(() => server.clients().length).toBe(1);
  const { routing, clients } = server.broker;
  const { session } = clients.get('many')!;
  const subscription = { shareName: undefined, qos: 1, noLocal: false, retainAsPublished: false, subscriptionIdentifier: 0 } as const;
  for (let i = 0; i < 10 * many; i++)
    routing.subscribe(session, { requested: `many/${i}`, topicFilter: `many/${i}`, mayReceive: undefined, ...subscription });
  receiver.closed(undefined);
  expect(server.clients()).toEqual([]);
  expect(routing.subscriptions).toBeGreaterThan(0);
  const before = session.outbound.queuedCount;
  server.publish({ topicName: `many/${10 * many - 1}`, payload: new Uint8Array(1), qos: 1, retain: false });
  expect(session.outbound.queuedCount).toBe(before);
  await expect.poll(() => routing.subscriptions).toBe(0);
});

test('a single one does not wait', async () => {
  const { receiver } = acceptByHand(server);
  receiver.received(encode({ type: 'connect', protocolVersion: 4, cleanStart: true, keepAlive: 0, clientId: 'one' }, 4));
  await expect.poll(() => server.clients().length).toBe(1);
  receiver.ended();
  expect(server.clients()).toEqual([]);
  receiver.closed(undefined);
});

test('a task that throws takes no other with it', async () => {
  const done: number[] = [];
  const thrown: unknown[] = [];
  const noteUncaught = (error: unknown): void => void thrown.push(error);
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', noteUncaught);
  try {
    const count = tasksPerTurn * 3;
    for (let i = 0; i < count; i++) {
      runInTurn(() => {
        if (i === tasksPerTurn + 3) throw new Error('a defect');
        done.push(i);
      });
    }
    await expect.poll(() => done.length).toBe(count - 1);
    expect(thrown).toEqual([new Error('a defect')]);
  } finally {
    process.off('uncaughtException', noteUncaught);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});
