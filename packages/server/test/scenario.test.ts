import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { RawClient } from './raw-client.js';

// One session of a 5.0 client from CONNECT to its will, which is due at once although it has a delay of 200 s: the session ends with
// the connection, and the will is published at the earlier of the two [MQTT-3.1.3-9].

let server: Server;
let url: string;

beforeEach(async () => {
  server = await createServer({ listeners: [{ type: 'tcp', port: 0 }], sys: { enabled: false, intervalSeconds: 10 } });
  await server.start();
  url = server.addresses()[0].url;
});

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
});

/** Milliseconds in which a will that is due at once must have come. Far below its delay of 200 s. */
const atOnce = 2000;

test('the scenario, driven with MQTT.js', async () => {
  const options = { protocolVersion: 5, reconnectPeriod: 0 } as const;
  const watcher = await connectAsync(url, { ...options, clientId: 'watcher' });
  await watcher.subscribeAsync('will/topic', { qos: 1 });
  const will = nextMessage(watcher);

  const client = await connectAsync(url, {
    ...options,
    clientId: 'c',
    keepalive: 30,
    clean: true,
    properties: { receiveMaximum: 200 },
    will: { topic: 'will/topic', payload: Buffer.from('gone'), qos: 1, retain: false, properties: { willDelayInterval: 200 } },
  });
  const received: string[] = [];
  client.on('message', (topic, payload, { qos }) => received.push(`${topic} ${qos} ${payload.toString()}`));
  const packets: string[] = [];
  client.on('packetreceive', (packet) => packets.push(`${packet.cmd} ${'reasonCode' in packet ? (packet.reasonCode ?? 0) : ''}`.trim()));

  const granted = await client.subscribeAsync({
    'test/1': { qos: 1 },
    'test/2': { qos: 2 },
    'test/3': { qos: 0 },
    '$share/aa/test/1': { qos: 0 },
  });
  expect(granted.map(({ qos }) => qos)).toEqual([1, 2, 0, 0]);

  await client.publishAsync('test/0', 'zero', { qos: 0 });
  await client.publishAsync('test/1', 'one', { qos: 1 });
  expect(packets).toContain('puback 0');
  await client.publishAsync('test/2', 'two', { qos: 2 });
  expect(packets.filter((packet) => /^pub(rec|comp)/.test(packet))).toEqual(['pubrec 0', 'pubcomp 0']);
  await expect.poll(() => received.length).toBe(3);
  // A second delivery of anything would be here by the time that this round trip is over.
  await client.publishAsync('test/nobody', '', { qos: 1 });
  expect(received.sort()).toEqual(['test/1 0 one', 'test/1 1 one', 'test/2 2 two']);

  client.stream.destroy();
  expect(await within(atOnce, will)).toBe('will/topic 1 gone');
  await watcher.endAsync();
});

function nextMessage(client: MqttClient): Promise<string> {
  return new Promise((resolve) => {
    client.once('message', (topic: string, payload: Buffer, packet: IPublishPacket) =>
      resolve(`${topic} ${packet.qos} ${payload.toString()}`),
    );
  });
}

async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${milliseconds} ms`)), milliseconds);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const text = (value: string): number[] => [value.length >> 8, value.length & 0xff, ...Buffer.from(value)];
/** A packet whose content is shorter than 128 bytes. */
const frame = (firstByte: number, ...content: number[]): number[] => [firstByte, content.length, ...content];

test('the scenario, driven with raw bytes', async () => {
  const watcher = await RawClient.connected(url, { clientId: 'watcher' });
  await watcher.subscribed('will/topic', 1);

  const client = await RawClient.open(url, 5);
  client.write(
    ...frame(
      0x10,
      ...text('MQTT'),
      5,
      0x02 | 0x04 | 0x08, // Clean Start, Will Flag, Will QoS 1
      ...[0, 30], // Keep Alive
      ...[3, 0x21, 0, 200], // Receive Maximum 200
      ...text('c'),
      ...[5, 0x18, 0, 0, 0, 200], // Will Delay Interval 200
      ...text('will/topic'),
      ...text('gone'),
    ),
  );
  expect((await client.next('connack')).reasonCode).toBe(0);
  expect([...client.bytes.subarray(0, 4)]).toEqual([0x20, client.bytes.length - 2, 0, 0]);

  const filters: [string, number][] = [
    ['test/1', 1],
    ['test/2', 2],
    ['test/3', 0],
    ['$share/aa/test/1', 0],
  ];
  const subackAt = client.bytes.length;
  client.write(...frame(0x82, 0, 10, 0, ...filters.flatMap(([filter, qos]) => [...text(filter), qos])));
  await client.next('suback');
  expect([...client.bytes.subarray(subackAt)]).toEqual([0x90, 7, 0, 10, 0, 1, 2, 0, 0]);

  client.write(...frame(0x30, ...text('test/0'), 0, 0x30));
  expect(await client.settled()).toEqual([]);

  client.write(...frame(0x32, ...text('test/1'), 0, 11, 0, 0x31));
  const aboutOne = await client.settled();
  expect(aboutOne).toContainEqual({ type: 'puback', packetId: 11, reasonCode: 0 });
  const one = aboutOne.filter((packet) => packet.type === 'publish');
  expect(one.map(({ topicName, qos, dup, retain, payload }) => [topicName, qos, dup, retain, ...payload]).sort()).toEqual([
    ['test/1', 0, false, false, 0x31],
    ['test/1', 1, false, false, 0x31],
  ]);
  expect(aboutOne).toHaveLength(3);
  client.send({ type: 'puback', packetId: one.find(({ qos }) => qos === 1)!.packetId, reasonCode: 0 });

  client.write(...frame(0x34, ...text('test/2'), 0, 12, 0, 0x32));
  const aboutTwo = await client.settled();
  expect(aboutTwo.filter(({ type }) => type === 'pubrec')).toEqual([{ type: 'pubrec', packetId: 12, reasonCode: 0 }]);
  const pubcompAt = client.bytes.length;
  client.write(0x62, 2, 0, 12);
  const afterPubrel = await client.settled();
  expect([...client.bytes.subarray(pubcompAt)].join()).toContain([0x70, 2, 0, 12].join());
  const two = [...aboutTwo, ...afterPubrel].filter((packet) => packet.type === 'publish');
  expect(two.map(({ topicName, qos, dup, payload }) => [topicName, qos, dup, ...payload])).toEqual([['test/2', 2, false, 0x32]]);
  const { packetId } = two[0];
  client.write(0x50, 2, packetId >> 8, packetId & 0xff);
  expect(await client.next('pubrel')).toMatchObject({ packetId, reasonCode: 0 });
  client.write(0x70, 2, packetId >> 8, packetId & 0xff);
  expect(await client.settled()).toEqual([]);

  const cutAt = Date.now();
  client.cut();
  const will = await watcher.next('publish');
  expect(Date.now() - cutAt).toBeLessThan(atOnce);
  expect([will.topicName, will.qos, Buffer.from(will.payload).toString()]).toEqual(['will/topic', 1, 'gone']);
  watcher.send({ type: 'puback', packetId: will.packetId, reasonCode: 0 });
  watcher.cut();
});
