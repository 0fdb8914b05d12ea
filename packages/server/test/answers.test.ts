import { afterEach, describe, expect, it } from 'vitest';
import { type AnswerPacket, type AnswerPolicy, createServer, type Server, type ServerOptions, type ServerParts } from '../src/index.js';
import { RawClient } from './raw-client.js';

let server: Server;
afterEach(() => server.stop());

async function start(parts: ServerParts, options: ServerOptions = {}): Promise<string> {
  server = await createServer({ sys: { enabled: false, intervalSeconds: 10 }, ...options }, parts);
  await server.start();
  return server.addresses()[0].url;
}

const filter = (topicFilter: string) => ({ topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }) as const;

describe('a policy for answers', () => {
  it('is asked for each packet that may carry properties, and for nothing else', async () => {
    const asked: string[] = [];
    const url = await start({
      answers: {
        propertiesFor: (packet, clientId) => {
          asked.push(`${packet.type} ${clientId}`);
          return { userProperties: [['for', clientId]] };
        },
      },
    });
    const client = await RawClient.connected(url, { clientId: 'c' });
    const properties = { userProperties: [['for', 'c']] };
    expect(client.connack.properties).toMatchObject(properties);
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [filter('t')] });
    expect(await client.next('suback')).toEqual({ type: 'suback', packetId: 1, reasonCodes: [0], properties });
    const message = { type: 'publish', topicName: 't', payload: new Uint8Array(), dup: false, retain: false } as const;
    client.send({ ...message, qos: 1, packetId: 2 });
    expect(await client.next('publish')).toMatchObject({ topicName: 't' });
    expect(await client.next('puback')).toEqual({ type: 'puback', packetId: 2, reasonCode: 0, properties });
    client.send({ type: 'pingreq' });
    await client.next('pingresp');
    server.disconnectClient('c');
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x98, properties });
    expect(asked).toEqual(['connack c', 'suback c', 'puback c', 'disconnect c']);
  });

  it('is not asked for clients of 3.1.1', async () => {
    const asked: AnswerPacket[] = [];
    const url = await start({ answers: { propertiesFor: (packet) => void asked.push(packet) } });
    const client = await RawClient.connected(url, { clientId: 'c', protocolVersion: 4 });
    client.send({ type: 'pubrel', packetId: 9, reasonCode: 0 });
    expect(await client.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 9, reasonCode: 0 });
    await client.subscribed('t', 1);
    expect(asked).toEqual([]);
    client.cut();
  });

  it.each<[string, AnswerPolicy['propertiesFor']]>([
    [
      'throws',
      () => {
        throw new Error('a fault of the policy');
      },
    ],
    ['says what no packet can say', () => ({ reasonString: 'a\ud800' })],
  ])('that %s costs no acknowledgement and is reported', async (_, propertiesFor) => {
    const url = await start({ answers: { propertiesFor } });
    const errors: Error[] = [];
    server.events.on('error', (error) => errors.push(error));
    const client = await RawClient.connected(url, { clientId: 'c' });
    client.send({ type: 'pubrel', packetId: 9, reasonCode: 0 });
    const properties = { reasonString: 'no exchange with this packet identifier is open' };
    expect(await client.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 9, reasonCode: 0x92, properties });
    expect(errors).toHaveLength(2); // CONNACK and PUBCOMP
    client.cut();
  });
});

it('a refusal shows what the authenticator says, as far as the client takes it [MQTT-3.2.2-19] [MQTT-3.2.2-20]', async () => {
  const refused = { reasonCode: 0x87, reasonString: 'not on Sundays', userProperties: [['open', 'Monday']] } as const;
  const url = await start({ authenticators: [{ name: 'porter', authenticate: () => Promise.resolve({ refused }) }] });
  const { reasonString, userProperties } = refused;
  const all = await RawClient.connected(url, { clientId: 'c' });
  expect(all.connack).toEqual({ type: 'connack', sessionPresent: false, reasonCode: 0x87, properties: { reasonString, userProperties } });
  const narrow = await RawClient.connected(url, { clientId: 'c', properties: { maximumPacketSize: 22 } });
  expect(narrow.connack).toEqual({ type: 'connack', sessionPresent: false, reasonCode: 0x87, properties: { reasonString } });
  expect(narrow.bytes).toHaveLength(22);
});

it('refusals do not say why where the configuration does not want it', async () => {
  const refused = { reasonCode: 0x87, reasonString: 'not on Sundays' } as const;
  const parts: ServerParts = {
    authenticators: [{ name: 'porter', authenticate: ({ clientId }) => Promise.resolve(clientId === 'c' ? 'undecided' : { refused }) }],
  };
  const url = await start(parts, { responses: { reasonStrings: false } });
  expect((await RawClient.connected(url, { clientId: 'other' })).connack.properties).toBeUndefined();
  const client = await RawClient.connected(url, { clientId: 'c' });
  client.send({ type: 'pubrel', packetId: 9, reasonCode: 0 });
  expect(await client.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 9, reasonCode: 0x92 });
  server.disconnectClient('c');
  expect(await client.next('disconnect')).toEqual({ type: 'disconnect', reasonCode: 0x98 });
});

describe('[MQTT-3.1.2-24] no packet is larger than the client takes', () => {
  it('CONNACK: refused with one that is not, or without any', async () => {
    const url = await start({});
    const properties = { maximumPacketSize: 15 };
    const refused = await RawClient.connected(url, { clientId: 'c', properties });
    expect([refused.connack.reasonCode, refused.bytes.length]).toEqual([0x95, 5]);
    await refused.closed();
    const silent = await RawClient.open(url);
    silent.send({
      type: 'connect',
      protocolVersion: 5,
      cleanStart: true,
      keepAlive: 0,
      clientId: 'c',
      properties: { maximumPacketSize: 4 },
    });
    await silent.closed();
    expect([silent.bytes.length, server.clients()]).toEqual([0, []]);
  });

  it('SUBACK and UNSUBACK: disconnected with 0x95', async () => {
    const url = await start({});
    const topicFilters = Array.from({ length: 30 }, (_, index) => `t/${index}`);
    const client = async () => RawClient.connected(url, { clientId: 'c', properties: { maximumPacketSize: 30 } });
    const subscriber = await client();
    subscriber.send({ type: 'subscribe', packetId: 1, subscriptions: topicFilters.map(filter) });
    expect((await subscriber.next('disconnect')).reasonCode).toBe(0x95);
    await subscriber.closed();
    const other = await client();
    other.send({ type: 'unsubscribe', packetId: 1, topicFilters });
    expect((await other.next('disconnect')).reasonCode).toBe(0x95);
    await other.closed();
  });
});
