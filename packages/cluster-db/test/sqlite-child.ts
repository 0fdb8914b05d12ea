import { openSqliteLogStore, RecordWriter, type SqliteDurability } from '../src/index.js';

/** Appends records and says so, until it is killed or has written as many as asked: `PATH DURABILITY COUNT`. */
const [path, durability, count] = process.argv.slice(2);
const store = await openSqliteLogStore({ path, durability: durability as SqliteDurability, reserveBytes: 0 });
process.stdout.write('open\n');
const body = new RecordWriter().finish();
for (let seq = 1; seq <= Number(count); seq += 1) {
  await store.append({ seat: 0, epoch: 1, seq }, { body, messages: 0, writtenAt: 0, derived: 0 }, {});
  process.stdout.write(`${seq}\n`);
}
await store.close();
