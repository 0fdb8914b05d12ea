import { afterEach, describe, expect, it } from 'vitest';
import { type AuthenticationMechanism, createServer, type Permissions, type Server } from '../src/index.js';
import { RawClient } from './raw-client.js';

let server: Server;
afterEach(() => server.stop());

/** Who may do what is part of the data: `user:topic` lets the user publish to, and receive from, that topic only. */
const badge: AuthenticationMechanism = {
  method: 'badge',
  start: () => ({
    step: (data) => {
      const [userName, topicName] = new TextDecoder().decode(data).split(':');
      const permissions: Permissions = {
        mayPublish: (topic) => topic === topicName,
        maySubscribe: (topicFilter) => (topicFilter === topicName ? 'allowed' : topicFilter === '#' ? 'partly' : 'refused'),
        mayReceive: (topic) => topic === topicName,
        version: 0,
      };
      if (userName === 'more') return Promise.resolve({ continue: new TextEncoder().encode('who?') });
      if (userName === 'nobody') return Promise.resolve({ refused: { reasonCode: 0x86 } });
      return Promise.resolve({ accepted: { userName, permissions }, data: new TextEncoder().encode('hello') });
    },
  }),
};
const properties = (data: string) => ({ authenticationMethod: 'badge', authenticationData: new TextEncoder().encode(data) });
const publication = (topicName: string, packetId: number) =>
  ({ type: 'publish', topicName, payload: new Uint8Array(), dup: false, retain: false, qos: 1, packetId }) as const;

async function connected(): Promise<RawClient> {
  server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { mechanisms: [badge] });
  await server.start();
  return RawClient.connected(server.addresses()[0].url, { clientId: 'c', properties: properties('ann:a') });
}

it('a second CONNECT, instead of an answer to the challenge, ends the connection [MQTT-3.1.0-2] [MQTT-3.1.2-30]', async () => {
  (await connected()).cut();
  const client = await RawClient.open(server.addresses()[0].url);
  const connect = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId: 'd' } as const;
  client.send({ ...connect, properties: properties('more') });
  expect(await client.next('auth')).toMatchObject({ reasonCode: 0x18 });
  client.send({ ...connect, properties: properties('ann:a') });
  await client.closed();
  expect(await client.rest(0)).toEqual([]);
});

describe('re-authentication', () => {
  it('gives the client other permissions, for what it publishes and for what it has subscribed to', async () => {
    const client = await connected();
    await client.subscribed('a', 1);
    await client.subscribed('#', 1);
    client.send(publication('a', 1));
    client.send(publication('b', 2));
    const before = await client.settled();
    expect(before.map((packet) => (packet.type === 'puback' ? packet.reasonCode : packet.type))).toEqual(['publish', 0, 0x87]);
    client.send({ type: 'auth', reasonCode: 0x19, properties: properties('ann:b') });
    expect(await client.next('auth')).toEqual({ type: 'auth', reasonCode: 0, properties: properties('hello') });
    expect(server.subscriptions('c').map(({ topicFilter }) => topicFilter)).toEqual(['#']);
    client.send(publication('a', 3));
    client.send(publication('b', 4));
    server.publish({ topicName: 'a', payload: new Uint8Array(), qos: 0, retain: false });
    const after = await client.settled();
    expect(after.map((packet) => (packet.type === 'puback' ? packet.reasonCode : packet.type))).toEqual([0x87, 'publish', 0]);
  });

  it('does not make another user of the client: the session belongs to the first one', async () => {
    const client = await connected();
    client.send({ type: 'auth', reasonCode: 0x19, properties: properties('bob:b') });
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
    await client.closed();
  });

  it('that is refused ends the connection [MQTT-4.12.1-2]', async () => {
    const client = await connected();
    client.send({ type: 'auth', reasonCode: 0x19, properties: properties('nobody:a') });
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
    await client.closed();
  });

  it('is for clients that began with enhanced authentication [MQTT-4.12.0-7]', async () => {
    const first = await connected();
    first.cut();
    const client = await RawClient.connected(server.addresses()[0].url, { clientId: 'd' });
    client.send({ type: 'auth', reasonCode: 0x19, properties: properties('ann:b') });
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
    await client.closed();
  });
});
