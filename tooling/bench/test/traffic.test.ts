import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { judge } from '../src/generator/generator.js';
import { type Faults, noFaults } from '../src/generator/integrity.js';
import { type TrafficLoad } from '../src/generator/load.js';
import { Traffic } from '../src/generator/traffic.js';
import { type Fault, startRelay } from './relay.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Outcome {
  readonly faults: Faults;
  readonly deliveries: number;
  readonly published: number;
  readonly seconds: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Runs the load until there are `enough` deliveries, in `processes` parts, all in this process, through a relay with the fault. */
async function outcomeOf(changes: Partial<TrafficLoad>, fault?: Fault, { processes = 1, enough = 200 } = {}): Promise<Outcome> {
  const relay = await startRelay(fault);
  closing.push(relay.close);
  const load: TrafficLoad = {
    host: '127.0.0.1',
    port: relay.port,
    protocolVersion: 4,
    pattern: 'p2p',
    publishers: 3,
    subscribers: 3,
    qos: 0,
    burst: 4,
    window: 20,
    payloadBytes: 64,
    properties: false,
    ...changes,
  };
  const parts = Array.from({ length: processes }, (_, process) => new Traffic(load, { process, processes }));
  closing.push(() => parts.forEach((part) => part.close()));
  const ports = await Promise.all(parts.map((part) => part.links.listen()));
  await Promise.all(parts.map((part, index) => part.links.join(ports, index)));
  await Promise.all(parts.map((part) => part.open()));
  let failure: Error | undefined;
  for (const part of parts) part.start().catch((error: Error) => (failure = error));
  const deliveries = (): number => sum(parts.map((part) => part.snapshot().deliveries));
  const begun = performance.now();
  while (failure === undefined && deliveries() < enough && performance.now() - begun < 10_000) await pause(20);
  const seconds = (performance.now() - begun) / 1000;
  if (failure !== undefined) throw failure;
  const results = await Promise.all(parts.map((part) => part.stop({ all: [] })));
  return {
    faults: judge(load, results),
    deliveries: deliveries(),
    published: sum(results.flatMap(({ published }) => published)),
    seconds,
  };
}

const patterns: readonly Partial<TrafficLoad>[] = [
  {},
  { payloadBytes: 16, burst: 1 },
  { payloadBytes: 65_536 },
  { payloadBytes: 301, qos: 1 },
  { qos: 2 },
  { protocolVersion: 5, properties: true, qos: 1 },
  { protocolVersion: 5 },
  { topicsPerPublisher: 1000 },
  { pattern: 'fan-in', publishers: 5, subscribers: 1 },
  { pattern: 'fan-out', publishers: 1, subscribers: 5 },
  { pattern: 'shared', publishers: 4, subscribers: 3 },
];

test.each(patterns)('a sound broker delivers everything once, whole and in order: %j', async (changes) => {
  const { faults, deliveries } = await outcomeOf(changes);
  expect(faults).toEqual(noFaults());
  expect(deliveries).toBeGreaterThanOrEqual(200);
});

test.each(patterns)('two processes with credits between them: %j', async (changes) => {
  const { faults, deliveries } = await outcomeOf(changes, undefined, { processes: 2 });
  expect(faults).toEqual(noFaults());
  // More than the windows hold: credits arrive.
  expect(deliveries).toBeGreaterThanOrEqual(200);
});

test.each(patterns.filter(({ qos }) => qos !== 2))('dropped messages are lost: %j', async (changes) => {
  const fan = changes.pattern === 'fan-out' ? 5 : 1;
  const { faults } = await outcomeOf(changes, (index) => (index === 10 || index === 14 ? 'drop' : 'pass'));
  expect(faults).toEqual({ ...noFaults(), lost: 2 * fan });
});

test('a message that overtakes another is seen', async () => {
  const { faults } = await outcomeOf({ publishers: 1, subscribers: 1 }, (index) => (index === 10 ? 'hold' : 'pass'));
  expect(faults).toEqual({ ...noFaults(), reordered: 1 });
});

test('a message that comes twice is seen', async () => {
  const { faults } = await outcomeOf({}, (index) => (index === 10 ? 'repeat' : 'pass'));
  expect(faults).toEqual({ ...noFaults(), duplicated: 1 });
});

test.each([0, 6, 9, 20, 63])('a changed byte %i of the payload is seen', async (offset) => {
  const { faults } = await outcomeOf({}, (index) => (index === 10 ? { corrupt: offset } : 'pass'));
  expect(faults).toEqual({ ...noFaults(), corrupted: 1, lost: 1 });
});

test('more losses than the window holds do not stop the loop', async () => {
  const { faults, published } = await outcomeOf({ publishers: 1, subscribers: 1 }, (index) => (index % 3 === 0 ? 'drop' : 'pass'));
  expect(published).toBeGreaterThan(60);
  expect(faults.lost).toBeGreaterThan(20);
});

test('a paced load sends what is due, and no more', async () => {
  const { published, seconds } = await outcomeOf({ messagesPerSecond: 1000 });
  expect(published / seconds).toBeGreaterThan(300);
  expect(published / seconds).toBeLessThan(1100);
});

test('a broker that closes ends the run with an error', async () => {
  const load = outcomeOf({ publishers: 1, subscribers: 1 }, (index) => {
    if (index === 50) closing[0]();
    return 'pass';
  });
  await expect(load).rejects.toThrow('by the broker');
});
