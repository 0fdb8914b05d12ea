import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { encode } from '@si-mqtt/codec';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { beginFullRead, readNextTurn } from '../src/reading-turn.js';
import { acceptByHand, type ByHand, nextTurn } from './by-hand.js';
import { RawClient } from './raw-client.js';

let server: Server;

beforeEach(async () => {
  server = await createServer({
    listeners: [
      { type: 'tcp', name: 'tcp', port: 0 },
      { type: 'websocket', name: 'websocket', port: 0 },
    ],
  });
  await server.start();
});

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
});

async function connected(): Promise<ByHand> {
  const { receiver, calls } = acceptByHand(server);
  receiver.received(encode({ type: 'connect', protocolVersion: 4, cleanStart: true, keepAlive: 0, clientId: 'by-hand' }, 4));
  await expect.poll(() => server.clients().length).toBe(1);
  await nextTurn();
  calls.length = 0;
  return { receiver, calls };
}

const pings = (bytes: number): Uint8Array => new Uint8Array(bytes).map((_, index) => (index % 2 === 0 ? 0xc0 : 0));

test('a connection that fills every read stops when its turn has lasted long enough, and reads on when all is handled', async () => {
  const { receiver, calls } = await connected();
  const chunk = pings(65_536);
  const begin = performance.now();
  while (calls.length === 0) receiver.received(chunk);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(5);
  expect(calls).toEqual(['pause']);
  // What was left of the last chunk may take more turns than one.
  while (calls.at(-1) === 'pause') await nextTurn();
  expect(calls.at(-1)).toBe('resume');
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

test('what counts is the read, not what of it comes in one piece', async () => {
  const { receiver, calls } = await connected();
  const message = pings(100);
  const begin = performance.now();
  while (calls.length === 0) receiver.received(message, 65_536);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(5);
  await nextTurn();
  expect(calls).toEqual(['pause', 'resume']);
  receiver.closed(undefined);
});

test('what is left of one read waits for the next turn, too, where its packets take long', async () => {
  const { receiver, calls } = await connected();
  const session = server.broker.clients.get('by-hand')!.session;
  const count = 1000;
  const requests = Array.from({ length: count }, (_, index) => {
    const request = { topicFilter: `many/${index}`, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    return encode({ type: 'subscribe', packetId: index + 1, subscriptions: [request] }, 4);
  });
  const subscribe = server.broker.routing.subscribe.bind(server.broker.routing);
  vi.spyOn(server.broker.routing, 'subscribe').mockImplementation((...what) => {
    subscribe(...what);
    // What a subscription may cost.
    const until = performance.now() + 0.05;
    while (performance.now() < until);
  });
  receiver.received(Buffer.concat(requests), 65_536);
  const turns = [session.subscriptions.size];
  while (session.subscriptions.size < count) {
    await nextTurn();
    turns.push(session.subscriptions.size);
  }
  // 1,000 of 0.05 ms in turns of 5 ms.
  expect(turns.length).toBeGreaterThan(5);
  expect([...session.subscriptions.keys()]).toEqual(Array.from({ length: count }, (_, index) => `many/${index}`));
  expect(calls.at(-1)).toBe('resume');
  receiver.closed(undefined);
});

test('so does what is left of a read of publications, and none is lost or reordered', async () => {
  const { receiver, calls } = await connected();
  const numbers: number[] = [];
  const publish = vi.spyOn(server.broker, 'publish').mockImplementation((message) => {
    numbers.push(Buffer.from(message.payload).readUInt32BE());
    // What many subscribers may cost.
    const until = performance.now() + 0.05;
    while (performance.now() < until);
    return 0x10;
  });
  const count = 1000;
  const packets = Array.from({ length: count }, (_, index) => {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(index);
    return encode({ type: 'publish', dup: false, qos: 0, retain: false, topicName: 'flood', packetId: 0, payload }, 4);
  });
  receiver.received(Buffer.concat(packets), 65_536);
  const turns = [numbers.length];
  while (numbers.length < count) {
    await nextTurn();
    turns.push(numbers.length);
  }
  publish.mockRestore();
  // 1,000 of 0.05 ms in turns of 5 ms.
  expect(turns.length).toBeGreaterThan(5);
  expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index));
  await nextTurn();
  expect(calls.filter((call) => call === 'pause')).toHaveLength(calls.filter((call) => call === 'resume').length + turns.length - 2);
  expect(calls.at(-1)).toBe('resume');
  receiver.closed(undefined);
});

test('a reader that throws does not keep the others from reading on', async () => {
  const thrown: unknown[] = [];
  const noteUncaught = (error: unknown): void => void thrown.push(error);
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', noteUncaught);
  try {
    for (let round = 1; round <= 2; round++) {
      beginFullRead(65_536);
      const begin = performance.now();
      while (performance.now() - begin < 6);
      let goneOn = false;
      const fail = (): void => {
        throw new Error('a defect');
      };
      expect(readNextTurn({ continueReading: fail })).toBe(true);
      expect(readNextTurn({ continueReading: () => (goneOn = true) })).toBe(true);
      await expect.poll(() => goneOn).toBe(true);
      expect(thrown).toHaveLength(round);
    }
  } finally {
    process.off('uncaughtException', noteUncaught);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

/** Binary messages of a WebSocket client; a mask of zeros leaves the bytes as they are. */
function frame(payload: Uint8Array): Buffer {
  const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 6);
  return Buffer.concat([header, payload]);
}

/** 10,000 QoS 0 publications, each with its number. */
const numbered = Array.from({ length: 10_000 }, (_, index) => {
  const payload = Buffer.alloc(40);
  payload.writeUInt32BE(index);
  return encode({ type: 'publish', dup: false, qos: 0, retain: false, topicName: 'flood', packetId: 0, payload }, 5);
});

// In messages of their own: hundreds in each read. In messages of thousands: each larger than a read.
const ways: Record<string, Buffer> = {
  'in many small messages': Buffer.concat(numbered.map(frame)),
  'in large messages': Buffer.concat(
    [0, 1, 2, 3].map((quarter) => frame(Buffer.concat(numbered.slice(quarter * 2500, (quarter + 1) * 2500)))),
  ),
};

for (const [way, bytes] of Object.entries(ways)) {
  test(`a WebSocket client that sends without a pause ${way} reads only part of each turn, and all of it in order`, {
    timeout: 90_000,
  }, async () => {
    const { url } = server.addresses().find(({ listener }) => listener === 'websocket')!;
    const { hostname, port } = new URL(url);
    const socket = connectSocket({ host: hostname, port: Number(port) });
    socket.write(
      'GET /mqtt HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n',
    );
    await once(socket, 'data');
    socket.write(frame(encode({ type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId: 'flooder' }, 5)));
    await once(socket, 'data');
    const { stream } = server.broker.clients.get('flooder')!.connection!;
    let pauses = 0;
    const pause = stream.pause.bind(stream);
    stream.pause = () => {
      pauses++;
      pause();
    };
    const numbers: number[] = [];
    const publish = vi.spyOn(server.broker, 'publish').mockImplementation((message) => {
      numbers.push(Buffer.from(message.payload).readUInt32BE());
      // What a message may cost, so that the time of a turn is over before everything has come.
      const until = performance.now() + 0.02;
      while (performance.now() < until);
      return 0x10;
    });
    socket.end(bytes);
    await expect.poll(() => numbers.length, { timeout: 80_000 }).toBe(numbered.length);
    publish.mockRestore();
    expect(numbers).toEqual(numbered.map((_, index) => index));
    // 10,000 of 0.02 milliseconds in turns of 5, each of which may be longer by one read.
    expect(pauses).toBeGreaterThan(5);
    socket.destroy();
  });
}

test('nothing is lost or reordered by it', async () => {
  const { url } = server.addresses().find(({ listener }) => listener === 'tcp')!;
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
