import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalSuite } from '@si-mqtt/conformance/vitest';
import { type LogStore, openSqliteLogStore, StoreJournal } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { journalMessage } from './journal-parts.js';
import { realEnv } from './real-env.js';

for (const lazy of [false, true]) {
  const mode = lazy ? 'lazy' : 'eager';
  for (const rowsWithRecord of [true, false]) {
    journalSuite({
      name: `StoreJournal on the simulated store, rows ${rowsWithRecord ? 'with' : 'after'} their record, ${mode}`,
      start: () => {
        const database = new SimulatedDatabase();
        const open = () => {
          const store = new SimulatedLogStore(database, new NoFaults(), rowsWithRecord);
          return Promise.resolve(new StoreJournal(store, realEnv, { watchMilliseconds: 0, lazy }));
        };
        return Promise.resolve({ open, message: journalMessage, stop: () => Promise.resolve() });
      },
    });
  }

  sqliteSuite(mode, lazy);
}

function sqliteSuite(mode: string, lazy: boolean): void {
  journalSuite({
    name: `StoreJournal on SQLite, ${mode}`,
    start: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-journal-'));
      let store: LogStore | undefined;
      return {
        open: async () => {
          // A process that has died has let go of the file.
          await store?.close();
          store = await openSqliteLogStore({ path: join(folder, 'store.db'), durability: 'flushed', reserveBytes: 0 });
          return new StoreJournal(store, realEnv, { watchMilliseconds: 0, lazy });
        },
        message: journalMessage,
        stop: async () => {
          await store?.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  });
}
