import { type AcquireRequest, type SessionLease, type SessionOperation, type SessionStore, type Subscription } from '@si-mqtt/session';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type StoreUnderTest } from './retained-store-suite.js';

export interface SessionStoreSuiteOptions {
  readonly name: string;
  /** A new, empty store for every test. */
  readonly start: () => Promise<StoreUnderTest<SessionStore>>;
  readonly skip?: readonly { readonly title: string; readonly reason: string }[];
}

/** What every SessionStore has to do (packages/session/src/ports/session-store.ts). */
export function sessionStoreSuite(options: SessionStoreSuiteOptions): void {
  describe(options.name, () => {
    let under: StoreUnderTest<SessionStore>;
    beforeEach(async () => {
      under = await options.start();
    });
    afterEach(() => under.stop());

    for (const [title, run] of Object.entries(sessionTests)) {
      const skipped = options.skip?.find((entry) => entry.title === title);
      test(title, async (context) => {
        if (skipped !== undefined) context.skip(skipped.reason);
        await run(under);
      });
    }
  });
}

type Under = StoreUnderTest<SessionStore>;

async function acquire({ store }: Under, clientId: string, request: Partial<AcquireRequest> = {}): Promise<SessionLease> {
  const lease = await store.acquire({
    clientId,
    userName: 'user',
    cleanStart: false,
    sessionExpiryInterval: 300,
    will: undefined,
    ...request,
  });
  if (lease === 'unavailable') throw new Error('the store is unavailable');
  return lease;
}

function subscription(requested: string, qos: 0 | 1 | 2 = 1): Subscription {
  return {
    requested,
    topicFilter: requested,
    shareName: undefined,
    qos,
    noLocal: false,
    retainAsPublished: true,
    subscriptionIdentifier: 7,
    mayReceive: undefined,
  };
}

function enqueue({ message }: Under, text: string, qos: 0 | 1 | 2 = 1): SessionOperation {
  const delivery = { message: message({ topicName: 't', payload: new TextEncoder().encode(text), qos }), qos, retain: false };
  return { operation: 'enqueue', delivery: { ...delivery, subscriptionIdentifiers: [3] } };
}

async function queued(lease: SessionLease, limit: number = 2): Promise<{ text: string; packetId: number; released: boolean }[]> {
  const found: { text: string; packetId: number; released: boolean }[] = [];
  let after: bigint | undefined;
  do {
    const page = await lease.page(after, limit);
    expect(page.deliveries.length).toBeLessThanOrEqual(limit);
    for (const { message, packetId, released } of page.deliveries) {
      found.push({ text: new TextDecoder().decode(message.payload), packetId, released });
    }
    after = page.after;
  } while (after !== undefined);
  return found;
}

async function texts(lease: SessionLease): Promise<string[]> {
  return (await queued(lease)).map(({ text }) => text);
}

/** Whether the lease was lost by now, and why. */
function lostBy(lease: SessionLease): Promise<'takenOver' | 'ended' | 'held'> {
  return Promise.race([lease.lost, new Promise<'held'>((resolve) => setTimeout(() => resolve('held'), 20))]);
}

const sessionTests: Readonly<Record<string, (under: Under) => Promise<void>>> = {
  'a new session is empty, and is there the next time': async (under) => {
    const lease = await acquire(under, 'c');
    expect([lease.clientId, lease.sessionPresent]).toEqual(['c', false]);
    expect(lease.state).toMatchObject({ subscriptions: [], receivedPacketIds: [] });
    expect(await queued(lease)).toEqual([]);
    expect(await lease.detach(300)).toBe('committed');
    const again = await acquire(under, 'c');
    expect([again.sessionPresent, again.incarnation]).toEqual([true, lease.incarnation]);
    expect((await acquire(under, 'other')).sessionPresent).toBe(false);
  },
  'subscriptions are replaced by what the client wrote, and removed by it': async (under) => {
    const lease = await acquire(under, 'c');
    const operations = [
      { operation: 'subscribe', subscription: subscription('a/+') },
      { operation: 'subscribe', subscription: subscription('$share/g/a/+') },
      { operation: 'subscribe', subscription: subscription('gone') },
      { operation: 'subscribe', subscription: subscription('a/+', 2) },
      { operation: 'unsubscribe', requested: 'gone' },
      { operation: 'unsubscribe', requested: 'never' },
    ] as const;
    expect(await lease.commit(operations)).toBe('committed');
    await lease.detach(300);
    const { subscriptions } = (await acquire(under, 'c')).state;
    expect(subscriptions.map(({ requested, qos }) => [requested, qos]).sort()).toEqual([
      ['$share/g/a/+', 1],
      ['a/+', 2],
    ]);
    expect(subscriptions[0]).toMatchObject({ noLocal: false, retainAsPublished: true, subscriptionIdentifier: 7 });
  },
  'deliveries come in their order, in pages, with all they were given': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.commit([enqueue(under, 'a', 2), enqueue(under, 'b', 1)]);
    await lease.commit([enqueue(under, 'c', 1), enqueue(under, 'd', 2), enqueue(under, 'e', 1)]);
    expect(await texts(lease)).toEqual(['a', 'b', 'c', 'd', 'e']);
    const [first, second] = (await lease.page(undefined, 2)).deliveries;
    expect(first).toMatchObject({ qos: 2, retain: false, subscriptionIdentifiers: [3], packetId: 0, released: false });
    expect(second.position > first.position).toBe(true);
    await lease.detach(300);
    expect(await texts(await acquire(under, 'c'))).toEqual(['a', 'b', 'c', 'd', 'e']);
  },
  'the state of a delivery outlives the connection, and its place in the order': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.commit([enqueue(under, 'a', 2), enqueue(under, 'b', 2), enqueue(under, 'c', 1)]);
    const [a, b, c] = (await lease.page(undefined, 10)).deliveries;
    await lease.commit([
      { operation: 'assignPacketId', position: b.position, packetId: 9 },
      { operation: 'assignPacketId', position: a.position, packetId: 8 },
      { operation: 'received', packetId: 9 },
      { operation: 'release', position: c.position },
    ]);
    await lease.detach(300);
    expect(await queued(await acquire(under, 'c'))).toEqual([
      { text: 'a', packetId: 8, released: false },
      { text: 'b', packetId: 9, released: true },
    ]);
  },
  'inbound QoS 2 identifiers are kept until they are released': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.commit([5, 6, 5].map((packetId) => ({ operation: 'receiveInbound', packetId }) as const));
    await lease.commit([{ operation: 'releaseInbound', packetId: 6 }]);
    await lease.detach(300);
    expect((await acquire(under, 'c')).state.receivedPacketIds).toEqual([5]);
  },
  'positions are never used twice': async (under) => {
    const [one, two] = [await acquire(under, 'one'), await acquire(under, 'two')];
    await one.commit([enqueue(under, 'a')]);
    const [{ position }] = (await one.page(undefined, 1)).deliveries;
    await one.commit([{ operation: 'release', position }]);
    await one.commit([enqueue(under, 'b')]);
    await two.commit([enqueue(under, 'c')]);
    const seen = [position, (await one.page(undefined, 1)).deliveries[0].position, (await two.page(undefined, 1)).deliveries[0].position];
    expect(new Set(seen).size).toBe(3);
  },
  'a newer lease fences the older one, which changes nothing any more': async (under) => {
    const old = await acquire(under, 'c');
    await old.commit([enqueue(under, 'kept')]);
    expect(await lostBy(old)).toBe('held');
    const taker = await acquire(under, 'c');
    expect([taker.sessionPresent, taker.incarnation, await lostBy(old)]).toEqual([true, old.incarnation, 'takenOver']);
    expect(await old.commit([enqueue(under, 'too late'), { operation: 'subscribe', subscription: subscription('x') }])).toBe('fenced');
    expect(await old.detach(0)).toBe('fenced');
    await old.end();
    expect([await texts(taker), taker.state.subscriptions, await lostBy(taker)]).toEqual([['kept'], [], 'held']);
    expect(await taker.commit([enqueue(under, 'new')])).toBe('committed');
  },
  'of many who acquire at once, one holds the session at the end': async (under) => {
    const leases = await Promise.all(Array.from({ length: 8 }, () => acquire(under, 'c')));
    const outcomes = await Promise.all(leases.map((lease) => lease.commit([enqueue(under, 'x')])));
    expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
    expect(await texts(leases[outcomes.indexOf('committed')])).toEqual(['x']);
    expect(new Set(leases.map(({ incarnation }) => incarnation)).size).toBe(1);
  },
  'a clean start ends the old session and begins another': async (under) => {
    const old = await acquire(under, 'c');
    await old.commit([{ operation: 'subscribe', subscription: subscription('a') }, enqueue(under, 'x')]);
    const clean = await acquire(under, 'c', { cleanStart: true });
    expect([clean.sessionPresent, await lostBy(old), await old.commit([])]).toEqual([false, 'ended', 'fenced']);
    expect(clean.incarnation).not.toBe(old.incarnation);
    expect([clean.state.subscriptions, await texts(clean)]).toEqual([[], []]);
  },
  'a session without a connection expires when its interval has passed': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.detach(10);
    await under.advance(9_000);
    const early = await acquire(under, 'c');
    expect(early.sessionPresent).toBe(true);
    await under.advance(60_000);
    expect(await early.commit([enqueue(under, 'held sessions do not expire')])).toBe('committed');
    await early.detach(10);
    await under.advance(10_001);
    const late = await acquire(under, 'c');
    expect([late.sessionPresent, await texts(late)]).toEqual([false, []]);
    expect(late.incarnation).not.toBe(lease.incarnation);
  },
  'an interval of Infinity never expires, one of 0 ends the session at once': async (under) => {
    const forever = await acquire(under, 'forever');
    await forever.detach(Infinity);
    const ending = await acquire(under, 'ending');
    expect(await ending.detach(0)).toBe('committed');
    expect(await lostBy(ending)).toBe('ended');
    expect((await acquire(under, 'ending')).sessionPresent).toBe(false);
    await under.advance(100 * 365 * 86_400_000);
    expect((await acquire(under, 'forever')).sessionPresent).toBe(true);
  },
  'end removes everything and can be repeated': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.commit([enqueue(under, 'x')]);
    await lease.end();
    await lease.end();
    expect(await lostBy(lease)).toBe('ended');
    expect(await under.store.list('', 10)).toEqual([]);
    const next = await acquire(under, 'c');
    expect([next.sessionPresent, await texts(next)]).toEqual([false, []]);
  },
  'the will of the last acquisition is kept': async (under) => {
    const will = { topicName: 'w', payload: Uint8Array.of(1, 2), qos: 1, retain: true } as const;
    await acquire(under, 'c', { will });
    expect((await acquire(under, 'c', { will })).state.will).toEqual(will);
    expect((await acquire(under, 'c')).state.will).toBeUndefined();
  },
  'list goes through the client ids in order': async (under) => {
    for (const clientId of ['b', 'd', 'a', 'c']) await acquire(under, clientId);
    const lease = await acquire(under, 'b');
    await lease.commit([{ operation: 'subscribe', subscription: subscription('x') }, enqueue(under, 'y'), enqueue(under, 'z')]);
    await lease.detach(300);
    const first = await under.store.list('', 3);
    expect(first.map(({ clientId }) => clientId)).toEqual(['a', 'b', 'c']);
    expect((await under.store.list('c', 3)).map(({ clientId }) => clientId)).toEqual(['d']);
    expect(first[1]).toMatchObject({ userName: 'user', incarnation: lease.incarnation, connected: false, subscriptions: 1, queued: 2 });
    expect([first[0].connected, first[0].expiresAt]).toEqual([true, Infinity]);
    expect(first[1].expiresAt).toBeLessThan(Infinity);
  },
};
