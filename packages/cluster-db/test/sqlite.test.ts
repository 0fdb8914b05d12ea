import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLogStore } from '../src/index.js';
import { logStoreSuite } from './log-store-suite.js';

logStoreSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-sqlite-'));
  return {
    open: () => openSqliteLogStore({ path: join(folder, 'data', 'store.db'), durability: 'flushed', reserveBytes: 4096 }),
    remove: () => rm(folder, { recursive: true }),
  };
});
