import { type Duplex, duplexPair } from 'node:stream';
import { encode } from '@si-mqtt/codec';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.js';
import { RawClient } from './raw-client.js';

let server: Server;
let url: string;
afterEach(() => server.stop());

async function start(options: ServerOptions): Promise<void> {
  server = await createServer({
    listeners: [{ type: 'tcp', name: 'tcp', port: 0 }],
    sys: { enabled: false, intervalSeconds: 10 },
    ...options,
  });
  await server.start();
  url = server.addresses()[0].url;
}

const persistent = { sessionExpiryInterval: 60 };

describe('sessionsMax', () => {
  it('refuses whoever would be one more with 0x97, in 3.1.1 return code 3, and counts it', async () => {
    await start({ limits: { sessionsMax: 2 } });
    await RawClient.connected(url, { clientId: 'one', properties: persistent });
    const two = await RawClient.connected(url, { clientId: 'two', properties: persistent });
    const three = await RawClient.connected(url, { clientId: 'three' });
    expect(three.connack.reasonCode).toBe(0x97);
    await three.closed();
    expect((await RawClient.connected(url, { clientId: 'four', protocolVersion: 4 })).connack.reasonCode).toBe(3);
    expect(server.broker.counters.sessionsRefused).toBe(2);
    expect(await two.settled()).toEqual([]);
  });

  it('lets a session that exists go on, by takeover or after an absence, and another begin when one has ended', async () => {
    await start({ limits: { sessionsMax: 1 } });
    const first = await RawClient.connected(url, { clientId: 'one', properties: persistent });
    const second = await RawClient.connected(url, { clientId: 'one', properties: persistent, cleanStart: false });
    expect(second.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    await first.closed();
    second.cut();
    await expect.poll(() => server.clients()[0]?.connected).toBe(false);
    const third = await RawClient.connected(url, { clientId: 'one' });
    expect(third.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    third.send({ type: 'disconnect', reasonCode: 0 });
    await third.closed();
    await expect.poll(() => server.clients()).toEqual([]);
    expect((await RawClient.connected(url, { clientId: 'two' })).connack.reasonCode).toBe(0);
    expect(server.broker.counters.sessionsRefused).toBe(0);
  });
});

it('heapBytesMax: above it a CONNECT is refused with 0x89, in 3.1.1 return code 3; who is connected stays, and below it all is as before', async () => {
  // Above a heap of one byte, so that the server's own look at it finds the same.
  await start({ limits: { heapBytesMax: 1 } });
  const before = await RawClient.connected(url, { clientId: 'before' });
  const { surroundings, counters } = server.broker;
  surroundings.isOverloaded = true;
  const refused = await RawClient.connected(url, { clientId: 'refused' });
  expect(refused.connack.reasonCode).toBe(0x89);
  await refused.closed();
  expect((await RawClient.connected(url, { clientId: 'old', protocolVersion: 4 })).connack.reasonCode).toBe(3);
  expect(counters.overloadRefused).toBe(2);
  expect(await before.settled()).toEqual([]);
  expect(server.clients().map(({ clientId }) => clientId)).toEqual(['before']);
  await server.reload({ limits: { heapBytesMax: Infinity } });
  surroundings.isOverloaded = false;
  expect((await RawClient.connected(url, { clientId: 'after' })).connack.reasonCode).toBe(0);
});

describe('outgoingBytesPerConnectionMax', () => {
  /** A client that reads nothing. */
  async function asking(clientId: string): Promise<Duplex> {
    const [client, other] = duplexPair();
    server.acceptDuplex(other, 'tcp');
    client.on('error', () => undefined);
    const connect = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId, properties: persistent } as const;
    client.write(encode(connect, 5));
    await expect.poll(() => server.clients().some(({ connected, ...of }) => of.clientId === clientId && connected)).toBe(true);
    return client;
  }
  const pingreqs = (bytes: number) => Buffer.alloc(bytes, Buffer.of(0xc0, 0));

  it('closes a connection whose answers alone are more than that, keeps its session, and counts it', async () => {
    await start({ limits: { outgoingBytesPerConnectionMax: 10_000 } });
    const other = await RawClient.connected(url, { clientId: 'other' });
    const client = await asking('asking');
    // What may wait beside the limit, see ConnectionOutput.
    const uncongested = 3 * 65_536;
    client.write(pingreqs(uncongested));
    await expect.poll(() => server.broker.counters.packetsReceived).toBeGreaterThanOrEqual(uncongested / 2);
    expect(await other.settled()).toEqual([]);
    expect(server.broker.counters.slowConnectionsClosed).toBe(0);
    for (let written = 0; written < 40_000; written += 4000) {
      client.write(pingreqs(4000));
      await other.settled();
    }
    await expect.poll(() => server.broker.counters.slowConnectionsClosed).toBe(1);
    await expect.poll(() => server.clients().find(({ clientId }) => clientId === 'asking')?.connected).toBe(false);
    expect(await other.settled()).toEqual([]);
  });
});

describe('[[shared.rules]]', () => {
  const rules = [
    { filter: 'jobs/urgent/#', strategy: 'roundRobin' },
    { filter: 'jobs/#', strategy: 'sticky' },
    { filter: 'one/+', strategy: 'sticky' },
  ] as const;

  /** How many of eight messages each of two members of the shared subscription gets, in order of size. */
  async function shares(topicFilter: string, topicName: string): Promise<number[]> {
    const members = [await RawClient.connected(url, { clientId: 'm1' }), await RawClient.connected(url, { clientId: 'm2' })];
    for (const member of members) await member.subscribed(`$share/g/${topicFilter}`, 1);
    for (let count = 0; count < 8; count++) server.publish({ topicName, payload: new Uint8Array(), qos: 0, retain: false });
    const received = await Promise.all(members.map((member) => member.settled()));
    return received.map(({ length }) => length).sort();
  }

  it.each([
    ['no rule: the strategy of all', 'other/#', 'other/a', [4, 4]],
    ['a rule for the filter itself', 'jobs/#', 'jobs/a', [0, 8]],
    ['a rule that covers the filter', 'jobs/+/x', 'jobs/a/x', [0, 8]],
    ['the first rule of two that cover it', 'jobs/urgent/+', 'jobs/urgent/a', [4, 4]],
    ['a rule that covers only a part of it', 'one/#', 'one/a', [4, 4]],
    ['a rule that covers nothing of it', 'job', 'job', [4, 4]],
  ])('%s', async (_name, topicFilter, topicName, expected) => {
    await start({ shared: { strategy: 'roundRobin', rules } });
    expect(await shares(topicFilter, topicName)).toEqual(expected);
  });
});
