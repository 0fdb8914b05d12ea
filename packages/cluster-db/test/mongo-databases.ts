import { startFerretdb } from '@si-mqtt/services';
import { MongoClient } from 'mongodb';
import { tableNames } from '../src/rows.js';
import { type DatabaseServer } from './mysql-databases.js';

let made = 0;

function serverAt(url: string, stop: () => Promise<void>): DatabaseServer {
  const free: string[] = [];
  const client = new MongoClient(url);
  return {
    newDatabase: (isNew = false) => {
      const name = (isNew ? undefined : free.pop()) ?? `si_${process.pid}_${++made}`;
      const own = new URL(url);
      own.pathname = `/${name}`;
      const remove = async () => {
        const database = client.db(name);
        if (isNew) {
          await database.dropDatabase();
          return;
        }
        for (const collection of [...tableNames, 'seats', 'wlog', 'meta']) await database.collection(collection).deleteMany({});
        free.push(name);
      };
      return Promise.resolve({ url: own.href, remove });
    },
    stop: async () => {
      for (const name of free.splice(0)) await client.db(name).dropDatabase();
      await client.close();
      await stop();
    },
  };
}

/** By URL, or FerretDB if it was installed here; undefined if there is none. */
export async function mongoServer(): Promise<DatabaseServer | undefined> {
  const url = process.env['SI_MONGODB_URL'];
  if (url !== undefined) return serverAt(url, () => Promise.resolve());
  const service = await startFerretdb();
  return service === undefined ? undefined : serverAt(service.url, () => service.stop());
}
