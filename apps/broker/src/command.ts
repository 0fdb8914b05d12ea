import { accessProblems, createServer, deleteUser, setUser } from '@si-mqtt/server';
import { hostOfProcess } from './host.js';
import { type BrokerLibrary } from './library.js';
import { run } from './run.js';
import { openJournal } from './storage.js';
import { backUpStore, migrateStore, readStore } from './store-access.js';
import { packageVersion } from './version.js';
import { holdYoungGeneration } from './young-generation.js';

const library: BrokerLibrary = {
  createServer: async (configuration, logger) => {
    const journal = await openJournal(configuration.storage, logger);
    holdYoungGeneration();
    return createServer(configuration, { logger, version: packageVersion(), ...(journal === undefined ? {} : { journal }) });
  },
  accessProblems,
  setUser,
  deleteUser,
  readStore,
  migrateStore,
  backUpStore,
};

/** The `si-mqtt` command in this process. Resolves to its exit code. */
export function runCommand(): Promise<number> {
  return run(hostOfProcess(), library);
}
