import { type Document, MongoClient } from 'mongodb';
import { afterAll, describe, expect, it } from 'vitest';
import { openMongoLogStore, StoreRefusal } from '../src/index.js';
import { MongoLogStore, mongoClientOptions } from '../src/mongo/mongo-log-store.js';
import { storeJournalSuites } from './journal-parts.js';
import { logStoreSuite } from './log-store-suite.js';
import { mongoServer } from './mongo-databases.js';
import { callAll, fill } from './plans.js';
import { relayTo } from './relay.js';
import { record, seatRow } from './samples.js';

const server = await mongoServer();
afterAll(() => server?.stop());

describe.skipIf(server === undefined)('MongoDB protocol (SI_MONGODB_URL, or `pnpm services` as root, which installs FerretDB)', () => {
  const newDatabase = async () => {
    const { url, remove } = await server!.newDatabase();
    return { open: () => openMongoLogStore({ url }), remove };
  };
  logStoreSuite('MongoDB protocol', newDatabase);
  storeJournalSuites('the MongoDB protocol', newDatabase);

  it('finds everything by the one index that there is (explain, more than 10,000 documents)', { timeout: 90_000 }, async () => {
    const { url, remove } = await server!.newDatabase();
    const client = new MongoClient(url, { ...mongoClientOptions, monitorCommands: true });
    const filters = new Map<string, { readonly collection: string; readonly filter: Document }>();
    client.on('commandStarted', ({ commandName, command }) => {
      const asked: Document[] =
        commandName === 'find'
          ? [command['filter']]
          : commandName === 'aggregate'
            ? [command['pipeline'][0].$match]
            : (command['updates'] ?? command['deletes'] ?? []).map(({ q }: Document) => q);
      // One for each form: what is compared with what.
      for (const filter of asked)
        filters.set(`${command[commandName]} ${commandName} ${formOf(filter)}`, { collection: command[commandName], filter });
    });
    const store = new MongoLogStore(() => client, client, false);
    await fill(store);
    filters.clear();
    await callAll(store);
    const asked = [...filters.entries()];
    expect(asked.length).toBeGreaterThan(20);
    for (const [form, { collection, filter }] of asked) {
      // A page from the beginning, in the order of the key.
      if (Object.keys(filter).length === 0) continue;
      const plan = JSON.stringify(await client.db().collection(collection).find(filter).explain(), (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(plan, form).toContain('_id_');
      expect(plan, form).not.toMatch(/COLLSCAN|Seq Scan/);
    }
    await store.close();
    await remove();
  });

  it('is there again as soon as the server is, although whoever watches it still waits for an answer', { timeout: 60_000 }, async () => {
    const { url, remove } = await server!.newDatabase();
    const relay = await relayTo(url);
    const store = await openMongoLogStore({ url: relay.url });
    relay.silence();
    // At first the broken connections, then no connection for five seconds.
    await expect.poll(() => store.statistics().catch(String), { timeout: 20_000 }).toContain('no connection to the database');
    relay.speak();
    await expect.poll(() => store.statistics().then(() => 'there', String), { timeout: 12_000 }).toBe('there');
    await store.close();
    await relay.stop();
    await remove();
  });

  it('eight programs may start on an empty database at once', async () => {
    const { url, remove } = await server!.newDatabase(true);
    const stores = await Promise.all(Array.from({ length: 8 }, () => openMongoLogStore({ url })));
    const won = await Promise.all(
      stores.map((store, index) => store.replaceSeat(undefined, seatRow({ attempt: new Uint8Array(16).fill(index) }))),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    await Promise.all(stores.map((store) => store.close()));
    await remove();
  });

  it('a database of a later version is refused in one line', async () => {
    const { url, remove } = await server!.newDatabase(true);
    await (await openMongoLogStore({ url })).close();
    const client = new MongoClient(url);
    await client
      .db()
      .collection<{ _id: string; value: number }>('meta')
      .updateOne({ _id: 'minimumReader' }, { $set: { value: 7 } });
    await client.close();
    await expect(openMongoLogStore({ url })).rejects.toThrow(/needs a program that knows version 7; this one knows 1: update si-mqtt$/);
    await remove();
  });

  it('a server that is not there refuses, and what is too large is refused before it is sent', { timeout: 30_000 }, async () => {
    await expect(openMongoLogStore({ url: 'mongodb://127.0.0.1:1/si_x' })).rejects.toThrow(StoreRefusal);
    const { url, remove } = await server!.newDatabase();
    const store = await openMongoLogStore({ url });
    const large = { ...record('x'), body: new Uint8Array(17 << 20) };
    await expect(store.append({ seat: 0, epoch: 1, seq: 1 }, large, {})).rejects.toThrow(/larger than a document may be/);
    expect(await store.append({ seat: 0, epoch: 1, seq: 1 }, record('small'), {})).toBe('committed');
    await store.close();
    await remove();
  });
});

function formOf(filter: Document): string {
  const parts = Object.entries(filter).map(
    ([name, value]) => `${name}${value?.constructor === Object ? Object.keys(value as object).join('') : ''}`,
  );
  return parts.join(' ');
}
