import {
  backUpSqliteStore,
  migrateMongoStore,
  migrateMysqlStore,
  migrateSqliteStore,
  readMongoStore,
  readMysqlStore,
  readSqliteStore,
  type SchemaVersions,
  type StoreReader,
  StoreRefusal,
  StoreUnusable,
} from '@si-mqtt/cluster-db';
import { type StorageConfiguration } from './configuration.js';
import { asked, serverOptions } from './storage.js';

/** The driver cannot do what is asked for. */
class NotWithThisDriver extends StoreUnusable {
  readonly key = 'driver';
}

/** Opens the store beside a broker that may be using it. Rejects with a `StoreUnusable`, as the others here. */
export async function readStore(storage: StorageConfiguration): Promise<StoreReader> {
  const { driver, path, writeUrls, readUrls } = storage;
  if (driver === 'memory') throw nothingKept();
  if (driver === 'sqlite') return readSqliteStore(path);
  const open = driver === 'mysql' ? readMysqlStore : readMongoStore;
  const urls = readUrls.length > 0 ? readUrls : writeUrls;
  return asked(() => firstThatAnswers(urls, (url) => open({ ...serverOptions(storage), url, otherUrls: [] })));
}

/** Brings the tables to this version. */
export async function migrateStore(storage: StorageConfiguration): Promise<SchemaVersions> {
  const { driver, path, durability, maxBytes, reserveBytes } = storage;
  if (driver === 'memory') throw nothingKept();
  if (driver === 'sqlite') return migrateSqliteStore({ path, durability, maxBytes, reserveBytes });
  return asked(() => (driver === 'mysql' ? migrateMysqlStore(serverOptions(storage)) : migrateMongoStore(serverOptions(storage))));
}

/** Copies the store into a new file. */
export function backUpStore({ driver, path }: StorageConfiguration, target: string): Promise<void> {
  if (driver === 'sqlite') return backUpSqliteStore(path, target);
  if (driver === 'memory') throw nothingKept();
  const tool =
    driver === 'mysql'
      ? '"mysqldump --single-transaction" or "mariadb-dump --single-transaction"'
      : '"mongodump" (of a replica set with --oplog)';
  throw new NotWithThisDriver(`a backup of this database is made with its own tool, while the broker runs: use ${tool}`);
}

async function firstThatAnswers<Opened>(urls: readonly string[], open: (url: string) => Promise<Opened>): Promise<Opened> {
  for (const url of urls.slice(0, -1)) {
    try {
      return await open(url);
    } catch (error) {
      if (!(error instanceof StoreRefusal)) throw error;
    }
  }
  return open(urls[urls.length - 1]);
}

function nothingKept(): StoreUnusable {
  return new NotWithThisDriver(
    'with storage.driver = "memory" nothing is stored: choose another driver, or look at /metrics of the broker',
  );
}
