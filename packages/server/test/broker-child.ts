import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type ServerOptions } from '../src/index.js';
import { type BrokerReport } from './child-messages.js';

// The broker in a process of its own, so that its memory and its event loop are measured and nobody else's. Started by BrokerProcess.

const server = await createServer(JSON.parse(process.argv[2]) as ServerOptions);
await server.start();
process.send!({ addresses: server.addresses() });

process.on('disconnect', () => process.exit());
process.on('message', (question) => void answer(question));

/** What a planted leak keeps: for each client that ends, its end. */
const leaked: unknown[] = [];

async function answer(question: unknown): Promise<void> {
  if (question === 'leak') server.events.on('disconnected', (end) => leaked.push({ ...end, leaked: new Array(32).fill(leaked.length) }));
  // Memory of buffers is given back beside the collection, not within it.
  for (let i = 0; i < 3 && question === 'collect'; i++) {
    globalThis.gc!();
    await sleep(50);
  }
  const { connections, clients, routing, counters, drops } = server.broker;
  const report: BrokerReport = {
    residentBytes: process.memoryUsage.rss(),
    heapBytes: heapBytes(),
    peakResidentBytes: peakResidentBytes(),
    connections: connections.size,
    sessions: clients.size,
    subscriptions: routing.subscriptions,
    counters: { ...counters },
    drops: { ...drops },
  };
  process.send!(report);
}

/** The kernel's own peak, so that nothing hides between two samples; `maxRSS` would begin with that of the process that started this one. */
function peakResidentBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const line = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line![1]) * 1024;
}

/** JavaScript objects, and the buffers that belong to them. */
function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
