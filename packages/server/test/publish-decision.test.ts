import { type PublishPacket, type QoS } from '@si-mqtt/codec';
import { MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, type Server, type ServerParts } from '../src/index.js';
import { AskedRules } from './asked-rules.js';
import { RawClient } from './raw-client.js';

let server: Server;
let url: string;
let rules: AskedRules;
afterEach(() => server.stop());

async function start(parts: ServerParts = {}): Promise<void> {
  rules = new AskedRules(['subscriber']);
  server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { authenticators: [rules], ...parts });
  await server.start();
  url = server.addresses()[0].url;
}

const publication = (topicName: string, packetId: number, qos: QoS = 1): PublishPacket => ({
  type: 'publish',
  topicName,
  payload: new Uint8Array([packetId]),
  dup: false,
  retain: false,
  qos,
  packetId,
});

async function subscriber(): Promise<RawClient> {
  const client = await RawClient.connected(url, { clientId: 'subscriber' });
  await client.subscribed('#', 2);
  return client;
}
const persistent = { clientId: 'publisher', cleanStart: false, properties: { sessionExpiryInterval: 100 } } as const;

describe('a publication about which somebody has to be asked', () => {
  it('yes: it is delivered and acknowledged, and what follows it waits', async () => {
    await start();
    const [receiver, client] = [await subscriber(), await RawClient.connected(url, { clientId: 'publisher' })];
    client.send(publication('a', 1));
    client.send({ type: 'pingreq' });
    const question = await rules.asked();
    expect(await client.rest(50)).toEqual([]);
    question.answer(true);
    expect(await client.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0 });
    await client.next('pingresp');
    expect(await receiver.next('publish')).toMatchObject({ topicName: 'a' });
    expect(server.broker.counters.publishRefused).toBe(0);
  });

  it('no: it is refused with 0x87, counted, and delivered to nobody', async () => {
    await start();
    const [receiver, client] = [await subscriber(), await RawClient.connected(url, { clientId: 'publisher' })];
    client.send(publication('a', 1));
    (await rules.asked()).answer(false);
    expect(await client.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0x87 });
    client.send(publication('a', 2)); // The answer is known now.
    expect(await client.next('puback')).toMatchObject({ packetId: 2, reasonCode: 0x87 });
    expect(server.broker.counters.publishRefused).toBe(2);
    expect(await receiver.settled()).toEqual([]);
  });

  it('no answer: the connection ends without an acknowledgement, and what comes again is asked for again', async () => {
    await start();
    const client = await RawClient.connected(url, persistent);
    client.send(publication('a', 1));
    (await rules.asked()).fail();
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x83 });
    await client.closed();
    const again = await RawClient.connected(url, persistent);
    expect(again.connack.sessionPresent).toBe(true);
    again.send({ ...publication('a', 1), dup: true });
    (await rules.asked()).answer(true);
    expect(await again.next('puback')).toMatchObject({ packetId: 1 });
  });

  it('is asked for once in 30 seconds', async () => {
    await start();
    const client = await RawClient.connected(url, { clientId: 'publisher' });
    client.send(publication('a', 1));
    (await rules.asked()).answer(true);
    await client.next('puback');
    // The coarse clock ticks by itself, too.
    server.broker.currentTick += 2 * 28;
    client.send(publication('a', 2));
    await client.next('puback');
    expect(rules.questions).toEqual([]);
    server.broker.currentTick += 2 * 2;
    client.send(publication('a', 3));
    (await rules.asked()).answer(false);
    expect(await client.next('puback')).toMatchObject({ packetId: 3, reasonCode: 0x87 });
  });

  it('is asked for again when the rules change, and an answer from before the change is not kept', async () => {
    await start();
    const client = await RawClient.connected(url, { clientId: 'publisher' });
    client.send(publication('a', 1));
    const question = await rules.asked();
    rules.version++;
    question.answer(true);
    await client.next('puback');
    client.send(publication('a', 2));
    (await rules.asked()).answer(false);
    expect(await client.next('puback')).toMatchObject({ packetId: 2, reasonCode: 0x87 });
    rules.version++;
    client.send(publication('a', 3));
    (await rules.asked()).answer(true);
    expect(await client.next('puback')).toMatchObject({ packetId: 3, reasonCode: 0x10 });
  });
});

describe('an answer that comes after the end of the connection', () => {
  /** While somebody is asked the socket is not read, so that the server would not see that a client has gone. */
  async function ended(client: RawClient): Promise<void> {
    expect(server.disconnectClient('publisher')).toBe(true);
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
  }
  /** Nothing came after DISCONNECT. */
  async function gotNothing(client: RawClient): Promise<void> {
    await client.closed();
    expect(await client.rest(0)).toEqual([]);
  }

  it.each([0, 1, 2] as const)('yes, QoS %i: the message came before the end, so it is published', async (qos) => {
    await start();
    const receiver = await subscriber();
    const client = await RawClient.connected(url, { clientId: 'publisher' });
    client.send(publication('a', qos === 0 ? 0 : 1, qos));
    const question = await rules.asked();
    await ended(client);
    question.answer(true);
    expect(await receiver.next('publish')).toMatchObject({ topicName: 'a', qos });
    await gotNothing(client);
  });

  it('no: it is counted, and published to nobody', async () => {
    await start();
    const receiver = await subscriber();
    const client = await RawClient.connected(url, { clientId: 'publisher' });
    client.send(publication('a', 1));
    const question = await rules.asked();
    await ended(client);
    question.answer(false);
    await expect.poll(() => server.broker.counters.publishRefused).toBe(1);
    expect(await receiver.settled()).toEqual([]);
    await gotNothing(client);
  });

  it('acknowledges what the client of the same session has sent again, which is published once', async () => {
    await start();
    const receiver = await subscriber();
    const client = await RawClient.connected(url, persistent);
    client.send(publication('a', 1, 2));
    const question = await rules.asked();
    await ended(client);
    const again = await RawClient.connected(url, persistent);
    again.send({ ...publication('a', 1, 2), dup: true });
    expect(await again.settled()).toEqual([]);
    question.answer(true);
    expect(await again.next('pubrec')).toMatchObject({ packetId: 1, reasonCode: 0 });
    expect((await receiver.settled()).map(({ type }) => type)).toEqual(['publish']);
  });

  it('no answer: the connection that took the session over ends, so that the publication comes again', async () => {
    await start();
    await RawClient.connected(url, persistent).then((client) => client.send(publication('a', 1)));
    const question = await rules.asked();
    const newer = await RawClient.connected(url, persistent);
    newer.send({ ...publication('a', 1), dup: true });
    expect(await newer.settled()).toEqual([]);
    question.fail();
    expect(await newer.next('disconnect')).toMatchObject({ reasonCode: 0x83 });
    const newest = await RawClient.connected(url, persistent);
    newest.send({ ...publication('a', 1), dup: true });
    (await rules.asked()).answer(true);
    expect(await newest.next('puback')).toMatchObject({ packetId: 1 });
  });

  it('leaves nothing in the store of a session that has ended', async () => {
    const recorded: string[] = [];
    const journal = new (class extends MemoryJournal {
      override inboundReceived(...what: Parameters<MemoryJournal['inboundReceived']>): void {
        recorded.push(what[0].clientId);
        super.inboundReceived(...what);
      }
    })(new MemoryJournalState());
    await start({ journal });
    const receiver = await subscriber();
    const client = await RawClient.connected(url, persistent);
    client.send(publication('a', 1, 2));
    const question = await rules.asked();
    await ended(client);
    const anew = await RawClient.connected(url, { ...persistent, cleanStart: true });
    question.answer(true);
    expect(await receiver.next('publish')).toMatchObject({ topicName: 'a' });
    expect(await anew.settled()).toEqual([]);
    expect(recorded).toEqual([]);
  });
});
