import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JournalUnderTest, journalSuite } from '@si-mqtt/conformance/vitest';
import { type Env, Message } from '@si-mqtt/session';
import { type LogStore, openSqliteLogStore, StoreJournal } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';

const env: Env = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  sleep: (milliseconds, cancelled) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      void cancelled?.then(() => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

const message: JournalUnderTest['message'] = (content) => {
  const whole = { payload: new Uint8Array(), qos: 0, retain: false, ...content } as const;
  return Message.of(whole, { clientId: 'publisher', userName: 'user' }, Date.now());
};

for (const rowsWithRecord of [true, false]) {
  journalSuite({
    name: `StoreJournal on the simulated store, rows ${rowsWithRecord ? 'with' : 'after'} their record`,
    start: () => {
      const database = new SimulatedDatabase();
      return Promise.resolve({
        open: () =>
          Promise.resolve(new StoreJournal(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord), env, { watchMilliseconds: 0 })),
        message,
        stop: () => Promise.resolve(),
      });
    },
  });
}

journalSuite({
  name: 'StoreJournal on SQLite',
  start: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-journal-'));
    let store: LogStore | undefined;
    return {
      open: async () => {
        // A process that has died has let go of the file.
        await store?.close();
        store = await openSqliteLogStore({ path: join(folder, 'store.db'), durability: 'flushed', reserveBytes: 0 });
        return new StoreJournal(store, env, { watchMilliseconds: 0 });
      },
      message,
      stop: async () => {
        await store?.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});
