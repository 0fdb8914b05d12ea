import { afterEach, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { RawClient } from './raw-client.js';

let server: Server;

afterEach(() => server.stop());

test('a subscriber that reads slowly is not closed for a message that only another listener takes in', async () => {
  server = await createServer({
    listeners: [
      { type: 'tcp', name: 'large', port: 0, limits: { maximumPacketSize: 32 * 1024 * 1024 } },
      { type: 'tcp', name: 'small', port: 0, limits: { maximumPacketSize: 1024 } },
    ],
    limits: { outgoingBytesPerConnectionMax: 1024 },
  });
  await server.start();
  const urlOf = (name: string): string => server.addresses().find(({ listener }) => listener === name)!.url;
  const subscriber = await RawClient.connected(urlOf('small'), { clientId: 'subscriber' });
  await subscriber.subscribed('large', 1);
  subscriber.socket.pause();
  const publisher = await RawClient.connected(urlOf('large'), { clientId: 'publisher' });
  // More than the buffers of both sockets hold together.
  const payload = Buffer.alloc(24 * 1024 * 1024, 1);
  publisher.send({ type: 'publish', dup: false, qos: 1, retain: false, topicName: 'large', packetId: 1, payload });
  expect((await publisher.next('puback')).reasonCode).toBe(0);
  expect(server.broker.counters.slowConnectionsClosed).toBe(0);
  subscriber.socket.resume();
  expect((await subscriber.next('publish')).payload.length).toBe(payload.length);
});
