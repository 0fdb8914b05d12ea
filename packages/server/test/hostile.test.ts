import { type ChildProcess } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answerOf, BrokerProcess, ChildScripts, ended } from './broker-process.js';
import { Bystanders } from './bystander.js';
import { type Attack, type BrokerReport } from './child-messages.js';
import { RawClient } from './raw-client.js';

// What one client does is no reason for another to wait, and no reason for the broker to grow. The broker and the attackers have
// processes of their own; memory is that of the broker's process, its highest included.

const megabyte = 1024 * 1024;
const growthMax = 256 * megabyte;
/** What may stay after an attack: pages that the allocator keeps for later, not what grows with each attack. */
const remainderMax = 96 * megabyte;

let scripts: ChildScripts;
let broker: BrokerProcess;
let bystanders: Bystanders;
let before: BrokerReport;
let attackers: ChildProcess[] = [];
let measuredSince = 0;
/** So long that one message in a hundred is more than one message. */
const measuredMillisecondsMin = 4000;
/** Milliseconds, for 99 of 100 messages of a bystander, on a machine that has time. Where others want its processors, too, everybody waits longer. */
let latencyMax = 50;

beforeAll(async () => {
  const othersPerProcessor = loadavg()[0] / availableParallelism();
  // The suite that has just ended counts for about one.
  if (othersPerProcessor > 2) latencyMax *= othersPerProcessor;
  scripts = await ChildScripts.bundled('broker-child', 'attack-child', 'bystander-child');
});

afterAll(() => scripts.remove());

/** A broker for one attack, and bystanders whose traffic has been running for a while. */
async function startBroker(limits: Record<string, number>): Promise<void> {
  broker = await BrokerProcess.start(scripts, {
    listeners: [
      { type: 'tcp', name: 'tcp', port: 0 },
      { type: 'websocket', name: 'websocket', port: 0 },
    ],
    limits,
  });
  bystanders = await Bystanders.start(scripts, broker.urls.get('tcp')!);
  await sleep(500);
  await bystanders.stop();
}

/** From here on everything counts. */
async function beginMeasuring(): Promise<void> {
  await expect.poll(async () => (await broker.report()).connections).toBe(0);
  before = await broker.report('collect');
  bystanders = await Bystanders.start(scripts, broker.urls.get('tcp')!);
  measuredSince = Date.now();
}

afterEach(async () => {
  await Promise.all(attackers.map(ended));
  attackers = [];
  await bystanders?.abandon();
  await broker?.stop();
});

async function attack(kind: Attack['kind'], count: number, listener: 'tcp' | 'websocket' = 'tcp'): Promise<void> {
  const child = scripts.start('attack-child', { kind, count, url: broker.urls.get(listener)! } satisfies Attack);
  attackers.push(child);
  await answerOf(child);
}

/** An attack beside which nothing is measured. Before others: a broker that runs has seen everything once. */
async function attackUnseen(...what: Parameters<typeof attack>): Promise<void> {
  await attack(...what);
  await Promise.all(attackers.splice(0).map(ended));
}

/** The attackers go away; nothing of theirs may be left, and nobody else may have noticed. Returns what the broker says after it. */
async function expectUnharmed(): Promise<BrokerReport> {
  await Promise.all(attackers.map(ended));
  await expect.poll(async () => (await broker.report()).connections, { timeout: 15_000 }).toBe(2);
  await sleep(measuredSince + measuredMillisecondsMin - Date.now());
  const { sent, lost, latency99 } = await bystanders.stop();
  const after = await broker.report('collect');
  const growth = after.peakResidentBytes - before.residentBytes;
  const remainder = after.residentBytes - before.residentBytes;
  expect(lost).toBe(0);
  expect(sent).toBeGreaterThan(200);
  expect(latency99).toBeLessThan(latencyMax);
  expect(growth).toBeLessThan(growthMax);
  expect(remainder).toBeLessThan(remainderMax);
  return after;
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** 268,435,455, the largest Remaining Length there is. */
const largestLength = [0xff, 0xff, 0xff, 0x7f];

// Latencies on a machine that others use too: what is a fault of the broker fails twice.
describe('hostile clients', { timeout: 60_000, retry: 1 }, () => {
  describe('a packet that declares 256 MB', () => {
    test('is refused by its fixed header with 0x95', async () => {
      await startBroker({});
      await beginMeasuring();
      const url = broker.urls.get('tcp')!;
      for (let i = 0; i < 50; i++) {
        const client = await RawClient.connected(url, { clientId: `large-${i}` });
        client.write(0x30, ...largestLength);
        expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x95 });
        await client.closed();
        // As the first packet: there is no version yet in which an answer could be given.
        const stranger = await RawClient.open(url);
        stranger.write(0x10, ...largestLength);
        stranger.socket.write(Buffer.alloc(megabyte));
        await stranger.closed();
      }
      await expectUnharmed();
    });

    test('holds no memory for what has not come, where such packets are allowed', async () => {
      await startBroker({ maximumPacketSize: 268_435_460 });
      await beginMeasuring();
      const clients = await Promise.all(
        Array.from({ length: 100 }, (_, i) => RawClient.connected(broker.urls.get('tcp')!, { clientId: `large-${i}` })),
      );
      for (const client of clients) {
        client.write(0x30, ...largestLength, 0, 1, 0x61, 0);
        client.socket.write(Buffer.alloc(65_536));
      }
      await sleep(500);
      expect((await broker.report()).connections).toBe(102);
      for (const client of clients) client.cut();
      await expectUnharmed();
    });
  });

  test('a CONNECT that comes byte by byte ends at the connect deadline', async () => {
    await startBroker({ connectDeadlineSeconds: 2 });
    await beginMeasuring();
    await attack('slowConnect', 200);
    expect((await broker.report()).connections).toBe(202);
    await sleep(1000);
    expect((await broker.report()).connections).toBe(202);
    await expect.poll(async () => (await broker.report()).connections, { timeout: 2500 }).toBe(2);
    await expectUnharmed();
  });

  test('10,000 connections that send nothing or half a CONNECT', async () => {
    await startBroker({ connectDeadlineSeconds: 60 });
    await attackUnseen('silent', 500);
    await beginMeasuring();
    await Promise.all([attack('silent', 5000), attack('halfConnect', 5000)]);
    await expect.poll(async () => (await broker.report()).connections, { timeout: 5000 }).toBe(10_002);
    await sleep(1000);
    await expectUnharmed();
  });

  test.each(['halfFrame', 'halfFrameInPieces'] as const)('1,000 WebSocket connections with half of a large frame: %s', async (kind) => {
    await startBroker({ connectDeadlineSeconds: 60 });
    await attackUnseen(kind, 50, 'websocket');
    await beginMeasuring();
    await attack(kind, 1000, 'websocket');
    await sleep(500);
    const first = await expectUnharmed();
    await attackUnseen(kind, 1000, 'websocket');
    const second = await broker.report('collect');
    // What the allocator keeps of the first attack serves the second.
    expect(second.residentBytes - first.residentBytes).toBeLessThan(32 * megabyte);
  });

  test('subscribers that never read', async () => {
    await startBroker({});
    await attackUnseen('neverReads', 1000);
    await beginMeasuring();
    // 320 MiB for each of five subscribers.
    await attack('neverReads', 20_000);
    const { drops } = await broker.report();
    // At QoS 0 what does not fit into the socket, at QoS 1 what does not fit into the queue (broker.md §2).
    expect(drops['notDrained']).toBeGreaterThan(40_000);
    expect(drops['queueFull']).toBeGreaterThan(40_000);
    await expectUnharmed();
  });

  describe('a client that sends 100,000 SUBSCRIBEs', () => {
    test('has no more subscriptions than subscriptionsPerClientMax', async () => {
      await startBroker({});
      await attackUnseen('subscribes', 5000);
      await beginMeasuring();
      await attack('subscribes', 100_000);
      const { subscriptions, counters } = await broker.report();
      expect(subscriptions).toBe(1001);
      expect(counters['subscribesRefused']).toBe(103_000);
      await expectUnharmed();
    });

    test('holds little memory where the limit allows them all', async () => {
      await startBroker({ subscriptionsPerClientMax: 1_000_000 });
      await attackUnseen('subscribes', 5000);
      await beginMeasuring();
      await attack('subscribes', 100_000);
      expect((await broker.report()).subscriptions).toBe(100_001);
      await expectUnharmed();
    });
  });
});
