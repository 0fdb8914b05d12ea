import { type Packet, type PubcompPacket, type PubrecPacket } from '@si-mqtt/codec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { RawClient } from './raw-client.js';

// 3.1.1 has no Receive Maximum: a client may have as many QoS 2 messages in flight as it has packet identifiers, and whatever is
// acknowledged has to reach the subscriber exactly once [v3.1.1 MQTT-4.3.3-2].

let server: Server;
let url: string;

beforeEach(async () => {
  server = await createServer({ listeners: [{ type: 'tcp', port: 0 }] });
  await server.start();
  url = server.addresses()[0].url;
});

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
});

const messages = 5000;

/** Answers every packet of the QoS 2 flow at once and hands over the payloads. */
async function receiveAll(subscriber: RawClient, count: number): Promise<number[]> {
  const numbers: number[] = [];
  const released = new Set<number>();
  while (numbers.length < count || released.size > 0) {
    const packet = await subscriber.nextOfAny();
    if (packet.type === 'publish') {
      expect(packet.qos).toBe(2);
      numbers.push(Buffer.from(packet.payload).readUInt32BE());
      released.add(packet.packetId);
      subscriber.send({ type: 'pubrec', packetId: packet.packetId, reasonCode: 0 });
    } else if (packet.type === 'pubrel') {
      released.delete(packet.packetId);
      subscriber.send({ type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 });
    } else throw new Error(`unexpected ${packet.type}`);
  }
  return numbers;
}

function publication(number: number, packetId: number): Packet {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, number);
  return { type: 'publish', dup: false, qos: 2, retain: false, topicName: 'window', packetId, payload };
}

/** Sends a whole window, has all of it acknowledged, and only then releases it: every message of the window is in flight at once. */
async function publishInRounds(publisher: RawClient, window: number): Promise<void> {
  for (let first = 0; first < messages; first += window) {
    const packetIds = Array.from({ length: window }, (_, index) => index + 1);
    for (const packetId of packetIds) publisher.send(publication(first + packetId - 1, packetId));
    for (const packetId of packetIds) expect(await publisher.next('pubrec')).toMatchObject({ packetId });
    for (const packetId of packetIds) publisher.send({ type: 'pubrel', packetId, reasonCode: 0 });
    for (const packetId of packetIds) expect(await publisher.next('pubcomp')).toMatchObject({ packetId });
  }
}

/** Keeps the window full: each PUBCOMP makes room for the next message. */
async function publishContinuously(publisher: RawClient, window: number): Promise<void> {
  let sent = 0;
  let completed = 0;
  const send = () => {
    if (sent < messages) publisher.send(publication(sent, (sent++ % window) + 1));
  };
  for (let i = 0; i < window; i++) send();
  while (completed < messages) {
    const { type, packetId } = (await publisher.nextOfAny()) as PubrecPacket | PubcompPacket;
    if (type === 'pubrec') {
      publisher.send({ type: 'pubrel', packetId, reasonCode: 0 });
    } else {
      completed++;
      send();
    }
  }
}

const ways = { 'all released together': publishInRounds, 'one released for each new one': publishContinuously };
const cases = [50, 100, 500, 1000].flatMap((window) => Object.entries(ways).map(([name, publishAll]) => ({ window, name, publishAll })));

test.each(cases)(
  '[v3.1.1 MQTT-4.3.3-2] $window QoS 2 messages in flight, $name: nothing is lost or doubled',
  async ({ window, publishAll }) => {
    const subscriber = await RawClient.connected(url, { clientId: 'subscriber', protocolVersion: 4 });
    await subscriber.subscribed('window', 2);
    const publisher = await RawClient.connected(url, { clientId: 'publisher', protocolVersion: 4 });
    const [numbers] = await Promise.all([receiveAll(subscriber, messages), publishAll(publisher, window)]);
    expect(numbers).toEqual(Array.from({ length: messages }, (_, index) => index));
    expect(await subscriber.settled()).toEqual([]);
    expect(server.broker.drops.queueFull).toBe(0);
    publisher.cut();
    subscriber.cut();
  },
);
