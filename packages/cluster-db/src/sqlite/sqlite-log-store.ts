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
export type SqliteStoreOptions = Pick<SqliteOptions, 'path'> & Partial<SqliteOptions>;

export async function openSqliteLogStore(options: SqliteStoreOptions): Promise<LogStore> {
  const { database } = await migrated(options);
  return new SqlLogStore(database, sqliteSchema, sqliteDialect);
}

export async function migrateSqliteStore(options: SqliteStoreOptions): Promise<SchemaVersions> {
  const { database, versions } = await migrated(options);
  await database.close();
  return versions;
}

export async function readSqliteStore(path: string): Promise<StoreReader> {
  const database = await readable(path);
  return new SqlLogStore(database, sqliteSchema, sqliteDialect);
}

export async function backUpSqliteStore(path: string, target: string): Promise<void> {
  const database = await readable(path);
  try {
    await writeBackup(database, target);
  } finally {
    await database.close();
  }
}

async function migrated(options: SqliteStoreOptions): Promise<{ database: SqliteDatabase; versions: SchemaVersions }> {
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
