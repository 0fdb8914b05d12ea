#!/usr/bin/env node
import { createServer, deleteUser, setUser } from '@si-mqtt/server';
import { hostOfProcess } from './host.js';
import { type BrokerLibrary } from './library.js';
import { run } from './run.js';
import { openJournal } from './storage.js';

const library: BrokerLibrary = {
  createServer: async (configuration, logger) => {
    const journal = await openJournal(configuration.storage);
    return createServer(configuration, { logger, ...(journal === undefined ? {} : { journal }) });
  },
  setUser,
  deleteUser,
};

process.exit(await run(hostOfProcess(), library));
