import { openSqliteLogStore, StoreJournal } from '@si-mqtt/cluster-db';
import { NodeEnv } from '@si-mqtt/server';
import { type Journal } from '@si-mqtt/session';
import { type StorageConfiguration } from './configuration.js';

/** Opens what outlives the process; undefined: nothing does. Rejects with a `StoreUnusable`, one line for the operator. */
export async function openJournal(storage: StorageConfiguration): Promise<Journal | undefined> {
  if (storage.driver === 'memory') return undefined;
  const { path, durability, maxBytes, reserveBytes, pendingBytesMax, refuseAfterSeconds } = storage;
  const store = await openSqliteLogStore({ path, durability, maxBytes, reserveBytes });
  // The file is locked: nobody else can be in it.
  return new StoreJournal(store, new NodeEnv(), { watchMilliseconds: 0, pendingBytesMax, refuseAfterSeconds });
}
