import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SessionKey } from '@si-mqtt/session';
import { expect, it, onTestFinished } from 'vitest';
import { openSqliteLogStore, StoreJournal } from '../src/index.js';
import { journalMessage } from './journal-parts.js';
import { realEnv } from './real-env.js';

const MIB = 1024 * 1024;
const sessions = 20;
const messages = 40_000;
const perTurn = 500;
const nothing = () => undefined;

it('what waited for absent sessions and was drained leaves no rows and no large file, also the second time', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-size-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'store.db');
  const store = await openSqliteLogStore({ path, durability: 'flushed', reserveBytes: 0 });
  const journal = new StoreJournal(store, realEnv, { watchMilliseconds: 0, beatMilliseconds: 100 });
  await journal.start({
    restoreSession: nothing,
    restoreRetained: nothing,
    restoreGroup: nothing,
    turnBegan: nothing,
    committed: nothing,
    conditionChanged: nothing,
    refused: nothing,
    fenced: nothing,
  });
  const keys = Array.from(
    { length: sessions },
    (_, index): SessionKey => ({ clientId: `c${index}`, incarnation: journal.nextIncarnation() }),
  );
  for (const key of keys) journal.connected(key, { userName: undefined, protocolVersion: 5, sessionExpiryInterval: 3600, will: undefined });
  const message = journalMessage({ topicName: 't', payload: new Uint8Array(1000), qos: 1 });
  const rest = { message, qos: 1, retain: false, subscriptionIdentifiers: undefined, sharedSubscription: undefined, packetId: 0 } as const;
  const bytes = () => ['', '-wal'].reduce((sum, end) => sum + (statSync(path + end, { throwIfNoEntry: false })?.size ?? 0), 0);
  const committed = async () => {
    const batch = journal.openBatch;
    journal.endTurn();
    await expect.poll(() => journal.committedBatch, { interval: 1, timeout: 30_000 }).toBeGreaterThanOrEqual(batch - 1);
  };
  /** Longer than until the store looks again for what to give back. */
  const isSettled = async () => {
    const before = bytes();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return bytes() === before;
  };
  let position = journal.firstPosition;
  const start = bytes();
  const peaks: number[] = [];
  const ends: number[] = [];
  for (let round = 0; round < 2; round++) {
    const first = position;
    for (; position < first + messages; ) {
      for (let n = 0; n < perTurn; n++, position++) journal.enqueued(keys[position % sessions], { ...rest, position });
      await committed();
    }
    peaks.push(bytes());
    for (let drained = first; drained < position; ) {
      for (let n = 0; n < perTurn; n++, drained++) journal.finished(keys[drained % sessions], drained);
      await committed();
    }
    await expect.poll(async () => (await store.statistics()).rows.outq, { timeout: 30_000 }).toBe(0);
    // Space is given back bit by bit, behind what is removed.
    await expect.poll(() => bytes() - start, { timeout: 30_000 }).toBeLessThan(round === 0 ? 64 * MIB : ends[0] - start + MIB);
    await expect.poll(isSettled, { timeout: 30_000 }).toBe(true);
    ends.push(bytes());
  }
  expect(peaks[0] - start, 'else there is nothing to give back').toBeGreaterThan(80 * MIB);
  expect(ends[1]).toBeLessThan(ends[0] + MIB);
  await journal.stop();
});
