import { afterEach, beforeAll, expect, test } from 'vitest';
import { BrokerProcess, ChildScripts } from './broker-process.js';
import { RawClient } from './raw-client.js';

// Clients that come, subscribe, publish and go leave nothing behind: the broker's heap, read after collection, does not grow with their number.
// `pnpm soak` runs this for ten minutes.

const soakSeconds = Number(process.env['SI_SOAK_SECONDS'] ?? 20);
/** Also on a machine that is busy: fewer rounds would say little. */
const roundsMin = 3000;
const lanes = 16;
/** Names are used again, so that a bounded cache of them is full when the measurement begins. */
const names = 512;
/** Collected heaps differ by up to 800 kilobytes that have nothing to do with clients, mostly by what the compiler has learned; then they stay, with 70,000 clients, too. */
const noiseBytes = 1024 * 1024;
/** Less than any object; what each client left behind would be more. */
const growthPerRoundMax = 16;

let scripts: ChildScripts;
let broker: BrokerProcess;

beforeAll(async () => {
  scripts = await ChildScripts.bundled('broker-child');
  return () => scripts.remove();
});

afterEach(() => broker.stop());

async function startBroker(): Promise<string> {
  broker = await BrokerProcess.start(scripts, { listeners: [{ type: 'tcp', name: 'tcp', port: 0 }] });
  return broker.urls.get('tcp')!;
}

/** One client's whole life, in one of several kinds. */
async function round(url: string, number: number): Promise<void> {
  const topicName = `soak/${number % names}/state`;
  const protocolVersion = number % 2 === 0 ? 5 : 4;
  const qos = (number % 3) as 0 | 1 | 2;
  const will =
    number % 5 === 0 ? { topicName: `soak/will/${number % names}`, payload: Uint8Array.of(1), qos: 0 as const, retain: false } : undefined;
  const client = await RawClient.connected(url, { clientId: `soak-${number}`, protocolVersion, ...(will ? { will } : {}) });
  await client.subscribed(number % 7 === 0 ? `soak/${number % names}/+` : topicName, qos);
  // Retained by some, and taken back.
  const retain = number % 11 === 0;
  for (const payload of retain ? [Uint8Array.of(1), new Uint8Array()] : [new Uint8Array(number % 300)]) {
    client.send({ type: 'publish', dup: false, qos, retain, topicName, packetId: qos === 0 ? 0 : 7, payload });
    await exchange(client, qos);
  }
  if (number % 4 === 0) client.send({ type: 'unsubscribe', packetId: 9, topicFilters: [topicName] });
  if (number % 3 === 0) client.cut();
  else {
    client.send({ type: 'disconnect', reasonCode: 0 });
    await client.closed();
  }
}

/** Takes the own message and the broker's acknowledgements, in whatever order, until both flows have ended. */
async function exchange(client: RawClient, qos: 0 | 1 | 2): Promise<void> {
  // QoS 1: PUBLISH, PUBACK. QoS 2: PUBLISH, PUBREC, PUBREL, PUBCOMP. Messages of others with the same name may come between.
  for (let published = qos === 0, delivered = false; !published || !delivered; ) {
    const packet = await client.nextOfAny();
    if (packet.type === 'publish') {
      if (packet.qos === 1) client.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
      else if (packet.qos === 2) client.send({ type: 'pubrec', packetId: packet.packetId, reasonCode: 0 });
      delivered ||= packet.qos < 2;
    } else if (packet.type === 'pubrec') client.send({ type: 'pubrel', packetId: packet.packetId, reasonCode: 0 });
    else if (packet.type === 'pubrel') {
      client.send({ type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 });
      delivered = true;
    } else published ||= packet.type === 'puback' || packet.type === 'pubcomp';
  }
}

/** Rounds on several lanes, until so many are done and so much time is over. @returns how many */
async function churn(url: string, first: number, rounds: number, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let next = first;
  const lane = async (): Promise<void> => {
    while (next - first < rounds || performance.now() < end) await round(url, next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return next - first;
}

/** After collection, when every client has gone. */
async function heapWithoutClients(): Promise<number> {
  await expect.poll(async () => (await broker.report()).connections, { timeout: 10_000 }).toBe(0);
  const { sessions, subscriptions, heapBytes } = await broker.report('collect');
  expect({ sessions, subscriptions }).toEqual({ sessions: 0, subscriptions: 0 });
  return heapBytes;
}

/** By how many bytes the heap grows with each round, noise taken off. */
async function growthPerRound(url: string, seconds: number): Promise<number> {
  const warm = await churn(url, 0, roundsMin, seconds / 4);
  const before = await heapWithoutClients();
  const rounds = await churn(url, warm, roundsMin, (seconds * 3) / 4);
  const after = await heapWithoutClients();
  process.stdout.write(`soak: ${warm + rounds} clients, heap ${before} then ${after} bytes\n`);
  return (after - before - noiseBytes) / rounds;
}

test('clients that have gone leave nothing on the heap', { timeout: soakSeconds * 1000 + 240_000 }, async () => {
  const url = await startBroker();
  expect(await growthPerRound(url, soakSeconds)).toBeLessThan(growthPerRoundMax);
});

test('a broker that keeps something of each client is found out', { timeout: 240_000 }, async () => {
  const url = await startBroker();
  await broker.leak();
  expect(await growthPerRound(url, 0)).toBeGreaterThan(growthPerRoundMax);
});
