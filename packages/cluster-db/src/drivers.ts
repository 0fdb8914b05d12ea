import { type LogStore, type StoreReader } from './log-store.js';
import type { MongoOptions } from './mongo/mongo-log-store.js';
import type { MysqlOptions } from './mysql/mysql-connection.js';
import { type SchemaVersions } from './schema-versions.js';
import type { SqliteStoreOptions } from './sqlite/sqlite-log-store.js';

export type { SqliteDurability, SqliteOptions } from './sqlite/sqlite-database.js';
export type { MongoOptions, MysqlOptions };

// A driver is loaded when it is used: to load the clients of MySQL and MongoDB takes a third of a second, and they stay in memory. Their types alone
// load nothing only if `type` stands before the braces.

const sqlite = () => import('./sqlite/sqlite-log-store.js');
const mysql = () => import('./mysql/mysql-log-store.js');
const mongo = () => import('./mongo/mongo-log-store.js');

/**
 * Opens a database file, or creates it, with a lock that ends with the process.
 * @throws StoreUnusable, in one line, if the file cannot be made or written, is damaged, not ours, too new, or in use.
 */
export async function openSqliteLogStore(options: SqliteStoreOptions): Promise<LogStore> {
  return (await sqlite()).openSqliteLogStore(options);
}

/** Creates or updates the file, which no broker may use meanwhile, and does nothing else. */
export async function migrateSqliteStore(options: SqliteStoreOptions): Promise<SchemaVersions> {
  return (await sqlite()).migrateSqliteStore(options);
}

/** Of a file that a broker may be using. */
export async function readSqliteStore(path: string): Promise<StoreReader> {
  return (await sqlite()).readSqliteStore(path);
}

/** Copies the store as it is at one moment, while a broker may be using it. Rejects rather than to write over a file. */
export async function backUpSqliteStore(path: string, target: string): Promise<void> {
  await (await sqlite()).backUpSqliteStore(path, target);
}

/**
 * Opens a database of MySQL or MariaDB, and creates or updates its tables; the database itself exists already.
 * @throws StoreUnusable if it is too new, or the user may not enter; StoreRefusal if there is no connection.
 */
export async function openMysqlLogStore(options: MysqlOptions): Promise<LogStore> {
  return (await mysql()).openMysqlLogStore(options);
}

/** Creates or updates the tables, and does nothing else. Brokers may run meanwhile. */
export async function migrateMysqlStore(options: MysqlOptions): Promise<SchemaVersions> {
  return (await mysql()).migrateMysqlStore(options);
}

/** Of a database that a broker may be using, or of a replica of it. */
export async function readMysqlStore(options: MysqlOptions): Promise<StoreReader> {
  return (await mysql()).readMysqlStore(options);
}

/**
 * Opens a database of MongoDB, or of a server that speaks its protocol. Neither transactions nor change streams nor upserts are used.
 * @throws StoreUnusable if it is too new, or the user may not enter; StoreRefusal if there is no connection.
 */
export async function openMongoLogStore(options: MongoOptions): Promise<LogStore> {
  return (await mongo()).openMongoLogStore(options);
}

/** Writes down which version the documents have, and does nothing else. Brokers may run meanwhile. */
export async function migrateMongoStore(options: MongoOptions): Promise<SchemaVersions> {
  return (await mongo()).migrateMongoStore(options);
}

/** Of a database that a broker may be using. The URL may ask for members that only follow (`readPreference`). */
export async function readMongoStore(options: MongoOptions): Promise<StoreReader> {
  return (await mongo()).readMongoStore(options);
}
