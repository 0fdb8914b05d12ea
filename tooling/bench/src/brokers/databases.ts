import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type LogStore, openMongoLogStore, openMysqlLogStore, openSqliteLogStore } from '@si-mqtt/cluster-db';
import { type Service, startFerretdb, startMariadb, startMysql } from '@si-mqtt/services';
import { createConnection } from 'mysql2/promise';
import { type DurableSetup } from './brokers.js';

/** A database in which this broker can keep what must last. */
export interface Backend extends DurableSetup {
  /** For the command line. */
  readonly name: string;
  /** With its version. */
  readonly title: string;
  /** Empties it: a server's databases are no files that go with the broker's folder. */
  prepare(): Promise<void>;
  /** Bytes on disk, while the broker runs. */
  bytes(folder: string): Promise<number>;
  /** Rows that hold messages or parts of their acknowledgement, when the broker has stopped. */
  messageRows(folder: string): Promise<number>;
}

export interface Backends {
  readonly found: readonly Backend[];
  /** One line for each that is not here. */
  readonly missing: readonly string[];
  stop(): Promise<void>;
}

const SQLITE_FILE = 'si-mqtt.db';
/** Kept by the broker for a full disk, whatever is stored. */
const RESERVE_ENDING = '.reserve';

const servers = [
  { name: 'mariadb', variable: 'SI_MARIADB_URL', driver: 'mysql', start: startMariadb },
  { name: 'mysql', variable: 'SI_MYSQL_URL', driver: 'mysql', start: startMysql },
  { name: 'mongodb', variable: 'SI_MONGODB_URL', driver: 'mongodb', start: startFerretdb },
] as const;

/** SQLite, and the servers that the environment names or that `pnpm services` has installed, which are started. @param names of some only */
export async function findBackends(names: readonly string[]): Promise<Backends> {
  const isWanted = (name: string): boolean => names.length === 0 || names.some((wanted) => name.startsWith(wanted));
  const found: Backend[] = [sqlite('flushed'), sqlite('synced')].filter(({ name }) => isWanted(name));
  const missing: string[] = [];
  const services: Service[] = [];
  for (const { name, variable, driver, start } of servers) {
    if (!isWanted(name)) continue;
    const given = process.env[variable];
    const service = given === undefined ? await start() : undefined;
    if (service !== undefined) services.push(service);
    const url = given ?? service?.url;
    if (url === undefined) missing.push(`${name}: not here (${variable} names one, \`pnpm services\` installs one as root)`);
    else found.push(server(name, service === undefined ? name : `${service.name} ${service.version}`, driver, url));
  }
  return { found, missing, stop: async () => void (await Promise.all(services.map((service) => service.stop()))) };
}

function sqlite(durability: 'flushed' | 'synced'): Backend {
  const path = (folder: string): string => join(folder, SQLITE_FILE);
  return {
    name: `sqlite-${durability}`,
    title: `SQLite, ${durability}`,
    storage: (folder) => `path = ${JSON.stringify(path(folder))}\ndurability = "${durability}"`,
    prepare: () => Promise.resolve(),
    bytes: (folder) => {
      const files = readdirSync(folder).filter((file) => file.startsWith(SQLITE_FILE) && !file.endsWith(RESERVE_ENDING));
      return Promise.resolve(files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0));
    },
    messageRows: async (folder) =>
      messageRowsOf(await openSqliteLogStore({ path: path(folder), durability, maxBytes: Number.POSITIVE_INFINITY, reserveBytes: 0 })),
  };
}

function server(name: string, title: string, driver: 'mysql' | 'mongodb', url: string): Backend {
  const own = new URL(url);
  own.pathname = `/si_bench_${process.pid}`;
  const database = own.href;
  const open = (): Promise<LogStore> => (driver === 'mysql' ? openMysqlLogStore({ url: database }) : openMongoLogStore({ url: database }));
  return {
    name,
    title,
    storage: () => `driver = "${driver}"\nurl = "${database}"\nrequire = "anything"`,
    prepare: () => (driver === 'mysql' ? emptyMysqlDatabase(url, own.pathname.slice(1)) : Promise.resolve()),
    bytes: async () => {
      const store = await open();
      const { databaseBytes } = await store.statistics();
      await store.close();
      return databaseBytes;
    },
    messageRows: async () => messageRowsOf(await open()),
  };
}

async function messageRowsOf(store: LogStore): Promise<number> {
  const { outq, inq2, shareq } = (await store.statistics()).rows;
  await store.close();
  return outq + inq2 + shareq;
}

async function emptyMysqlDatabase(url: string, name: string): Promise<void> {
  const connection = await createConnection(url);
  await connection.query(`DROP DATABASE IF EXISTS ${name}`);
  await connection.query(`CREATE DATABASE ${name}`);
  await connection.end();
}
