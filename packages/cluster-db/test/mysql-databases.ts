import { startMariadb, startMysql } from '@si-mqtt/services';
import { createConnection } from 'mysql2/promise';
import { tableNames } from '../src/rows.js';

/** A server on which tests make databases of their own. */
export interface DatabaseServer {
  /** Empty. Its tables are there already if another test has done with it, which saves making them, unless `isNew`. */
  readonly newDatabase: (isNew?: boolean) => Promise<{ readonly url: string; readonly remove: () => Promise<void> }>;
  readonly stop: () => Promise<void>;
}

let made = 0;

function serverAt(url: string, stop: () => Promise<void>): DatabaseServer {
  const free: string[] = [];
  const run = async (sql: string) => {
    const connection = await createConnection({ uri: url, multipleStatements: true });
    await connection.query(sql);
    await connection.end();
  };
  return {
    newDatabase: async (isNew = false) => {
      const name = (isNew ? undefined : free.pop()) ?? `si_${process.pid}_${++made}`;
      await run(`CREATE DATABASE IF NOT EXISTS ${name}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      const empty = [...tableNames, 'seats', 'wlog', 'meta'].map((table) => `DELETE FROM ${name}.${table}`).join('; ');
      const remove = async () => {
        await run(isNew ? `DROP DATABASE ${name}` : empty);
        if (!isNew) free.push(name);
      };
      return { url: own.href, remove };
    },
    stop: async () => {
      for (const name of free.splice(0)) await run(`DROP DATABASE ${name}`);
      await stop();
    },
  };
}

/** By URL, or started here; undefined if the machine has none. */
export async function mariadbServer(): Promise<DatabaseServer | undefined> {
  const url = process.env['SI_MARIADB_URL'];
  if (url !== undefined) return serverAt(url, () => Promise.resolve());
  const service = await startMariadb();
  return service === undefined ? undefined : serverAt(service.url, () => service.stop());
}

/** The same for the real MySQL. */
export async function mysqlServer(): Promise<DatabaseServer | undefined> {
  const url = process.env['SI_MYSQL_URL'];
  if (url !== undefined) return serverAt(url, () => Promise.resolve());
  const service = await startMysql();
  return service === undefined ? undefined : serverAt(service.url, () => service.stop());
}
