import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectPacket, encode, type PublishPacket } from '@si-mqtt/codec';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createServer, type Server, setUser } from '../src/index.js';
import { RawClient } from './raw-client.js';

const secrets = { right: 'open-sesame-right', wrong: 'open-sesame-wrong', payload: 'the-body-of-a-message', will: 'the-body-of-a-will' };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

let folder: string;
let server: Server;
let log = '';
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
  const passwordFile = join(folder, 'passwords');
  await setUser(passwordFile, 'ada', secrets.right);
  log = '';
  const logger = pino({ level: 'trace' }, { write: (text: string) => void (log += text) });
  server = await createServer(
    {
      listeners: [{ type: 'tcp', port: 0, allowAnonymous: false }],
      access: { passwordFile },
      sys: { enabled: false, intervalSeconds: 10 },
    },
    { logger },
  );
  await server.start();
  url = server.addresses()[0].url;
});

afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const as = (clientId: string, password: string, change: Partial<ConnectPacket> = {}) => ({
  clientId,
  userName: 'ada',
  password: bytesOf(password),
  ...change,
});
const publication = (topicName: string, qos: 0 | 1 | 2): PublishPacket => ({
  type: 'publish',
  dup: false,
  qos,
  retain: true,
  topicName,
  packetId: qos,
  payload: bytesOf(secrets.payload),
});

/** Sends the packet with one byte changed, on a connection of its own, and waits for its end. */
async function spoilt(client: RawClient, bytes: Uint8Array, at: number, value: number): Promise<void> {
  const changed = bytes.slice();
  changed[at] = value;
  client.socket.write(changed);
  await client.closed();
}

it('at the level of traces it has neither passwords nor payloads', async () => {
  for (const protocolVersion of [4, 5] as const) {
    const refused = await RawClient.connected(url, as('refused', secrets.wrong, { protocolVersion }));
    expect(refused.connack.reasonCode).toBe(protocolVersion === 5 ? 0x86 : 4);
    const will = { topicName: 'will', payload: bytesOf(secrets.will), qos: 1, retain: true } as const;
    const client = await RawClient.connected(url, as('client', secrets.right, { protocolVersion, will }));
    expect(client.connack.reasonCode).toBe(0);
    await client.subscribed('#', 2);
    for (const qos of [0, 1, 2] as const) client.send(publication('a', qos));
    await client.settled();
    client.cut(); // The will is published.
    await expect.poll(() => server.clients()).toEqual([]);

    // Packets with a defect, which is logged: CONNECT with its reserved flag, PUBLISH with QoS 3.
    const connect = { type: 'connect', cleanStart: true, keepAlive: 0, ...as('spoilt', secrets.right), protocolVersion } as const;
    await spoilt(await RawClient.open(url, protocolVersion), encode(connect, protocolVersion), 9, 0xc3);
    const publisher = await RawClient.connected(url, as('publisher', secrets.right, { protocolVersion }));
    await spoilt(publisher, encode(publication('a', 1), protocolVersion), 0, 0x36);
  }
  await server.stop();

  const messages = log
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(new Set(messages)).toEqual(
    new Set(['connection refused', 'client connected', 'client disconnected', 'client disconnected for a fault']),
  );
  for (const secret of Object.values(secrets)) {
    const bytes = Buffer.from(secret);
    // As text, and as bytes are written by pino and by people.
    for (const form of [
      secret,
      bytes.toString('base64').slice(0, 20),
      bytes.toString('hex'),
      [...bytes].join(),
      JSON.stringify({ ...bytes }).slice(1, -1),
    ])
      expect(log).not.toContain(form);
  }
});
