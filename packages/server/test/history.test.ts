import { readFileSync } from 'node:fs';
import * as conformance from '@si-mqtt/conformance';
import { checkHistory, type Judgement, overTcp, Workload, type WorkloadOptions } from '@si-mqtt/conformance';
import { describe, type ExpectStatic, test, vi } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.js';
import { afterTopic, type Change, type Fault, hasQos, inType, overFaultyProxy, withByte } from './faulty-proxy.js';

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
async function judge(server: Server, options: Omit<WorkloadOptions, 'connects'>, fault?: Fault) {
  const connect = overTcp(portOf(server));
  const workload = new Workload({ connects: [fault === undefined ? connect : overFaultyProxy(fault, connect)], ...options });
  await workload.run(fault === undefined ? 40 : 15);
  await workload.settle();
  const dropped = server.broker.drops.queueFull;
  if (dropped > 0) workload.recorder.note({ note: 'dropped', count: dropped });
  const { violations, excused, judged } = checkHistory(workload.events);
  await workload.cleanUp();
  const rules = new Set(violations.map(({ rule }) => rule));
  return { violations: violations.map(({ rule, text }) => `${rule}: ${text}`), rules, excused, dropped, judged };
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

/** Every so many packets. */
function oneIn(times: number, change: Change): Change {
  let count = 0;
  return (packet, position) => (++count % times === 0 ? change(packet, position) : packet);
}

const underAnotherIdentifier: Change = (packet, position) =>
  hasQos(packet) ? Buffer.concat([packet, withByte(packet, afterTopic(packet, position), (byte) => byte ^ 0x80)]) : packet;

/** Two messages are given on in the other order; the first one waits for the second. */
function turnedRound(): Change {
  let first: Buffer | undefined;
  return (packet) => {
    const both = first === undefined ? undefined : Buffer.concat([packet, first]);
    first = first === undefined ? Buffer.from(packet) : undefined;
    return both;
  };
}

/** Deliberate faults between the workload and the server, each with the rule that it breaks. */
const faults: readonly (readonly [title: string, rule: conformance.Rule, fault: Fault])[] = [
  [
    'loses messages',
    'lost',
    {
      server: () =>
        inType(
          'publish',
          // Often: what is lost while its subscriber goes on to come back is sent again.
          oneIn(2, () => undefined),
        ),
    },
  ],
  ['sends messages again under another identifier', 'duplicated', { server: () => inType('publish', oneIn(5, underAnotherIdentifier)) }],
  ['changes the order', 'reordered', { server: () => inType('publish', turnedRound()) }],
  [
    'changes what is in messages',
    'invented',
    // The last digit; a deletion has none.
    {
      server: () =>
        inType(
          'publish',
          oneIn(5, (packet) => withByte(packet, packet.length - 1, (byte) => (byte >= 0x30 ? 0x78 : byte))),
        ),
    },
  ],
  [
    'never tells of a session',
    'sessionLost',
    { server: () => inType('connack', (packet, position) => withByte(packet, position, () => 0)) },
  ],
  ['drops every will', 'willMissing', { client: () => inType('connect', withoutWill) }],
];

/** The will is published under a topic that nobody watches. */
function withoutWill(packet: Buffer): Buffer {
  const at = packet.indexOf('/will/');
  return at < 0 ? packet : withByte(packet, at + 1, () => 0x57);
}

describe.concurrent('the history shows that a broker', { timeout: 90_000 }, () => {
  for (const [index, [title, rule, fault]] of faults.entries()) {
    test(title, ({ expect }) =>
      withServer({}, async (server) => {
        const { rules } = await judge(server, { seed: 10 + index }, fault);
        expect([...rules]).toContain(rule);
      }),
    );
  }
});
