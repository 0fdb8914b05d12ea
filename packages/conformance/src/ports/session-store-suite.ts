import { type AcquireRequest, type SessionLease, type SessionStore } from '@si-mqtt/session';
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
    ...request,
  });
  if (lease === 'unavailable') throw new Error('the store is unavailable');
  return lease;
}

/** Whether the lease was lost by now, and why. */
function lostBy(lease: SessionLease): Promise<'takenOver' | 'ended' | 'held'> {
  return Promise.race([lease.lost, new Promise<'held'>((resolve) => setTimeout(() => resolve('held'), 20))]);
}

const sessionTests: Readonly<Record<string, (under: Under) => Promise<void>>> = {
  'a session is new the first time, and there the next time': async (under) => {
    const lease = await acquire(under, 'c');
    expect([lease.clientId, lease.sessionPresent]).toEqual(['c', false]);
    expect(await lease.detach(300)).toBe('committed');
    const again = await acquire(under, 'c');
    expect([again.sessionPresent, again.incarnation]).toEqual([true, lease.incarnation]);
    expect((await acquire(under, 'other')).sessionPresent).toBe(false);
  },
  'a newer lease fences the older one, which changes nothing any more': async (under) => {
    const old = await acquire(under, 'c');
    expect(await lostBy(old)).toBe('held');
    const taker = await acquire(under, 'c');
    expect([taker.sessionPresent, taker.incarnation, await lostBy(old)]).toEqual([true, old.incarnation, 'takenOver']);
    expect(await old.detach(0)).toBe('fenced');
    await old.end();
    expect(await lostBy(taker)).toBe('held');
    expect((await acquire(under, 'c')).incarnation).toBe(old.incarnation);
  },
  'of many who acquire at once, one holds the session at the end': async (under) => {
    const leases = await Promise.all(Array.from({ length: 8 }, () => acquire(under, 'c')));
    expect(new Set(leases.map(({ incarnation }) => incarnation)).size).toBe(1);
    const outcomes = await Promise.all(leases.map((lease) => lease.detach(300)));
    expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
  },
  'a clean start ends the old session and begins another': async (under) => {
    const old = await acquire(under, 'c');
    const clean = await acquire(under, 'c', { cleanStart: true });
    expect([clean.sessionPresent, await lostBy(old), await old.detach(300)]).toEqual([false, 'ended', 'fenced']);
    expect(clean.incarnation).not.toBe(old.incarnation);
  },
  'a session without a connection expires when its interval has passed': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.detach(10);
    await under.advance(9_000);
    const early = await acquire(under, 'c');
    expect(early.sessionPresent).toBe(true);
    await under.advance(60_000);
    expect(await early.detach(10), 'a session that is held does not expire').toBe('committed');
    await under.advance(10_001);
    const late = await acquire(under, 'c');
    expect(late.sessionPresent).toBe(false);
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
  'end removes the session and can be repeated': async (under) => {
    const lease = await acquire(under, 'c');
    await lease.end();
    await lease.end();
    expect(await lostBy(lease)).toBe('ended');
    expect(await under.store.list('', 10)).toEqual([]);
    expect((await acquire(under, 'c')).sessionPresent).toBe(false);
  },
  'operations of one lease take effect in the order of the calls': async (under) => {
    const lease = await acquire(under, 'c');
    await Promise.all([lease.detach(300), lease.end()]);
    expect((await acquire(under, 'c')).sessionPresent).toBe(false);
    const other = await acquire(under, 'd');
    const [first, second] = await Promise.all([other.detach(300), other.detach(0)]);
    expect([first, second], 'a lease that was given back holds nothing').toEqual(['committed', 'fenced']);
    expect((await acquire(under, 'd')).sessionPresent).toBe(true);
  },
  'lost settles once, with the first reason, for whoever asks and whenever': async (under) => {
    const old = await acquire(under, 'c');
    const early = old.lost;
    await acquire(under, 'c');
    await acquire(under, 'c', { cleanStart: true });
    expect(await Promise.all([early, old.lost])).toEqual(['takenOver', 'takenOver']);
  },
  'client ids are told apart byte by byte': async (under) => {
    const clientIds = ['a', 'A', 'a ', ' a', 'ä', 'a\u0308', 'a/b', '%', 'x'.repeat(65_535)];
    for (const clientId of clientIds) expect((await acquire(under, clientId)).sessionPresent, clientId.slice(0, 10)).toBe(false);
    for (const clientId of clientIds) expect((await acquire(under, clientId)).sessionPresent, clientId.slice(0, 10)).toBe(true);
  },
  'a session belongs to the user who began it': async (under) => {
    await (await acquire(under, 'c', { userName: undefined })).detach(300);
    await (await acquire(under, 'c', { userName: 'other' })).detach(300);
    expect((await under.store.list('', 1))[0]).toMatchObject({ clientId: 'c', userName: undefined });
  },
  'list leaves out what has expired or ended': async (under) => {
    await (await acquire(under, 'short')).detach(10);
    await (await acquire(under, 'long')).detach(1000);
    await (await acquire(under, 'gone')).end();
    await under.advance(10_001);
    expect((await under.store.list('', 10)).map(({ clientId }) => clientId)).toEqual(['long']);
  },
  'list goes through the client ids in order': async (under) => {
    for (const clientId of ['b', 'd', 'a', 'c']) await acquire(under, clientId);
    const lease = await acquire(under, 'b');
    await lease.detach(300);
    const first = await under.store.list('', 3);
    expect(first.map(({ clientId }) => clientId)).toEqual(['a', 'b', 'c']);
    expect((await under.store.list('c', 3)).map(({ clientId }) => clientId)).toEqual(['d']);
    expect(first[1]).toMatchObject({ userName: 'user', incarnation: lease.incarnation, connected: false });
    expect([first[0].connected, first[0].expiresAt]).toEqual([true, Infinity]);
    expect(first[1].expiresAt).toBeLessThan(Infinity);
  },
};
