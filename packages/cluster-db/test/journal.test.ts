import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalSuite } from '@si-mqtt/conformance/vitest';
import { type LogStore, openSqliteLogStore, StoreJournal } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { journalMessage, realEnv } from './journal-parts.js';

for (const rowsWithRecord of [true, false]) {
  journalSuite({
    name: `StoreJournal on the simulated store, rows ${rowsWithRecord ? 'with' : 'after'} their record`,
    start: () => {
      const database = new SimulatedDatabase();
      return Promise.resolve({
        open: () =>
          Promise.resolve(
            new StoreJournal(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord), realEnv, { watchMilliseconds: 0 }),
          ),
        message: journalMessage,
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
        return new StoreJournal(store, realEnv, { watchMilliseconds: 0 });
      },
      message: journalMessage,
      stop: async () => {
        await store?.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});
