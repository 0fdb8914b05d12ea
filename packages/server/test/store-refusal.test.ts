import { MemoryJournalState } from '@si-mqtt/session';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';
import { clean, persistent, publish, start, text } from './journaled-node.js';
import { RawClient } from './raw-client.js';
import { TroubledJournal } from './troubled-journal.js';

it('what a 3.1.1 client was disconnected for while the store was away is taken when it comes again', async () => {
  const journal = new TroubledJournal(new MemoryJournalState());
  const server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { journal });
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const connect = { clientId: 'publisher', protocolVersion: 4, cleanStart: false } as const;
    const publisher = await RawClient.connected(url, connect);
    const publication = { type: 'publish', topicName: 'a', payload: new Uint8Array(1), qos: 1, retain: true, packetId: 1 } as const;
    journal.become('unavailable');
    publisher.send({ ...publication, dup: false });
    await publisher.closed();
    expect(await publisher.rest(0)).toEqual([]);
    journal.become('ready');
    const again = await RawClient.connected(url, connect);
    expect(again.connack.sessionPresent).toBe(true);
    again.send({ ...publication, dup: true });
    again.send({ ...publication, dup: false, packetId: 2 });
    expect(await again.next('puback')).toMatchObject({ packetId: 1 });
    expect(await again.next('puback')).toMatchObject({ packetId: 2 });
  } finally {
    await server.stop();
  }
});

it('CONNACK says how large a packet may be for the store, if that is less than the limit', async () => {
  const journal = Object.assign(new TroubledJournal(new MemoryJournalState()), { maximumMessageBytes: 5000 });
  const server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { journal });
  await server.start();
  try {
    const client = await RawClient.connected(server.addresses()[0].url, { clientId: 'c' });
    expect(client.connack.properties?.maximumPacketSize).toBe(5000);
    const publication = { type: 'publish', topicName: 't', payload: new Uint8Array(6000), qos: 1, retain: false, packetId: 1 } as const;
    client.send({ ...publication, dup: false });
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x95 });
  } finally {
    await server.stop();
  }
});

it('full: a client that subscribes once more to what it has is not refused, since nothing would be stored', async () => {
  const node = await start();
  const subscriber = await persistent(node, 'subscriber');
  await subscriber.subscribed('t', 1);
  node.journal.become('full');
  await subscriber.subscribed('t', 1);
  await expect(subscriber.subscribed('t', 2)).rejects.toThrow('151');
  await expect(subscriber.subscribed('u', 1)).rejects.toThrow('151');
});

it('a message that the store takes at no time does not wait for a member of a shared subscription', async () => {
  const node = await start();
  const member = await persistent(node, 'member');
  await member.subscribed('$share/g/t', 1);
  member.cut();
  await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'member')!.connected).toBe(false);
  const publisher = await clean(node, 'publisher');
  node.isStuck = true;
  publish(publisher, 't', 'bad', 1, 1);
  publish(publisher, 't', 'good', 1, 2);
  await expect.poll(() => node.journal.given.length).toBe(2);
  node.journal.refuse(node.journal.given[0]);
  node.unstick();
  const back = await persistent(node, 'member');
  expect((await back.rest(50)).map(text)).toEqual(['good']);
});

it('a retained message that the store takes at no time leaves the one before', async () => {
  const node = await start();
  const publisher = await clean(node, 'publisher');
  const retained = (topicName: string, payload: string, packetId: number) =>
    publish(publisher, topicName, payload, 1, packetId, { retain: true });
  retained('a', 'before', 1);
  await publisher.next('puback');
  node.isStuck = true;
  retained('a', 'bad', 2);
  retained('b', 'bad', 3);
  retained('c', 'bad', 4);
  retained('c', 'also bad', 5);
  retained('d', 'bad', 6);
  retained('d', 'good', 7);
  await expect.poll(() => node.journal.given.length).toBe(7);
  for (const message of node.journal.given.slice(1, 6)) node.journal.refuse(message);
  node.unstick();
  const reader = await clean(node, 'reader');
  await reader.subscribed('#', 0);
  expect((await reader.rest(50)).map(text)).toEqual(['before', 'good']);
});

it('full: a session that comes back again and again has one will published into the store, and more of them when there is room', async () => {
  const node = await start();
  const watcher = await persistent(node, 'watcher');
  await watcher.subscribed('will', 1);
  const will = { topicName: 'will', payload: new TextEncoder().encode('gone'), qos: 1, retain: true, properties: undefined } as const;
  const live = async () => {
    const mortal = await persistent(node, 'mortal', { will });
    mortal.cut();
    await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'mortal')!.connected).toBe(false);
  };
  node.journal.become('ready');
  await live();
  node.journal.become('full');
  await live();
  await live();
  await live();
  expect((await watcher.rest(50)).map(text)).toEqual(['gone', 'gone']);
  expect(node.server.broker.counters).toMatchObject({ willsPublished: 2, willsRefused: 2 });
  node.journal.become('ready');
  await live();
  expect((await watcher.rest(50)).map(text)).toEqual(['gone']);
});
