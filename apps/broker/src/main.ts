#!/usr/bin/env node
import { createServer, deleteUser, setUser } from '@si-mqtt/server';
import { hostOfProcess } from './host.js';
import { type BrokerLibrary } from './library.js';
import { run } from './run.js';

const library: BrokerLibrary = {
  createServer: (configuration, logger) => createServer(configuration, { logger }),
  setUser,
  deleteUser,
};

process.exit(await run(hostOfProcess(), library));
