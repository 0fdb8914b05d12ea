import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Service } from '@si-mqtt/services';
import { createConnection } from 'mysql2/promise';

export type ServerDriver = 'mysql' | 'mongodb';

/** A configuration file in the folder: one listener and the admin listener, on free ports, and what else is given. */
export function configurationFile(folder: string, name: string, storage: string, others: string = ''): string {
  const file = join(folder, `${name}.toml`);
  const listener = '[[listeners]]\nname = "tcp"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';
  writeFileSync(file, `${listener}[admin]\nport = 0\n[log]\nformat = "json"\n[storage]\n${storage}\n${others}`);
  return file;
}

/** By URL, or started here; undefined if the machine has none. */
export async function urlOf(variable: string, start: () => Promise<Service | undefined>, services: Service[]): Promise<string | undefined> {
  const given = process.env[variable];
  if (given !== undefined) return given;
  const service = await start();
  if (service !== undefined) services.push(service);
  return service?.url;
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
