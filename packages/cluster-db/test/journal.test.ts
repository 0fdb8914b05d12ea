import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openSqliteLogStore } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { storeJournalSuites } from './journal-parts.js';

for (const rowsWithRecord of [true, false]) {
  storeJournalSuites(`the simulated store, rows ${rowsWithRecord ? 'with' : 'after'} their record`, () => {
    const database = new SimulatedDatabase();
    const open = () => Promise.resolve(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord));
    return Promise.resolve({ open, remove: () => Promise.resolve() });
  });
}

storeJournalSuites('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-journal-'));
  let store: LogStore | undefined;
  return {
    open: async () => {
      // A process that has died has let go of the file.
      await store?.close();
      store = await openSqliteLogStore({ path: join(folder, 'store.db'), durability: 'flushed', reserveBytes: 0 });
      return store;
    },
    remove: () => rm(folder, { recursive: true }),
  };
});
