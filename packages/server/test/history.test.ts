import { readFileSync } from 'node:fs';
import * as conformance from '@si-mqtt/conformance';
import { checkHistory, type Judgement, overTcp, Workload, type WorkloadOptions } from '@si-mqtt/conformance';
import { describe, type ExpectStatic, test, vi } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.js';

async function withServer(options: ServerOptions, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await createServer({ listeners: [{ name: 'default', type: 'tcp' }], ...options });
  await server.start();
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

function portOf(server: Server): number {
  return Number(new URL(server.addresses()[0].url).port);
}

/** Runs the workload of that seed and gives what was promised and not kept. */
async function judge(server: Server, options: Omit<WorkloadOptions, 'connects'>) {
  const connect = overTcp(portOf(server));
  const workload = new Workload({ connects: [connect], ...options });
  await workload.run(40);
  await workload.settle();
  const dropped = server.broker.drops.queueFull;
  if (dropped > 0) workload.recorder.note({ note: 'dropped', count: dropped });
  const { violations, excused, judged } = checkHistory(workload.events);
  await workload.cleanUp();
  return { violations: violations.map(({ rule, text }) => `${rule}: ${text}`), excused, dropped, judged };
}

async function requireNothingLeft(server: Server, expect: ExpectStatic): Promise<void> {
  await vi.waitFor(() => expect(server.clients()).toEqual([]));
  expect((await server.retainedMessages('#')).messages).toEqual([]);
}

// Most of the time is spent waiting, so they run side by side.
describe.concurrent('clients that come and go see what the broker promises', { timeout: 90_000 }, () => {
  for (const [seed, versions] of [
    [1, [5]],
    [2, [4]],
    [3, [4, 5]],
  ] as const) {
    test(`versions ${versions.join(' and ')}`, ({ expect }) =>
      withServer({}, async (server) => {
        const { violations, dropped, judged } = await judge(server, { seed, versions });
        expect(violations).toEqual([]);
        expect(dropped).toBe(0);
        expect(Math.min(judged.plain, judged.wills)).toBeGreaterThan(30);
        expect(judged.retained).toBeGreaterThan(5);
        if (!versions.some((version) => version === 4)) expect(judged.shared).toBeGreaterThan(10);
        await requireNothingLeft(server, expect);
      }));
  }

  test('with queues of three messages, where only what was counted is missing', ({ expect }) =>
    withServer({ limits: { queueMessagesMax: 3, inflightOutMax: 2 } }, async (server) => {
      const { violations, excused, dropped } = await judge(server, { seed: 4, versions: [4, 5] });
      expect(violations).toEqual([]);
      expect(excused).toBeGreaterThan(0);
      expect(excused).toBeLessThanOrEqual(dropped);
    }));

  test('in the example of the README of conformance', ({ expect }) =>
    withServer({}, async (server) => {
      const readme = readFileSync(new URL('../../conformance/README.md', import.meta.url), 'utf8');
      const [, example] = /```js\n([^`]*checkHistory[^`]*)```/.exec(readme)!;
      const body = example
        .replace(/import (\{[^}]*\}) from '@si-mqtt\/conformance';/, 'const $1 = conformance;')
        .replace('1883', `${portOf(server)}`);
      const run = new Function('conformance', `return (async () => { ${body}\nreturn { violations, judged }; })()`) as (
        module: typeof conformance,
      ) => Promise<Pick<Judgement, 'violations' | 'judged'>>;
      const { violations, judged } = await run(conformance);
      expect(violations).toEqual([]);
      expect(judged.messages).toBeGreaterThan(100);
    }));
});
