import { type LogStore } from '../log-store.js';
import { migrate } from '../sql/migrate.js';
import { SqlLogStore } from '../sql/sql-log-store.js';
import { SqliteDatabase, type SqliteOptions } from './sqlite-database.js';
import { sqliteDialect } from './sqlite-dialect.js';
import { unusable } from './sqlite-file.js';
import { sqliteMigrationDialect, sqliteMigrations } from './sqlite-migrations.js';
import { sqliteSchema } from './sqlite-schema.js';

const defaultReserveBytes = 64 << 20;

/**
 * Opens a database file, or creates it, with a lock that ends with the process.
 * @throws StoreUnusable, in one line, if the file cannot be made or written, is damaged, not ours, too new, or in use.
 */
export async function openSqliteLogStore(options: Pick<SqliteOptions, 'path'> & Partial<SqliteOptions>): Promise<LogStore> {
  const database = await SqliteDatabase.open({ durability: 'synced', maxBytes: Infinity, reserveBytes: defaultReserveBytes, ...options });
  try {
    await migrate(database, sqliteMigrationDialect, sqliteMigrations);
  } catch (error) {
    await database.close();
    throw unusable(options.path, error);
  }
  return new SqlLogStore(database, sqliteSchema, sqliteDialect);
}
