import { type QoS } from '@si-mqtt/codec';
import { describe, expect, it } from 'vitest';
import { createServer } from '../src/index.js';
import { RawClient } from './raw-client.js';

const total = 100_000;

/** A message from one bystander to another and back: the broker has time for others. */
async function roundTrip(a: RawClient, b: RawClient): Promise<number> {
  const begun = performance.now();
  a.send({ type: 'publish', topicName: 'bystanders', payload: new Uint8Array(1), qos: 0, packetId: 0, dup: false, retain: false });
  await b.next('publish');
  return performance.now() - begun;
}

describe('100,000 retained messages for a subscriber that reads slowly (broker.md §2)', () => {
  it.each<QoS>([0, 1])(
    'QoS %i: all of them come, once, within the quota, and others are served meanwhile',
    { timeout: 120_000 },
    async (qos) => {
      const server = await createServer({
        admin: { enabled: false, host: '127.0.0.1', port: 0 },
        sys: { enabled: false, intervalSeconds: 10 },
      });
      await server.start();
      try {
        for (let i = 0; i < total; i++) {
          server.publish({ topicName: `r/${i}`, payload: new TextEncoder().encode(String(i).padStart(100, '.')), qos, retain: true });
        }
        const { url } = server.addresses()[0];
        const [a, b] = [await RawClient.connected(url, { clientId: 'a' }), await RawClient.connected(url, { clientId: 'b' })];
        await b.subscribed('bystanders', 0);
        const slow = await RawClient.connected(url, { clientId: 'slow', properties: { receiveMaximum: 50 } });
        const seen = new Set<string>();
        let unanswered = 0;
        slow.send({
          type: 'subscribe',
          packetId: 1,
          subscriptions: [{ topicFilter: 'r/#', qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
        });
        await slow.next('suback');
        const waits: number[] = [];
        let pauses = 0;
        for (let count = 0; count < total; count++) {
          const packet = await slow.next('publish');
          expect(packet.retain).toBe(true);
          seen.add(packet.topicName);
          if (qos === 1) slow.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
          unanswered = Math.max(unanswered, server.clients().find(({ clientId }) => clientId === 'slow')?.inflight ?? 0);
          if (count % 20_000 !== 10_000) continue;
          // It stops reading for a while, with most of them still to come.
          slow.socket.pause();
          pauses++;
          for (let i = 0; i < 5; i++) waits.push(await roundTrip(a, b));
          await new Promise((resolve) => setTimeout(resolve, 100));
          slow.socket.resume();
        }
        expect([seen.size, pauses]).toEqual([total, 5]);
        expect(await slow.settled()).toEqual([]);
        expect(unanswered).toBeLessThanOrEqual(qos === 0 ? 0 : 50);
        // Far below the time that all of them take, whatever else the machine does.
        expect(Math.max(...waits)).toBeLessThan(1000);
      } finally {
        await server.stop();
      }
    },
  );
});
