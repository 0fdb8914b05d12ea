import { fork } from 'node:child_process';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually, fixture, onCleanup, optionsOf, serve } from './support.js';

const MIB = 1024 * 1024;
/** The default of `limits.unauthenticatedBytesMax`. What it means for resident memory is in hostile.test.ts, where the broker has a process of its own. */
const BUDGET = 64 * MIB;

/** Bounds what 1,000 clients make the server hold that each send half of a large frame, and never a CONNECT. */
async function destroyedByBudget(chunk: number): Promise<number> {
  const served = await serve(optionsOf('websocket', { limits: { connectDeadlineSeconds: 120 } }), {
    limits: { unauthenticatedBytesMax: BUDGET },
    echo: true,
  });
  let bytesPeak = 0;
  const clients = fork(fixture('half-frames.js'), [served.port, 1000, MIB, chunk].map(String));
  onCleanup(() => void clients.kill());
  let closedClients = -1;
  let stableReports = 0;
  await new Promise<void>((resolve) => {
    clients.on('message', (message) => {
      const { closed } = message as { closed: number };
      bytesPeak = Math.max(bytesPeak, served.admission.counters.unauthenticatedBytes);
      stableReports = closed === closedClients && closed > 0 ? stableReports + 1 : 0;
      closedClients = closed;
      if (stableReports === 8) resolve();
    });
  });
  const bystander = new WebSocket(served.urls[0], 'mqtt');
  onCleanup(() => bystander.terminate());
  bystander.on('open', () => bystander.send(Buffer.from('hello')));
  await new Promise((resolve) => bystander.once('message', resolve));
  const { closedByUnauthenticatedBytesMax } = served.admission.counters;
  clients.kill();
  await eventually(() => served.admission.counters.connections === 1);
  expect(served.admission.counters.unauthenticatedBytes).toBeLessThan(1000);
  // The budget, and beyond it only the 4 KiB that nobody is closed for.
  expect(bytesPeak).toBeLessThan(BUDGET + 1000 * 4096);
  return closedByUnauthenticatedBytesMax;
}

test.each([65_536, 200])('1,000 connections with half of a 1 MiB frame, sent in pieces of %i bytes', { timeout: 60_000 }, async (chunk) => {
  expect(await destroyedByBudget(chunk)).toBeGreaterThan(800);
});
