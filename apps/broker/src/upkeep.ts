import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfiguration } from './config.js';
import { type Host } from './host.js';
import { type BrokerLibrary } from './library.js';
import { oneLine } from './problems.js';
import { storeProblem } from './store-problem.js';

/** Brings the database to the schema of this version. */
export async function migrate(named: string | undefined, host: Host, library: BrokerLibrary): Promise<number> {
  const loaded = loadConfiguration(named, host.invocation);
  try {
    const { from, to } = await library.migrateStore(loaded.configuration.storage);
    const done =
      from === to
        ? `the database has schema version ${to}: there is nothing to do`
        : from === 0
          ? `made a database with schema version ${to}`
          : `brought the database from schema version ${from} to ${to}`;
    host.stdout.write(`${done}\n`);
    return 0;
  } catch (error) {
    throw storeProblem(error, loaded, 'a migration') ?? error;
  }
}

/** Copies the store into a file, while the broker runs or not. */
export async function backup(file: string, named: string | undefined, host: Host, library: BrokerLibrary): Promise<number> {
  const loaded = loadConfiguration(named, host.invocation);
  const target = resolve(host.invocation.workingFolder, file);
  try {
    await library.backUpStore(loaded.configuration.storage, target);
    host.stdout.write(`wrote ${oneLine(target)}, ${statSync(target).size} bytes\n`);
    return 0;
  } catch (error) {
    throw storeProblem(error, loaded, 'a backup') ?? error;
  }
}
