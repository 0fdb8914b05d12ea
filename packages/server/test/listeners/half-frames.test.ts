import { fork } from 'node:child_process';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually, fixture, onCleanup, optionsOf, serve } from './support.js';

const MIB = 1024 * 1024;
/** The default of `limits.unauthenticatedBytesMax`. Resident memory grows by more than is held, because garbage is collected late. */
const BUDGET = 64 * MIB;

/** Bounds what 1,000 clients make the server hold that each send half of a large frame, and never a CONNECT. */
async function memoryGrowth(chunk: number): Promise<{ peak: number; destroyed: number }> {
  const served = await serve(optionsOf('websocket', { limits: { connectDeadlineSeconds: 120 } }), {
    limits: { unauthenticatedBytesMax: BUDGET },
    echo: true,
  });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = 0;
  let bytesPeak = 0;
  const clients = fork(fixture('half-frames.js'), [served.port, 1000, MIB, chunk].map(String));
  onCleanup(() => void clients.kill());
  let closedClients = -1;
  let stableReports = 0;
  await new Promise<void>((resolve) => {
    clients.on('message', (message) => {
      const { closed } = message as { closed: number };
      peak = Math.max(peak, process.memoryUsage().rss - before);
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
  return { peak, destroyed: closedByUnauthenticatedBytesMax };
}

test.each([65_536, 200])('1,000 connections with half of a 1 MiB frame, sent in pieces of %i bytes', { timeout: 60_000 }, async (chunk) => {
  const { peak, destroyed } = await memoryGrowth(chunk);
  expect(destroyed).toBeGreaterThan(800);
  expect(peak).toBeLessThan(256 * MIB);
});
