import { type LogStore, type StoreReader } from '../log-store.js';
import { type SchemaVersions } from '../schema-versions.js';
import { checkSchema, migrate } from '../sql/migrate.js';
import { SqlLogStore } from '../sql/sql-log-store.js';
import { writeBackup } from './sqlite-backup.js';
import { SqliteDatabase, type SqliteOptions } from './sqlite-database.js';
import { sqliteDialect } from './sqlite-dialect.js';
import { unusable } from './sqlite-file.js';
import { sqliteMigrationDialect, sqliteMigrations } from './sqlite-migrations.js';
import { sqliteSchema } from './sqlite-schema.js';

const defaultReserveBytes = 64 << 20;
type Options = Pick<SqliteOptions, 'path'> & Partial<SqliteOptions>;

/**
 * Opens a database file, or creates it, with a lock that ends with the process.
 * @throws StoreUnusable, in one line, if the file cannot be made or written, is damaged, not ours, too new, or in use.
 */
export async function openSqliteLogStore(options: Options): Promise<LogStore> {
  const { database } = await migrated(options);
  return new SqlLogStore(database, sqliteSchema, sqliteDialect);
}

/** Creates or updates the file, which no broker may use meanwhile, and does nothing else. */
export async function migrateSqliteStore(options: Options): Promise<SchemaVersions> {
  const { database, versions } = await migrated(options);
  await database.close();
  return versions;
}

/** Of a file that a broker may be using. */
export async function readSqliteStore(path: string): Promise<StoreReader> {
  const database = await readable(path);
  return new SqlLogStore(database, sqliteSchema, sqliteDialect);
}

/** Copies the store as it is at one moment, while a broker may be using it. Rejects rather than to write over a file. */
export async function backUpSqliteStore(path: string, target: string): Promise<void> {
  const database = await readable(path);
  try {
    await writeBackup(database, target);
  } finally {
    await database.close();
  }
}

async function migrated(options: Options): Promise<{ database: SqliteDatabase; versions: SchemaVersions }> {
  const database = await SqliteDatabase.open({ durability: 'synced', maxBytes: Infinity, reserveBytes: defaultReserveBytes, ...options });
  try {
    return { database, versions: await migrate(database, sqliteMigrationDialect, sqliteMigrations) };
  } catch (error) {
    await database.close();
    throw unusable(options.path, error);
  }
}

async function readable(path: string): Promise<SqliteDatabase> {
  let database: SqliteDatabase | undefined;
  try {
    database = await SqliteDatabase.openToRead(path);
    await checkSchema(database, sqliteMigrationDialect, sqliteMigrations);
    return database;
  } catch (error) {
    await database?.close();
    throw unusable(path, error);
  }
}
