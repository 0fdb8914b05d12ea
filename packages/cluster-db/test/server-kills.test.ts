import { startMariadb } from '@si-mqtt/services';
import { type JournalCondition, Message, type SessionKey } from '@si-mqtt/session';
import { createConnection } from 'mysql2/promise';
import { afterAll, describe, expect, it } from 'vitest';
import { openMysqlLogStore, StoreJournal } from '../src/index.js';
import { silentHost } from './journal-parts.js';
import { realEnv } from './real-env.js';

/** A server of its own: it is killed. */
const service = await startMariadb();
afterAll(() => service?.stop());
const kills = 5;

describe.skipIf(service === undefined)('MariaDB is killed (`pnpm services` as root installs it)', () => {
  it('and starts again: what was acknowledged is there once, in order, and work goes on by itself', { timeout: 120_000 }, async () => {
    const { url, kill, restart } = service!;
    const admin = await createConnection(url);
    await admin.query('CREATE DATABASE si_kills');
    await admin.end();
    const open = async () => {
      const own = new URL(url);
      own.pathname = '/si_kills';
      return new StoreJournal(await openMysqlLogStore({ url: own.href }), realEnv, { watchMilliseconds: 0, refuseAfterSeconds: 1 });
    };
    const journal = await open();
    const conditions: JournalCondition[] = [];
    await journal.start({ ...silentHost, conditionChanged: () => void conditions.push(journal.condition) });
    const session: SessionKey = { clientId: 'c', incarnation: journal.nextIncarnation() };
    journal.connected(session, { userName: undefined, protocolVersion: 5, sessionExpiryInterval: 3600, will: undefined });
    let given = 0;
    let isDone = false;
    const recorded = new Map<number, number>();
    const publisher = (async () => {
      while (!isDone) {
        for (let i = 0; i < 5; i += 1) {
          const text = String(given);
          const content = { topicName: 't', payload: new TextEncoder().encode(text), qos: 2, retain: false } as const;
          journal.enqueued(session, {
            position: journal.firstPosition + given,
            message: Message.of(content, { clientId: 'p', userName: undefined }, Date.now()),
            qos: 2,
            retain: false,
            subscriptionIdentifiers: undefined,
            sharedSubscription: undefined,
            packetId: 0,
          });
          recorded.set(given, journal.openBatch);
          given += 1;
        }
        journal.endTurn();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let count = 0; count < kills; count += 1) {
      const { committedBatch } = journal;
      while (journal.committedBatch < committedBatch + 5) await new Promise((resolve) => setTimeout(resolve, 5));
      await kill();
      await new Promise((resolve) => setTimeout(resolve, count === 0 ? 2000 : 50));
      await restart();
    }
    const { committedBatch } = journal;
    while (journal.committedBatch < committedBatch + 5) await new Promise((resolve) => setTimeout(resolve, 5));
    isDone = true;
    await publisher;
    // The node dies now; only what it said to be committed has to be there.
    const acknowledged = [...recorded].filter(([, batch]) => batch <= journal.committedBatch).length;
    expect(conditions).toContain('unavailable');
    expect(journal.condition).toBe('ready');
    const next = await open();
    await next.start(silentHost);
    const found: number[] = [];
    for (let after = 0; ; ) {
      const page = await next.page(session, after, 500);
      if (page.length === 0) break;
      for (const { message } of page) found.push(Number(new TextDecoder().decode(message.payload)));
      after = page[page.length - 1].position;
    }
    expect(found.length).toBeGreaterThanOrEqual(acknowledged);
    expect(found).toEqual(Array.from({ length: found.length }, (_, index) => index));
    await next.stop();
    await journal.stop().catch(() => undefined);
  });
});
