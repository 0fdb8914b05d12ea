import { type ConnectedState } from '@si-mqtt/session';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { begin, connectedState, delivery, type JournalUnderTest, run, subscription, textOf } from './journal-run.js';

export interface JournalSuiteOptions {
  readonly name: string;
  /** A new, empty storage for every test. */
  readonly start: () => Promise<JournalUnderTest>;
  readonly skip?: readonly { readonly title: string; readonly reason: string }[];
}

/** What every Journal has to do (packages/session/src/ports/journal.ts). */
export function journalSuite(options: JournalSuiteOptions): void {
  describe(options.name, () => {
    let under: JournalUnderTest;
    beforeEach(async () => {
      under = await options.start();
    });
    afterEach(() => under.stop());

    for (const [title, run] of Object.entries(journalTests)) {
      const skipped = options.skip?.find((entry) => entry.title === title);
      test(title, async (context) => {
        if (skipped !== undefined) context.skip(skipped.reason);
        await run(under);
      });
    }
  });
}

const journalTests: Readonly<Record<string, (under: JournalUnderTest) => Promise<void>>> = {
  'a new storage is empty': async (under) => {
    const first = await run(under);
    expect([first.sessions.size, first.groups.size, first.retained.size]).toEqual([0, 0, 0]);
    expect([first.journal.committedBatch < first.journal.openBatch, first.journal.condition]).toEqual([true, 'ready']);
  },
  'what was recorded and not committed is not there after a crash': async (under) => {
    const first = await run(under);
    const kept = begin(first, 'kept');
    await first.commit();
    begin(first, 'lost');
    first.journal.subscribed(kept, subscription('lost'));
    const second = await run(under);
    expect([[...second.sessions.keys()], second.sessions.get('kept')?.subscriptions]).toEqual([['kept'], []]);
  },
  'operations are counted, batches are committed in order, and the host is told': async (under) => {
    const first = await run(under);
    const { journal } = first;
    const before = journal.operations;
    const session = begin(first, 'c');
    expect(journal.operations).toBeGreaterThan(before);
    journal.subscribed(session, subscription('f'));
    expect(first.turns, 'one for each batch that begins').toBe(1);
    const batches: number[] = [];
    for (let i = 0; i < 5; i++) {
      journal.subscribed(session, subscription(`f/${i}`));
      batches.push(journal.openBatch);
      journal.endTurn();
    }
    await first.commit();
    expect(journal.committedBatch).toBeGreaterThanOrEqual(batches.at(-1)!);
    expect(first.committed).toEqual([...new Set(first.committed)].sort((a, b) => a - b));
    expect(first.committed.at(-1)).toBe(journal.committedBatch);
  },
  'a stopped journal has committed everything': async (under) => {
    const first = await run(under);
    for (let i = 0; i < 50; i++) {
      begin(first, `c${i}`);
      first.journal.endTurn();
    }
    await first.journal.stop();
    expect((await run(under)).sessions.size).toBe(50);
  },
  'a session comes back as it was, with a connection that was lost': async (under) => {
    const first = await run(under);
    const will: NonNullable<ConnectedState['will']> = {
      topicName: 'w',
      payload: Uint8Array.of(1, 2),
      qos: 1,
      retain: true,
      properties: { willDelayInterval: 5, contentType: 'x', userProperties: [['a', 'b']] },
    };
    const session = begin(first, 'client ü', { will, protocolVersion: 4, userName: undefined, sessionExpiryInterval: Infinity });
    await first.commit();
    const back = (await run(under)).sessions.get('client ü')!;
    expect(back).toMatchObject({ ...session, userName: undefined, protocolVersion: 4, sessionExpiryInterval: Infinity });
    expect(back).toMatchObject({ wasConnected: true, willPublishAt: undefined, expiresAt: Infinity, queuedMessages: 0, lastPosition: 0 });
    expect(back.will).toEqual(will);
  },
  'an end of the connection keeps expiry and delayed will; a new connection replaces both': async (under) => {
    const first = await run(under);
    const will = { topicName: 'w', payload: Uint8Array.of(7), qos: 0, retain: false } as const;
    const session = begin(first, 'c', { will });
    const dropped = begin(first, 'dropped', { will });
    first.journal.disconnected(session, { expiresAt: 1_800_000_000_123, delayedWill: { will, publishAt: 1_800_000_000_001 } });
    first.journal.disconnected(dropped, { expiresAt: Infinity, delayedWill: undefined });
    await first.commit();
    const second = await run(under);
    expect(second.sessions.get('c')).toMatchObject({
      wasConnected: false,
      expiresAt: 1_800_000_000_123,
      willPublishAt: 1_800_000_000_001,
      will,
    });
    expect(second.sessions.get('dropped')).toMatchObject({ wasConnected: false, expiresAt: Infinity, will: undefined });
    second.journal.connected(session, { ...connectedState, sessionExpiryInterval: 10, will: undefined });
    second.journal.disconnected(dropped, { expiresAt: 5, delayedWill: { will, publishAt: 4 } });
    second.journal.willEnded(dropped);
    await second.commit();
    const third = await run(under);
    expect(third.sessions.get('c')).toMatchObject({
      wasConnected: true,
      expiresAt: Infinity,
      sessionExpiryInterval: 10,
      will: undefined,
      willPublishAt: undefined,
    });
    expect(third.sessions.get('dropped')).toMatchObject({ will: undefined, willPublishAt: undefined, expiresAt: 5 });
  },
  'subscriptions are replaced by what the client wrote, and removed by it': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    for (const requested of ['a/+', '$share/g/a/+', 'gone', 'A/+']) first.journal.subscribed(session, subscription(requested));
    await first.commit();
    const changed = subscription('a/+', { qos: 2, noLocal: true, retainAsPublished: true, subscriptionIdentifier: 268_435_455 });
    first.journal.subscribed(session, changed);
    first.journal.unsubscribed(session, 'gone');
    first.journal.unsubscribed(session, 'never');
    await first.commit();
    const { subscriptions } = (await run(under)).sessions.get('c')!;
    expect(subscriptions.map(({ requested }) => requested).sort()).toEqual(['$share/g/a/+', 'A/+', 'a/+']);
    expect(subscriptions.find(({ requested }) => requested === 'a/+')).toMatchObject({ ...changed, mayReceive: undefined });
    expect(subscriptions.find(({ requested }) => requested === '$share/g/a/+')).toMatchObject({ shareName: 'g', topicFilter: 'a/+' });
  },
  'deliveries come in their order, in pages, with all that they were given': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const properties = { contentType: 'text', messageExpiryInterval: 1000, correlationData: Uint8Array.of(0, 255) };
    const message = under.message({ topicName: 'a/b', payload: new TextEncoder().encode('a'), qos: 2, retain: true, properties });
    first.journal.enqueued(session, delivery(first, under, 0, '', { message, qos: 2, retain: true, subscriptionIdentifiers: [3, 9] }));
    for (const [number, text] of ['b', 'c', 'd', 'e'].entries()) first.journal.enqueued(session, delivery(first, under, number + 1, text));
    await first.commit();
    expect(await first.texts(session)).toEqual(['a', 'b', 'c', 'd', 'e']);
    const second = await run(under);
    expect(await second.texts(session)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(second.sessions.get('c')).toMatchObject({ queuedMessages: 5, lastPosition: first.journal.firstPosition + 4 });
    expect(second.sessions.get('c')!.queuedBytes).toBeGreaterThan(0);
    const [back] = await second.journal.page(session, 0, 1);
    expect(back).toMatchObject({ qos: 2, retain: true, subscriptionIdentifiers: [3, 9], packetId: 0, isReceived: false });
    expect(back.message).toMatchObject({
      topicName: 'a/b',
      qos: 2,
      retain: true,
      receivedAt: message.receivedAt,
      expiresAt: message.expiresAt,
    });
    expect(back.message.properties).toMatchObject(properties);
    expect(back.message.publisher).toMatchObject({ clientId: message.publisher.clientId, userName: message.publisher.userName });
  },
  'one message for several sessions comes back for each': async (under) => {
    const first = await run(under);
    const sessions = ['a', 'b', 'c'].map((clientId) => begin(first, clientId));
    const message = under.message({ topicName: 't', payload: new Uint8Array(5000).fill(65), qos: 1 });
    for (const session of sessions) first.journal.enqueued(session, delivery(first, under, 0, '', { message }));
    await first.commit();
    const second = await run(under);
    for (const session of sessions) expect(await second.texts(session)).toEqual(['A'.repeat(5000)]);
  },
  'the state of a delivery is kept, and its place in the order': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text, number) => delivery(first, under, number, text, { qos: 2 }));
    for (const each of [a, b, c]) first.journal.enqueued(session, each);
    first.journal.enqueued(session, { ...d, packetId: 65_535 });
    await first.commit();
    first.journal.sent(session, { ...b, packetId: 9 });
    first.journal.sent(session, { ...a, packetId: 8 });
    first.journal.received(session, b.position, 9);
    first.journal.finished(session, c.position);
    await first.commit();
    expect(await (await run(under)).queued(session)).toEqual([
      { text: 'a', packetId: 8, isReceived: false },
      { text: 'b', packetId: 9, isReceived: true },
      { text: 'd', packetId: 65_535, isReceived: false },
    ]);
  },
  'QoS 1 that was sent at once is there after a crash, in its place and under its packet identifier': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const other = begin(first, 'other');
    for (const [number, packetId] of [1, 2, 0].entries()) {
      first.journal.enqueued(session, delivery(first, under, number, `${number}`, { packetId }));
      first.journal.enqueued(other, delivery(first, under, number, `other ${number}`, { packetId: number + 1 }));
    }
    const tooLarge = delivery(first, under, 3, 'too large', { packetId: 3 });
    first.journal.enqueued(session, tooLarge);
    first.journal.finished(session, tooLarge.position);
    await first.commit();
    first.journal.ended(other);
    first.journal.sent(session, delivery(first, under, 2, '2', { packetId: 9 }));
    await first.commit();
    const expected = [
      { text: '0', packetId: 1, isReceived: false },
      { text: '1', packetId: 2, isReceived: false },
      { text: '2', packetId: 9, isReceived: false },
    ];
    for (let time = 0; time < 2; time++) {
      const next = await run(under);
      expect(await next.queued(session)).toEqual(expected);
      expect([next.sessions.size, next.sessions.get('c')!.queuedMessages]).toEqual([1, 3]);
      expect(await next.queued(other)).toEqual([]);
    }
  },
  'a packet identifier that is given again stands for its last delivery only': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const [a, b, c] = ['a', 'b', 'c'].map((text, number) => delivery(first, under, number, text, { packetId: 7 }));
    first.journal.enqueued(session, a);
    first.journal.enqueued(session, delivery(first, under, 3, 'waits'));
    await first.commit();
    first.journal.finished(session, a.position);
    first.journal.enqueued(session, b);
    await first.commit();
    first.journal.finished(session, b.position);
    first.journal.enqueued(session, { ...c, position: c.position + 5 });
    await first.commit();
    expect(await (await run(under)).queued(session)).toEqual([
      { text: 'waits', packetId: 0, isReceived: false },
      { text: 'c', packetId: 7, isReceived: false },
    ]);
  },
  'QoS 1 that was sent at once and acknowledged does not come again after a stop': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const deliveries = ['a', 'b', 'c', 'd'].map((text, number) => delivery(first, under, number, text, { packetId: number + 1 }));
    for (const each of deliveries) first.journal.enqueued(session, each);
    await first.commit();
    for (const { position } of [deliveries[2], deliveries[0]]) first.journal.finished(session, position);
    await first.journal.stop();
    expect(await (await run(under)).texts(session)).toEqual(['b', 'd']);
  },
  'a delivery that comes, is sent and ends within one batch leaves nothing': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const short = delivery(first, under, 0, 'short', { qos: 2 });
    first.journal.enqueued(session, short);
    first.journal.sent(session, { ...short, packetId: 1 });
    first.journal.received(session, short.position, 1);
    first.journal.finished(session, short.position);
    first.journal.subscribed(session, subscription('short'));
    first.journal.unsubscribed(session, 'short');
    await first.commit();
    const second = await run(under);
    expect([await second.texts(session), second.sessions.get('c')!.subscriptions]).toEqual([[], []]);
  },
  'inbound QoS 2 identifiers are kept until they are released': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    for (const packetId of [5, 65_535, 6]) first.journal.inboundReceived(session, packetId);
    first.journal.inboundReleased(session, 6);
    await first.commit();
    first.journal.inboundReleased(session, 5);
    first.journal.inboundReceived(session, 6);
    await first.commit();
    expect([...(await run(under)).sessions.get('c')!.receivedPacketIds].sort((x, y) => x - y)).toEqual([6, 65_535]);
  },
  'incarnations and positions are never used twice, in whatever run': async (under) => {
    const incarnations = new Set<bigint>();
    const firsts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { journal } = await run(under);
      for (let j = 0; j < 3; j++) incarnations.add(journal.nextIncarnation());
      firsts.push(journal.firstPosition);
      expect(Number.isSafeInteger(journal.firstPosition + 1_000_000)).toBe(true);
    }
    expect(incarnations.size).toBe(9);
    expect(firsts[1]).toBeGreaterThan(firsts[0] + 1_000_000);
    expect(firsts[2]).toBeGreaterThan(firsts[1] + 1_000_000);
  },
  'the end of a session takes everything with it, and what comes late for it has no effect': async (under) => {
    const first = await run(under);
    const old = begin(first, 'c');
    first.journal.subscribed(old, subscription('old'));
    first.journal.inboundReceived(old, 4);
    first.journal.enqueued(old, delivery(first, under, 0, 'old'));
    await first.commit();
    first.journal.ended(old);
    const next = begin(first, 'c');
    first.journal.subscribed(next, subscription('next'));
    first.journal.enqueued(next, delivery(first, under, 0, 'next'));
    await first.commit();
    first.journal.subscribed(old, subscription('late'));
    first.journal.enqueued(old, delivery(first, under, 1, 'late'));
    first.journal.finished(old, first.journal.firstPosition);
    first.journal.ended(old);
    await first.commit();
    const second = await run(under);
    const back = second.sessions.get('c')!;
    expect(back).toMatchObject({ ...next, receivedPacketIds: [], queuedMessages: 1 });
    expect(back.subscriptions.map(({ requested }) => requested)).toEqual(['next']);
    expect([await second.texts(next), await second.texts(old)]).toEqual([['next'], []]);
    second.journal.ended(next);
    await second.commit();
    expect((await run(under)).sessions.size).toBe(0);
  },
  'retained messages are replaced and deleted by topic': async (under) => {
    const first = await run(under);
    const put = (topicName: string, text: string) =>
      first.journal.retained(under.message({ topicName, payload: new TextEncoder().encode(text), retain: true }));
    put('a', '1');
    put('b', '1');
    put('A', 'other');
    put('/'.repeat(60), 'levels');
    await first.commit();
    put('a', '2');
    put('a', '3');
    put('b', '');
    put('c', 'short');
    put('c', '');
    await first.commit();
    expect([...(await run(under)).retained].sort()).toEqual([
      ['/'.repeat(60), 'levels'],
      ['A', 'other'],
      ['a', '3'],
    ]);
  },
  'what waits for a group is there for the first member to come': async (under) => {
    const first = await run(under);
    const { firstPosition } = first.journal;
    for (const [number, text] of ['x', 'y', 'z'].entries()) {
      const message = under.message({ topicName: 'a/b', payload: new TextEncoder().encode(text), qos: 2 });
      first.journal.groupEnqueued('$share/g/a/+', firstPosition + number, message);
    }
    first.journal.groupEnqueued('$share/other/a/+', firstPosition, under.message({ topicName: 'a/b', qos: 1 }));
    await first.commit();
    first.journal.groupFinished('$share/g/a/+', firstPosition);
    first.journal.groupFinished('$share/other/a/+', firstPosition);
    await first.commit();
    const second = await run(under);
    expect([...second.groups.keys()]).toEqual(['$share/g/a/+']);
    expect(second.groups.get('$share/g/a/+')).toMatchObject({ queuedMessages: 2, lastPosition: firstPosition + 2 });
    const [y] = await second.journal.pageGroup('$share/g/a/+', 0, 1);
    const [z] = await second.journal.pageGroup('$share/g/a/+', y.position, 10);
    expect([textOf(y.message), textOf(z.message), y.message.qos, y.packetId]).toEqual(['y', 'z', 2, 0]);
  },
  'an end that is awaited is committed like everything else': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    const waiting = delivery(first, under, 0, 'a', { qos: 2 });
    first.journal.enqueued(session, waiting);
    const { firstPosition } = first.journal;
    first.journal.groupEnqueued('$share/g/t', firstPosition, under.message({ topicName: 't', qos: 2 }));
    await first.commit();
    first.journal.finished(session, waiting.position, true);
    await first.commit();
    first.journal.groupFinished('$share/g/t', firstPosition, true);
    await first.commit();
    const second = await run(under);
    expect(second.sessions.get('c')).toMatchObject({ queuedMessages: 0 });
    expect([...second.groups.keys()]).toEqual([]);
  },
  'a group that ends leaves nothing': async (under) => {
    const first = await run(under);
    const { firstPosition } = first.journal;
    const enqueue = (group: string, number: number) =>
      first.journal.groupEnqueued(group, firstPosition + number, under.message({ topicName: 't', qos: 1 }));
    for (let number = 0; number < 5; number++) enqueue('$share/g/t', number);
    enqueue('$share/stays/t', 0);
    await first.commit();
    enqueue('$share/g/t', 5);
    first.journal.groupEnded('$share/g/t');
    await first.commit();
    const second = await run(under);
    expect([...second.groups.keys()]).toEqual(['$share/stays/t']);
    expect(await second.journal.pageGroup('$share/g/t', 0, 10)).toEqual([]);
  },
  'a thousand deliveries and their ends, in many batches': async (under) => {
    const first = await run(under);
    const session = begin(first, 'c');
    for (let i = 0; i < 1000; i++) {
      first.journal.enqueued(session, delivery(first, under, i, `${i}`));
      if (i % 3 === 0) first.journal.finished(session, first.journal.firstPosition + Math.floor(i / 2));
      if (i % 7 === 0) first.journal.endTurn();
    }
    await first.commit();
    const ended = new Set(Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? Math.floor(i / 2) : -1)));
    const expected = Array.from({ length: 1000 }, (_, i) => i).filter((i) => !ended.has(i));
    const second = await run(under);
    expect((await second.queued(session, 64)).map(({ text }) => Number(text))).toEqual(expected);
    expect(second.sessions.get('c')!.queuedMessages).toBe(expected.length);
  },
};
