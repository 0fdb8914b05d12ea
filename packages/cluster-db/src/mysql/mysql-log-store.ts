import { type LogStore, type StoreReader } from '../log-store.js';
import { type SchemaVersions } from '../schema-versions.js';
import { checkSchema, migrate } from '../sql/migrate.js';
import { SqlLogStore } from '../sql/sql-log-store.js';
import { type MysqlOptions } from './mysql-connection.js';
import { MysqlDatabase } from './mysql-database.js';
import { mysqlDialect } from './mysql-dialect.js';
import { mysqlMigrationDialect, mysqlMigrations } from './mysql-migrations.js';
import { mysqlSchema } from './mysql-schema.js';

export async function openMysqlLogStore(options: MysqlOptions): Promise<LogStore> {
  const database = new MysqlDatabase(options);
  return opened(database, () => migrate(database, mysqlMigrationDialect, mysqlMigrations));
}

export async function migrateMysqlStore(options: MysqlOptions): Promise<SchemaVersions> {
  const database = new MysqlDatabase(options);
  try {
    return await migrate(database, mysqlMigrationDialect, mysqlMigrations);
  } finally {
    await database.close();
  }
}

export async function readMysqlStore(options: MysqlOptions): Promise<StoreReader> {
  const database = new MysqlDatabase(options);
  return opened(database, () => checkSchema(database, mysqlMigrationDialect, mysqlMigrations));
}

async function opened(database: MysqlDatabase, prepare: () => Promise<unknown>): Promise<LogStore> {
  try {
    await prepare();
  } catch (error) {
    await database.close();
    throw error;
  }
  return new SqlLogStore(database, mysqlSchema, mysqlDialect);
}
