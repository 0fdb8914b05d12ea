import { type ConnectPacket } from '@si-mqtt/codec';
import { describe, expect, it, vi } from 'vitest';
import { type ServerOptions } from '../src/index.js';
import { AskedRules, type Question } from './asked-rules.js';
import { clean, type Node, persistent, publish, restart, start, text } from './journaled-node.js';
import { RawClient } from './raw-client.js';

interface Story {
  readonly node: Node;
  readonly rules: AskedRules;
  readonly watcher: RawClient;
  readonly mortal: RawClient;
}

const mortalConnect = { clientId: 'mortal', cleanStart: false } as const;

/** A client with a will, whose topic the rules were asked for at CONNECT, and somebody who watches. */
async function begin(change: Partial<ConnectPacket>, willDelayInterval: number = 0, options: ServerOptions = {}): Promise<Story> {
  const rules = new AskedRules(['watcher', 'publisher']);
  const node = await start(options, { authenticators: [rules] });
  const watcher = await persistent(node, 'watcher');
  await watcher.subscribed('will', 1);
  const payload = new TextEncoder().encode('gone');
  const will = { topicName: 'will', payload, qos: 1, retain: true, properties: { willDelayInterval } } as const;
  const connected = RawClient.connected(node.url, { ...mortalConnect, will, ...change });
  (await rules.asked()).answer(true);
  return { node, rules, watcher, mortal: await connected };
}

const forLong = { properties: { sessionExpiryInterval: 1000 } };

type Way = [
  name: string,
  come: (mortal: RawClient, node: Node) => Promise<unknown>,
  change: Partial<ConnectPacket>,
  delay: number,
  ServerOptions,
];

const cleanStart = 'a Clean Start ends its session';

/** Every way to a will that is due. The client is cut off, if not before. */
const ways: readonly Way[] = [
  ['the connection of a session that ends with it is lost', () => Promise.resolve(), {}, 0, {}],
  ['the connection of a persistent session is lost', () => Promise.resolve(), forLong, 0, {}],
  ['its delay has passed', () => Promise.resolve(), forLong, 1, {}],
  ['its session has expired', () => Promise.resolve(), { properties: { sessionExpiryInterval: 1 } }, 100, {}],
  [
    cleanStart,
    async (mortal, node) => {
      mortal.cut();
      await expect.poll(() => node.state.sessions.get('mortal')!.isConnected).toBe(false);
      const anew = await RawClient.open(node.url);
      anew.send({ type: 'connect', protocolVersion: 5, clientId: 'mortal', cleanStart: true, keepAlive: 0 });
    },
    forLong,
    100,
    {},
  ],
  [
    'its session is taken over',
    async (_mortal, node) => {
      const again = await RawClient.open(node.url);
      again.send({ type: 'connect', protocolVersion: 5, clientId: 'mortal', cleanStart: false, keepAlive: 0, ...forLong });
    },
    forLong,
    0,
    {},
  ],
  [
    'the queue of its session overflows',
    async (mortal, node) => {
      await mortal.subscribed('t', 1);
      mortal.cut();
      await expect.poll(() => node.state.sessions.get('mortal')!.isConnected).toBe(false);
      const publisher = await clean(node, 'publisher');
      for (let packetId = 1; packetId <= 2; packetId++) publish(publisher, 't', 'x', 1, packetId);
    },
    forLong,
    100,
    { limits: { queueMessagesMax: 1 }, queue: { overflow: 'endSession', queueQos0Messages: false } },
  ],
];

describe('a will about which somebody has to be asked when it is due', () => {
  it.each(ways)('because %s: a crash before the answer does not lose it', async (name, come, change, delay, options) => {
    const { node, rules, mortal } = await begin(change, delay, options);
    await come(mortal, node);
    mortal.cut();
    const question = await rules.asked();
    await publishedSomething(node);
    const second = await killed(node, question);
    // Its client was not answered, and tries again.
    if (name === cleanStart) await clean(second, 'mortal');
    const watcher = await persistent(second, 'watcher');
    expect(text(await watcher.next('publish'))).toBe('gone');
    expect(await watcher.rest(50)).toEqual([]);
  });

  it.each(ways)('because %s: it is published once, and its end is in the same batch', async (_name, come, change, delay, options) => {
    const { node, rules, watcher, mortal } = await begin(change, delay, options);
    await come(mortal, node);
    mortal.cut();
    const question = await rules.asked();
    await publishedSomething(node);
    const operations: string[][] = [[]];
    const { journal } = node;
    for (const name of ['retained', 'enqueued', 'willEnded', 'ended'] as const) {
      const original = journal[name].bind(journal) as (...what: unknown[]) => void;
      (journal as unknown as Record<string, unknown>)[name] = (...what: unknown[]) => {
        operations.at(-1)!.push(name);
        original(...what);
      };
    }
    const divide = journal.divide.bind(journal);
    journal.divide = () => {
      operations.push([]);
      divide();
    };
    question.answer(true);
    expect(text(await watcher.next('publish'))).toBe('gone');
    const batch = operations.find((names) => names.includes('retained'))!;
    expect(batch).toContain('enqueued');
    expect(batch.filter((name) => name === 'willEnded' || name === 'ended').length).toBeGreaterThan(0);
    expect(node.server.broker.counters.willsPublished).toBe(1);
    const second = await restart(node);
    const back = await persistent(second, 'watcher');
    expect(await back.next('publish')).toMatchObject({ dup: true });
    expect(await back.rest(50)).toEqual([]);
  });

  it.each<[string, (question: Question) => void]>([
    ['no', (question) => question.answer(false)],
    ['no answer', (question) => question.fail()],
  ])('%s: it is counted, and never published', async (_name, decide) => {
    const { node, rules, mortal } = await begin(forLong);
    mortal.cut();
    decide(await rules.asked());
    await expect.poll(() => node.server.broker.counters.willsRefused).toBe(1);
    await publishedSomething(node);
    const back = await persistent(await restart(node), 'watcher');
    expect(await back.rest(50)).toEqual([]);
  });

  it('is not published if nobody answers in time', async () => {
    const { node, rules, mortal } = await begin({});
    const errors: string[] = [];
    node.server.events.on('error', ({ message }) => errors.push(message));
    const { env } = node.server.broker.parts;
    const sleep = env.sleep.bind(env);
    vi.spyOn(env, 'sleep').mockImplementation((milliseconds, cancelled) => sleep(milliseconds === 10_000 ? 1 : milliseconds, cancelled));
    mortal.cut();
    await rules.asked();
    await expect.poll(() => node.server.broker.counters.willsRefused).toBe(1);
    expect(errors).toEqual(['the access rules did not say in time whether a will may be published']);
    await expect.poll(() => node.server.clients().map(({ clientId }) => clientId)).toEqual(['watcher']);
  });

  it.each([forLong, {}])('its client comes back when it is decided (%o)', async (change) => {
    const { node, rules, watcher, mortal } = await begin(change);
    mortal.cut();
    const question = await rules.asked();
    const back = await RawClient.open(node.url);
    back.send({ type: 'connect', protocolVersion: 5, clientId: 'mortal', cleanStart: false, keepAlive: 0, ...change });
    expect(await back.rest(50)).toEqual([]);
    question.answer(true);
    expect(await back.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: change === forLong });
    expect(text(await watcher.next('publish'))).toBe('gone');
    expect(await watcher.rest(50)).toEqual([]);
  });

  it('is decided about before the server has stopped', async () => {
    const { node, rules, mortal } = await begin({});
    const stopped = node.server.stop();
    await mortal.next('disconnect');
    (await rules.asked()).answer(true);
    await stopped;
    expect(node.state.retained.size).toBe(1);
    expect(node.state.sessions.has('mortal')).toBe(false);
  });

  it('stays stored if nobody answers before the server has stopped', async () => {
    const { node, rules, mortal } = await begin({});
    const stopped = node.server.stop();
    await mortal.next('disconnect');
    const question = await rules.asked();
    await stopped;
    question.answer(true);
    const second = await restart(node);
    const back = await persistent(second, 'watcher');
    expect(text(await back.next('publish'))).toBe('gone');
  });
});

/** After a kill -9 no answer counts, and none is waited for. */
function killed(node: Node, question: Question): Promise<Node> {
  const next = restart(node);
  question.answer(false);
  return next;
}

/** A batch has come and gone after what was recorded before. */
async function publishedSomething(node: Node): Promise<void> {
  node.server.publish({ topicName: 'other', payload: new Uint8Array(1), qos: 1, retain: true });
  await expect.poll(() => node.state.retained.has('other')).toBe(true);
}
