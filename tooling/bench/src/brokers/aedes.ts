import { createServer } from 'node:net';
import { Aedes } from 'aedes';

// `node aedes.js PORT`: aedes as its documentation starts it, in a process of its own.
const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.argv[2]), '127.0.0.1');
