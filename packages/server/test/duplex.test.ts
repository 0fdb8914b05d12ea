import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from '@si-mqtt/codec';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createServer, type Server } from '../src/index.js';

let server: Server;

beforeEach(async () => {
  server = await createServer({ listeners: [{ name: 'inside', type: 'tcp', limits: { connectionsMax: 3 } }] });
  await server.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  await server.stop();
});

const clients: Duplex[] = [];

/** The client's end of a stream that the server serves, with what came. */
function open(listenerName: string = 'inside'): { client: Duplex; received: () => string } {
  const [client, other] = duplexPair();
  clients.push(client);
  server.acceptDuplex(other, listenerName);
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { client, received: () => Buffer.concat(chunks).toString('hex') };
}

const connect = (clientId: string) =>
  Buffer.concat([
    Buffer.of(0x10, 12 + clientId.length, 0, 4),
    Buffer.from('MQTT'),
    Buffer.of(4, 2, 0, 0, 0, clientId.length),
    Buffer.from(clientId),
  ]);
const pingreq = Buffer.of(0xc0, 0);
const disconnect = Buffer.of(0xe0, 0);

test('a client over a duplex stream is served like one of the listener', async () => {
  const { client, received } = open();
  client.write(connect('a'));
  client.write(pingreq);
  await vi.waitFor(() => expect(received()).toBe('20020000d000'));
  expect(server.clients()).toMatchObject([{ clientId: 'a', listenerName: 'inside', connected: true }]);
  client.write(disconnect);
  await once(client, 'end');
  await vi.waitFor(() => expect(server.clients()).toEqual([]));
});

test('the end of the stream ends the connection', async () => {
  const { client, received } = open();
  client.write(connect('a'));
  await vi.waitFor(() => expect(received()).toBe('20020000'));
  client.end();
  await once(client, 'end');
  await vi.waitFor(() => expect(server.clients()).toEqual([]));
});

test('an error of the stream ends the connection', async () => {
  const [client, other] = duplexPair();
  client.resume();
  server.acceptDuplex(other, 'inside');
  client.write(connect('a'));
  await vi.waitFor(() => expect(server.clients()).toHaveLength(1));
  other.destroy(new Error('the tunnel is gone'));
  await vi.waitFor(() => expect(server.clients()).toEqual([]));
});

/** A subscriber of `t` that reads nothing, and the server's end of its stream. */
async function stalled(qos: number): Promise<{ subscriber: Duplex; other: Duplex }> {
  const [subscriber, other] = duplexPair();
  clients.push(subscriber);
  server.acceptDuplex(other, 'inside');
  subscriber.write(connect('slow'));
  subscriber.write(Buffer.of(0x82, 6, 0, 1, 0, 1, 0x74, qos));
  await vi.waitFor(() => expect(server.subscriptions('slow')).toHaveLength(1));
  return { subscriber, other };
}

const publish = (qos: 0 | 1, packetId: number) =>
  encode({ type: 'publish', topicName: 't', payload: Buffer.alloc(1000, packetId), qos, packetId, dup: false, retain: false }, 4);

test('for a reader that stalls the server writes only a little ahead', async () => {
  const { other } = await stalled(0);
  const { client: publisher, received } = open();
  publisher.write(connect('fast'));
  for (let round = 1; round <= 40; round++) {
    for (let n = 0; n < 10; n++) publisher.write(publish(0, 0));
    publisher.write(pingreq);
    await vi.waitFor(() => expect(received().length).toBe(8 + 4 * round));
  }
  expect(other.writableLength).toBeGreaterThan(10_000);
  expect(other.writableLength).toBeLessThan(128 * 1024);
});

test('a reader that comes late misses nothing of QoS 1', async () => {
  const { subscriber } = await stalled(1);
  const { client: publisher, received } = open();
  publisher.write(connect('fast'));
  const count = 200;
  for (let packetId = 1; packetId <= count; packetId++) publisher.write(publish(1, packetId));
  await vi.waitFor(() => expect(received().length).toBe(8 + count * 8));
  const payloads: number[] = [];
  let rest = Buffer.alloc(0);
  subscriber.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 3) {
      const header = rest[1] < 0x80 ? 2 : 3;
      const length = header + (rest[1] & 0x7f) + (header === 3 ? rest[2] * 128 : 0);
      if (rest.length < length) return;
      if (rest[0] >> 4 === 3) {
        payloads.push(rest[length - 1]);
        subscriber.write(Buffer.concat([Buffer.of(0x40, 2), rest.subarray(header + 3, header + 5)]));
      }
      rest = rest.subarray(length);
    }
  });
  await vi.waitFor(() => expect(payloads).toEqual(Array.from({ length: count }, (_, index) => (index + 1) & 0xff)));
});

test('the limits of the listener hold', async () => {
  const all = Array.from({ length: 4 }, () => {
    const [client, other] = duplexPair();
    clients.push(client.resume());
    server.acceptDuplex(other, 'inside');
    return other;
  });
  await sleep(1);
  expect(all.map(({ destroyed }) => destroyed)).toEqual([false, false, false, true]);
});

test('a name that no listener has is refused, and so is everything after stop', async () => {
  expect(() => open('outside')).toThrow(new RangeError('no listener outside accepts connections'));
  await server.stop();
  expect(() => open()).toThrow(RangeError);
});
