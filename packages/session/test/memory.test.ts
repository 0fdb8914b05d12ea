import { describe, expect, it } from 'vitest';
import { MemoryRetained, MemorySessions, type Message, RetainedReplay, SingleNode } from '../src/index.js';
import { Harness, TestEnv, texts } from './session-harness.js';

describe('MemoryRetained', () => {
  const limits = { retainedMessagesMax: 2, retainedBytesMax: 1000 };

  it('[MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] replaces, deletes, and never stores an empty payload', () => {
    const harness = new Harness();
    const store = new MemoryRetained(harness.env, limits);
    store.put(harness.message({ text: '1' }));
    store.put(harness.message({ text: '22' }));
    expect(store.match('#', undefined, 10).messages.map(({ payloadLength }) => payloadLength)).toEqual([2]);
    expect(store.put(harness.message({ text: '' }))).toMatchObject({ outcome: 'deleted' });
    expect([store.messages, store.bytes]).toEqual([0, 0]);
  });

  it('is bounded in number and bytes, and takes again after a deletion', () => {
    const harness = new Harness();
    const store = new MemoryRetained(harness.env, limits);
    const put = (topicName: string, text: string) => store.put(harness.message({ topicName, text })).outcome;
    expect([put('a', 'x'), put('b', 'x'), put('c', 'x'), put('a', 'y'), put('b', 'x'.repeat(2000))]).toEqual([
      'stored',
      'stored',
      'full',
      'stored',
      'full',
    ]);
    expect(store.refused).toBe(2);
    put('a', '');
    expect(put('c', 'x')).toBe('stored');
  });

  it('forgets what has expired', () => {
    const harness = new Harness();
    const store = new MemoryRetained(harness.env, limits);
    store.put(harness.message({ properties: { messageExpiryInterval: 5 } }));
    harness.env.time += 5000;
    expect(store.match('t', undefined, 10).messages).toEqual([]);
    expect(store.messages).toBe(0);
  });
});

describe('RetainedReplay', () => {
  const subscription = {
    requested: '#',
    topicFilter: '#',
    shareName: undefined,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    subscriptionIdentifier: 3,
    mayReceive: undefined,
  } as const;

  it('sends every message once, within the quota, also when pages come late', async () => {
    for (const isLate of [false, true]) {
      const harness = new Harness();
      const memory = new MemoryRetained(harness.env, { retainedMessagesMax: 1000, retainedBytesMax: 1e6 });
      for (let i = 0; i < 350; i++) memory.put(harness.message({ topicName: `t/${i}`, text: `${i}` }));
      const match = (filter: string, after: string | undefined, limit: number) => {
        const page = memory.match(filter, after, limit);
        return isLate ? Promise.resolve(page) : page;
      };
      const store = { messages: 350, bytes: 0, put: (message: Message) => memory.put(message), match };
      const { session, output } = await harness.open({ properties: { receiveMaximum: 7 } });
      session.outbound.addReplay(
        new RetainedReplay(
          subscription,
          store,
          () => session.outbound.pump(),
          () => undefined,
        ),
      );
      session.outbound.pump();
      const got: string[] = [];
      for (let round = 0; round < 500 && got.length < 350; round++) {
        await Promise.resolve();
        const packets = output.takePublishes();
        expect(packets.length).toBeLessThanOrEqual(7);
        for (const packet of packets) {
          expect(packet).toMatchObject({ retain: true, qos: 1, properties: { subscriptionIdentifiers: [3] } });
          session.outbound.receivePuback(packet.packetId);
          got.push(texts([packet])[0]);
        }
      }
      expect(new Set(got).size).toBe(350);
      expect(got).toHaveLength(350);
    }
  });

  it('[MQTT-4.6.0-5] sends nothing behind what took its place, also when pages come late', async () => {
    for (const isLate of [false, true]) {
      const harness = new Harness();
      const memory = new MemoryRetained(harness.env, { retainedMessagesMax: 10, retainedBytesMax: 1e6 });
      for (const topicName of ['a', 'b', 'c']) memory.put(harness.message({ topicName, text: 'old' }));
      const match = (filter: string, after: string | undefined, limit: number) => {
        const page = memory.match(filter, after, limit);
        return isLate ? Promise.resolve(page) : page;
      };
      const store = { messages: 3, bytes: 0, put: (message: Message) => memory.put(message), match };
      const { session, output } = await harness.open({ properties: { receiveMaximum: 1 } });
      session.deliver(harness.message({ topicName: 'first' }), 1, false, undefined, undefined);
      session.outbound.addReplay(
        new RetainedReplay(
          subscription,
          store,
          () => session.outbound.pump(),
          () => undefined,
        ),
      );
      session.outbound.pump();
      // While the first page waits, or is on its way: b is replaced, c removed.
      session.deliver(harness.message({ topicName: 'b', text: 'new', retain: true }), 1, false, undefined, undefined);
      session.deliver(harness.message({ topicName: 'c', text: '', retain: true }), 1, false, undefined, undefined);
      const got: string[] = [];
      for (let round = 0; round < 10; round++) {
        await Promise.resolve();
        for (const packet of output.takePublishes()) {
          got.push(`${packet.topicName} ${texts([packet])[0]} ${packet.retain}`);
          session.outbound.receivePuback(packet.packetId);
        }
      }
      expect(got.slice(1)).toEqual(['b new false', 'c  false', 'a old true', 'b new true']);
    }
  });

  it('stops when the client unsubscribes', async () => {
    const harness = new Harness();
    const memory = new MemoryRetained(harness.env, { retainedMessagesMax: 1000, retainedBytesMax: 1e6 });
    for (let i = 0; i < 50; i++) memory.put(harness.message({ topicName: `t/${i}` }));
    const { session, output } = await harness.open({ properties: { receiveMaximum: 5 } });
    session.outbound.addReplay(
      new RetainedReplay(
        subscription,
        memory,
        () => undefined,
        () => undefined,
      ),
    );
    session.outbound.pump();
    session.outbound.endReplay('#');
    for (const packet of output.takePublishes()) session.outbound.receivePuback(packet.packetId);
    expect(output.take()).toEqual([]);
  });
});

describe('MemorySessions', () => {
  const request = { clientId: 'c', userName: undefined, cleanStart: false };

  it('fences the older lease, and keeps the session', async () => {
    const store = new MemorySessions(new TestEnv());
    const first = await store.acquire(request);
    const second = await store.acquire(request);
    expect([first.sessionPresent, second.sessionPresent]).toEqual([false, true]);
    expect(await first.lost).toBe('takenOver');
    expect(await first.detach(0)).toBe('fenced');
    expect(second.incarnation).toBe(first.incarnation);
  });

  it('expires by the wall clock, and begins anew with another incarnation', async () => {
    const env = new TestEnv();
    const store = new MemorySessions(env);
    const first = await store.acquire(request);
    await first.detach(10);
    env.time += 10_000;
    const second = await store.acquire(request);
    expect(second.sessionPresent).toBe(false);
    expect(second.incarnation).not.toBe(first.incarnation);
  });
});

describe('MemorySessions of an earlier run', () => {
  it('are continued under their incarnation, and new ones get one that the journal gives', async () => {
    const store = new MemorySessions(new TestEnv(), () => 77n);
    store.restore({ clientId: 'c', userName: undefined, incarnation: 5n, expiresAt: Infinity });
    expect(await store.acquire({ clientId: 'c', userName: undefined, cleanStart: false })).toMatchObject({
      sessionPresent: true,
      incarnation: 5n,
    });
    expect(await store.acquire({ clientId: 'c', userName: undefined, cleanStart: true })).toMatchObject({
      sessionPresent: false,
      incarnation: 77n,
    });
  });
});

describe('SingleNode', () => {
  it('is ready and wants nothing', async () => {
    const node = new SingleNode();
    expect(node.remoteInterest).toBe(false);
    expect(node.status()).toEqual({ ready: true, peers: [] });
    expect(await node.publish(new Harness().message())).toBe(0x10);
  });
});
