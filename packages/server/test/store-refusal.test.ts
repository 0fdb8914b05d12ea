import { MemoryJournalState } from '@si-mqtt/session';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';
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
