import { type LogStore } from '../log-store.js';
import { migrate } from '../sql/migrate.js';
import { SqlLogStore } from '../sql/sql-log-store.js';
import { type MysqlOptions } from './mysql-connection.js';
import { MysqlDatabase } from './mysql-database.js';
import { mysqlDialect } from './mysql-dialect.js';
import { mysqlMigrationDialect, mysqlMigrations } from './mysql-migrations.js';
import { mysqlSchema } from './mysql-schema.js';

/**
 * Opens a database of MySQL or MariaDB, and creates or updates its tables; the database itself exists already.
 * @throws StoreUnusable if it is too new, or the user may not enter; StoreRefusal if there is no connection.
 */
export async function openMysqlLogStore(options: MysqlOptions): Promise<LogStore> {
  const database = new MysqlDatabase(options);
  try {
    await migrate(database, mysqlMigrationDialect, mysqlMigrations);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new SqlLogStore(database, mysqlSchema, mysqlDialect);
}
