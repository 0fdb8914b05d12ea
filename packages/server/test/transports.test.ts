import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createServer, type Server } from '../src/index.js';

const fixture = (name: string): string => join(import.meta.dirname, 'listeners', 'fixtures', name);
const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-transports-'));
const socketPath = join(folder, 'mqtt.sock');
const transports = ['tcp', 'tls', 'websocket', 'secure-websocket', 'unix'] as const;
type Transport = (typeof transports)[number];

/** As MQTT.js names them. */
const versions = {
  '3.1': { protocolVersion: 3, protocolId: 'MQIsdp' },
  '3.1.1': { protocolVersion: 4, protocolId: 'MQTT' },
  '5.0': { protocolVersion: 5, protocolId: 'MQTT' },
} as const satisfies Record<string, IClientOptions>;
type Version = keyof typeof versions;
const versionNames = Object.keys(versions) as Version[];

let server: Server;
let urls: ReadonlyMap<string, string>;
let clients: MqttClient[] = [];

beforeAll(async () => {
  const tls = { certificateFile: fixture('server.pem'), keyFile: fixture('server-key.pem') };
  server = await createServer({
    listeners: [
      { type: 'tcp', name: 'tcp', port: 0 },
      { type: 'tls', name: 'tls', port: 0, tls },
      { type: 'websocket', name: 'websocket', port: 0 },
      { type: 'secure-websocket', name: 'secure-websocket', port: 0, tls },
      { type: 'unix', name: 'unix', socketPath },
    ],
  });
  await server.start();
  urls = new Map(server.addresses().map(({ listener, url }) => [listener, url]));
});

afterAll(async () => {
  await server?.stop({ drainSeconds: 0 });
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.endAsync()));
  clients = [];
  await expect.poll(() => server.clients()).toEqual([]);
});

async function connectOver(transport: Transport, version: Version = '3.1.1'): Promise<MqttClient> {
  const options: IClientOptions = { ...versions[version], reconnectPeriod: 0, ca: [readFileSync(fixture('ca.pem'))] };
  const url = transport === 'unix' ? `mqtt+unix://${socketPath}` : urls.get(transport)!;
  const client = await connectAsync(url, options);
  clients.push(client);
  return client;
}

/** What comes, in the order in which it comes. */
async function subscribed(client: MqttClient, topicFilter: string, qos: 0 | 1 | 2): Promise<string[]> {
  const received: string[] = [];
  client.on('message', (topic, payload, packet) => received.push(`${topic} ${packet.qos} ${payload.toString('latin1')}`));
  await client.subscribeAsync(topicFilter, { qos });
  return received;
}

describe('a message goes from publisher to subscriber', () => {
  test.each(transports.flatMap((from) => transports.map((to) => [from, to] as const)))('over %s to %s', async (from, to) => {
    const subscriber = await connectOver(to);
    const publisher = await connectOver(from);
    const received = await subscribed(subscriber, `over/${from}/${to}`, 2);
    // Larger than a WebSocket frame with a 7-bit length, a TLS record and a read of the shared buffer.
    const large = 'ä'.repeat(100_000);
    const expected: string[] = [];
    for (const qos of [0, 1, 2] as const) {
      await publisher.publishAsync(`over/${from}/${to}`, `${qos}`, { qos });
      await publisher.publishAsync(`over/${from}/${to}`, Buffer.from(large, 'latin1'), { qos });
      expected.push(`over/${from}/${to} ${qos} ${qos}`, `over/${from}/${to} ${qos} ${large}`);
      await expect.poll(() => received.length).toBe(expected.length);
    }
    expect(received).toEqual(expected);
    const listeners = server.clients().map(({ listenerName }) => listenerName);
    expect(listeners).toEqual(expect.arrayContaining([from, to]));
  });
});

describe('a message goes between protocol versions', () => {
  test.each(versionNames.flatMap((from) => versionNames.map((to) => [from, to] as const)))('from %s to %s', async (from, to) => {
    const subscriber = await connectOver('tcp', to);
    const publisher = await connectOver('tcp', from);
    const protocolVersions = server.clients().map(({ protocolVersion }) => protocolVersion);
    expect(protocolVersions.sort()).toEqual([versions[from].protocolVersion, versions[to].protocolVersion].sort());
    const properties = new Promise((resolve) => {
      subscriber.on('message', (_topic, _payload, packet) => resolve(packet.properties?.userProperties));
    });
    const received = await subscribed(subscriber, 'versions/+', 2);
    for (const qos of [0, 1, 2] as const) {
      await publisher.publishAsync('versions/a', `${qos}`, {
        qos,
        ...(from === '5.0' ? { properties: { userProperties: { colour: 'green' } } } : {}),
      });
    }
    await expect.poll(() => received).toEqual(['versions/a 0 0', 'versions/a 1 1', 'versions/a 2 2']);
    expect(await properties).toEqual(from === '5.0' && to === '5.0' ? { colour: 'green' } : undefined);
  });
});
