import { encode } from '@si-mqtt/codec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { type ByteStream, type ByteStreamReceiver } from '../src/listeners/byte-stream.js';
import { completeOptions } from '../src/server-options.js';
import { RawClient } from './raw-client.js';

let server: Server;

beforeEach(async () => {
  server = await createServer({ listeners: [{ type: 'tcp', name: 'tcp', port: 0 }] });
  await server.start();
});

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
});

/** A connection whose chunks are handed over by hand, and what the server asks of its stream. */
function acceptByHand(): { receiver: ByteStreamReceiver; calls: string[] } {
  const calls: string[] = [];
  let receiver: ByteStreamReceiver | undefined;
  const note = (call: string) => () => void calls.push(call);
  const stream: ByteStream = {
    listener: completeOptions({ listeners: [{ type: 'tcp', name: 'tcp' }] }).listeners[0],
    remoteAddress: undefined,
    remotePort: undefined,
    certificate: undefined,
    admission: { accepted: () => undefined, closed: () => undefined, received: () => true, target: { destroy: () => undefined } },
    attach: (attached) => {
      receiver = attached;
    },
    write: () => true,
    pendingBytes: 0,
    pause: note('pause'),
    resume: note('resume'),
    end: note('end'),
    destroy: note('destroy'),
  };
  server.accept(stream);
  return { receiver: receiver!, calls };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function connected(): Promise<{ receiver: ByteStreamReceiver; calls: string[] }> {
  const { receiver, calls } = acceptByHand();
  receiver.received(encode({ type: 'connect', protocolVersion: 4, cleanStart: true, keepAlive: 0, clientId: 'by-hand' }, 4));
  await expect.poll(() => server.clients().length).toBe(1);
  await nextTurn();
  calls.length = 0;
  return { receiver, calls };
}

const pings = (bytes: number): Uint8Array => new Uint8Array(bytes).map((_, index) => (index % 2 === 0 ? 0xc0 : 0));

test('a connection that fills every read stops when its turn has lasted long enough, and reads on in the next', async () => {
  const { receiver, calls } = await connected();
  const chunk = pings(65_536);
  const begin = performance.now();
  while (calls.length === 0) receiver.received(chunk);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(5);
  expect(calls).toEqual(['pause']);
  await nextTurn();
  expect(calls).toEqual(['pause', 'resume']);
  receiver.closed(undefined);
});

test('reads that do not fill the buffer never stop: libuv goes on to the next socket by itself', async () => {
  const { receiver, calls } = await connected();
  const chunk = pings(1000);
  const begin = performance.now();
  while (performance.now() - begin < 20) receiver.received(chunk);
  await nextTurn();
  expect(calls).toEqual([]);
  receiver.closed(undefined);
});

test('nothing is lost or reordered by it', async () => {
  const { url } = server.addresses()[0];
  const subscriber = await RawClient.connected(url, { clientId: 'subscriber' });
  await subscriber.subscribed('flood', 1);
  const publisher = await RawClient.connected(url, { clientId: 'publisher' });
  publisher.socket.resume();
  const count = 9000;
  const payload = new Uint8Array(300);
  const packets = Array.from({ length: count }, (_, index) => {
    new DataView(payload.buffer).setUint32(0, index);
    return encode({ type: 'publish', dup: false, qos: 1, retain: false, topicName: 'flood', packetId: index + 1, payload }, 5);
  });
  publisher.socket.write(Buffer.concat(packets));
  for (let index = 0; index < count; index++) {
    const packet = await subscriber.next('publish');
    expect(Buffer.from(packet.payload).readUInt32BE()).toBe(index);
    subscriber.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
  }
});
