import { expect, it } from 'vitest';
import { type MongoFacts, mongoDurability } from '../src/mongo/mongo-durability.js';

const writeConcern = { w: 'majority', journal: true };
const persistent = { storageEngine: { name: 'wiredTiger', persistent: true } };
const three = { setName: 'rs', hosts: ['a', 'b', 'c'] };

it.each<[string, Partial<MongoFacts>, string, RegExp[]]>([
  ['a replica set', {}, 'synced', []],
  ['a replica set of one', { hello: { setName: 'rs', hosts: ['a'] } }, 'synced', [/has one member/]],
  ['alone', { hello: {} }, 'synced', [/no replica set/]],
  ['a router of shards', { hello: { msg: 'isdbgrid' }, serverStatus: {} }, 'synced', []],
  ['in memory', { serverStatus: { storageEngine: { name: 'inMemory', persistent: false } } }, 'memory', [/in memory/]],
  ['without a journal', { getCmdLineOpts: { parsed: { storage: { journal: { enabled: false } } } } }, 'flushed', [/no journal/]],
  ['not asked for the journal', { writeConcern: { w: 'majority' } }, 'flushed', [/do not wait for the journal/]],
  ['not asked for the majority', { writeConcern: { w: 1, journal: true } }, 'synced', [/do not wait for the majority/]],
  ['silent about itself', { serverStatus: undefined }, 'flushed', [/does not say/]],
])('a server that is %s', (_, facts, level, remarks) => {
  const found = mongoDurability({ writeConcern, hello: three, serverStatus: persistent, getCmdLineOpts: {}, ...facts });
  expect(found.level).toBe(level);
  expect(found.remarks).toHaveLength(remarks.length);
  for (const [index, remark] of remarks.entries()) expect(found.remarks[index]).toMatch(remark);
});
