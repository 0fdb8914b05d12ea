#!/usr/bin/env node
import { createServer, deleteUser, setUser } from '@si-mqtt/server';
import { hostOfProcess } from './host.js';
import { type BrokerLibrary } from './library.js';
import { run } from './run.js';
import { openJournal } from './storage.js';
import { boundYoungGeneration } from './young-generation.js';

const library: BrokerLibrary = {
  createServer: async (configuration, logger) => {
    const journal = await openJournal(configuration.storage, logger);
    const server = await createServer(configuration, { logger, ...(journal === undefined ? {} : { journal }) });
    boundYoungGeneration(server.events);
    return server;
  },
  setUser,
  deleteUser,
};

process.exit(await run(hostOfProcess(), library));
