import { checkHistory, overTcp, Workload } from '@si-mqtt/conformance';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.js';

let server: Server | undefined;

afterEach(() => server?.stop());

async function start(options: ServerOptions = {}): Promise<Server> {
  server = await createServer({ listeners: [{ name: 'default', type: 'tcp' }], ...options });
  await server.start();
  return server;
}

/** What was promised and not kept; with a seed that makes the clients choose the same again. */
async function judge(running: Server, workload: Workload) {
  await workload.run(60);
  await workload.settle();
  const dropped = running.broker.drops.queueFull;
  if (dropped > 0) workload.recorder.note({ note: 'dropped', count: dropped });
  const { violations, excused, judged } = checkHistory(workload.events);
  await workload.cleanUp();
  return { violations: violations.map(({ rule, text }) => `${rule}: ${text}`), excused, dropped, judged };
}

function connectTo(running: Server) {
  return overTcp(Number(new URL(running.addresses()[0].url).port));
}

describe('clients that come and go see what the broker promises', { timeout: 90_000 }, () => {
  for (const [seed, versions] of [
    [1, [5]],
    [2, [4]],
    [3, [4, 5]],
  ] as const) {
    test(`versions ${versions.join(' and ')}`, async () => {
      const running = await start();
      const { violations, dropped, judged } = await judge(running, new Workload({ connects: [connectTo(running)], seed, versions }));
      expect(violations).toEqual([]);
      expect(dropped).toBe(0);
      expect(judged.plain).toBeGreaterThan(50);
      expect(judged.wills).toBeGreaterThan(50);
      expect(judged.retained).toBeGreaterThan(5);
      if (versions.length === 1 && versions[0] === 5) expect(judged.shared).toBeGreaterThan(20);
      await vi.waitFor(() => expect(running.clients()).toEqual([]));
      expect((await running.retainedMessages('#')).messages).toEqual([]);
    });
  }

  test('with queues of three messages, where only what was counted is missing', async () => {
    const running = await start({ limits: { queueMessagesMax: 3, inflightOutMax: 2 } });
    const workload = new Workload({ connects: [connectTo(running)], seed: 4, versions: [4, 5] });
    const { violations, excused, dropped } = await judge(running, workload);
    expect(violations).toEqual([]);
    expect(excused).toBeGreaterThan(0);
    expect(excused).toBeLessThanOrEqual(dropped);
  });
});
