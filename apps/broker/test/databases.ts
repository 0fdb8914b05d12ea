import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Service, startFerretdb, startMariadb, startMysql } from '@si-mqtt/services';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { afterAll, type TestContext } from 'vitest';

export type ServerDriver = 'mysql' | 'mongodb';

/** A configuration file in the folder: one listener and the admin listener, on free ports, and what else is given. */
export function configurationFile(folder: string, name: string, storage: string, others: string = ''): string {
  const file = join(folder, `${name}.toml`);
  const listener = '[[listeners]]\nname = "tcp"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';
  writeFileSync(file, `${listener}[admin]\nport = 0\n[log]\nformat = "json"\n[storage]\n${storage}\n${others}`);
  return file;
}

interface DatabaseServer {
  readonly driver: ServerDriver;
  readonly variable: string;
  readonly start: () => Promise<Service | undefined>;
}

export type ServerName = 'MariaDB' | 'MySQL' | 'MongoDB';

const servers: Readonly<Record<ServerName, DatabaseServer>> = {
  MariaDB: { driver: 'mysql', variable: 'SI_MARIADB_URL', start: startMariadb },
  MySQL: { driver: 'mysql', variable: 'SI_MYSQL_URL', start: startMysql },
  MongoDB: { driver: 'mongodb', variable: 'SI_MONGODB_URL', start: startFerretdb },
};

const started: Service[] = [];
const urls = new Map<ServerName, Promise<string | undefined>>();
/** Databases on servers that were given, and stay. */
const made: { readonly driver: ServerDriver; readonly url: string }[] = [];
afterAll(async () => {
  for (const { driver, url } of made) await dropDatabase(url, driver);
  await Promise.all(started.map((service) => service.stop()));
});

/** By URL, or one that is started for the tests of this file; undefined if the machine has none. */
async function urlOf({ variable, start }: DatabaseServer): Promise<string | undefined> {
  const given = process.env[variable];
  if (given !== undefined) return given;
  const service = await start();
  if (service !== undefined) started.push(service);
  return service?.url;
}

/** A database of this test's own on such a server; without one, the test is skipped. */
export async function databaseOn(name: ServerName, { skip }: TestContext, of?: string): Promise<{ driver: ServerDriver; url: string }> {
  const { driver, variable } = servers[name];
  const found = urls.get(name) ?? urlOf(servers[name]);
  urls.set(name, found);
  const url = await found;
  if (url === undefined) return skip(`no ${name}: set ${variable}, or let \`pnpm services\` install it as root`);
  const own = await databaseAt(url, driver, of);
  if (process.env[variable] !== undefined) made.push({ driver, url: own });
  return { driver, url: own };
}

/** A database of this test's own; of several, where a test gives each a name. */
export async function databaseAt(url: string, driver: ServerDriver, of: string = 'test'): Promise<string> {
  const own = new URL(url);
  const name = `si_broker_${process.pid}_${of}`;
  own.pathname = `/${name}`;
  if (driver === 'mysql') {
    const connection = await createConnection(url);
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${name}`);
    await connection.end();
  }
  return own.href;
}

async function dropDatabase(url: string, driver: ServerDriver): Promise<void> {
  if (driver === 'mongodb') {
    const client = await MongoClient.connect(url);
    await client.db().dropDatabase();
    await client.close();
  } else {
    const connection = await createConnection(url);
    await connection.query(`DROP DATABASE ${new URL(url).pathname.slice(1)}`);
    await connection.end();
  }
}
