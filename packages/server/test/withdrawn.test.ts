import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { type Authenticator, createServer, type Permissions, type Server, type SubscribeDecision } from '../src/index.js';
import { RawClient } from './raw-client.js';

let server: Server;
afterEach(() => server.stop());

/** Rules that the test changes: what each topic filter gets, or that somebody has to be asked; topics that may not be received under any. */
class Rules implements Authenticator, Permissions {
  readonly name = 'rules';
  readonly filters = new Map<string, SubscribeDecision | 'unknown'>();
  readonly topics = new Set<string>();
  readonly asked: string[] = [];
  answer: (decision: SubscribeDecision) => void = () => undefined;
  version = 0;

  authenticate({ clientId }: { readonly clientId: string }) {
    // The publisher may do everything, and so may clients whose name begins with `any`.
    const permissions: Permissions =
      clientId === 'publisher' || clientId.startsWith('any')
        ? { mayPublish: () => true, maySubscribe: () => 'allowed', mayReceive: () => true, version: 0 }
        : this;
    return Promise.resolve({ accepted: { userName: undefined, permissions } });
  }
  mayPublish(): boolean {
    return true;
  }
  maySubscribe(topicFilter: string): SubscribeDecision | 'unknown' {
    return this.filters.get(topicFilter) ?? 'allowed';
  }
  mayReceive(topicName: string): boolean {
    return !this.topics.has(topicName);
  }
  decideSubscribe(topicFilter: string): Promise<SubscribeDecision> {
    this.asked.push(topicFilter);
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }
  change(topicFilter: string, decision: SubscribeDecision | 'unknown'): void {
    this.filters.set(topicFilter, decision);
    this.version++;
  }
}

let rules: Rules;
let url: string;
async function start(): Promise<void> {
  rules = new Rules();
  server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { authenticators: [rules] });
  await server.start();
  url = server.addresses()[0].url;
}

const persistent = { clientId: 'subscriber', properties: { sessionExpiryInterval: 100 } } as const;

async function subscribed(client: RawClient, ...topicFilters: string[]): Promise<void> {
  for (const topicFilter of topicFilters) await client.subscribed(topicFilter, 1);
}

/** A session that has subscribed and whose client is gone. */
async function absent(...topicFilters: string[]): Promise<void> {
  const client = await RawClient.connected(url, persistent);
  await subscribed(client, ...topicFilters);
  client.send({ type: 'disconnect', reasonCode: 0 });
  await client.closed();
}

async function publish(...topicNames: string[]): Promise<void> {
  const client = await RawClient.connected(url, { clientId: 'publisher' });
  for (const topicName of topicNames) {
    client.send({ type: 'publish', topicName, payload: new Uint8Array(), dup: false, retain: false, qos: 1, packetId: 1 });
    await client.next('puback');
  }
  client.cut();
}

async function comesBack(): Promise<RawClient> {
  const client = await RawClient.connected(url, { ...persistent, cleanStart: false });
  expect(client.connack.sessionPresent).toBe(true);
  return client;
}

/** The topics of what came, everything that was sent before the answer to a PINGREQ. */
async function received(client: RawClient): Promise<string[]> {
  const packets = await client.settled();
  return packets.map((packet) => (packet.type === 'publish' ? packet.topicName : packet.type));
}

const queued = (clientId: string) => server.clients().find((client) => client.clientId === clientId)?.queued;

describe('a subscription that the rules withdraw', () => {
  it('while nobody is connected: what was queued for it is not delivered', async () => {
    await start();
    await absent('secret/+', 'open/+');
    await publish('secret/1', 'open/1');
    rules.change('secret/+', 'refused');
    expect(await received(await comesBack())).toEqual(['open/1']);
  });

  it('is withdrawn from an absent session at the reload: nothing more is queued for it', async () => {
    await start();
    await absent('secret/+', 'open/+');
    rules.change('secret/+', 'refused');
    await server.recheckAccess();
    await publish('secret/1', 'open/1');
    expect([queued('subscriber'), server.subscriptions('subscriber').map(({ topicFilter }) => topicFilter)]).toEqual([1, ['open/+']]);
    expect(await received(await comesBack())).toEqual(['open/1']);
  });

  it('what still waits for a client with a full window is not delivered either', async () => {
    await start();
    const client = await RawClient.connected(url, { clientId: 'subscriber', properties: { receiveMaximum: 1 } });
    await subscribed(client, 'secret/+', 'open/+');
    await publish('open/1', 'secret/1', 'open/2');
    const first = await client.next('publish');
    rules.change('secret/+', 'refused');
    await server.recheckAccess();
    client.send({ type: 'puback', packetId: first.packetId, reasonCode: 0 });
    expect((await client.next('publish')).topicName).toBe('open/2');
  });

  it('stays where another subscription of the session allows the topic', async () => {
    await start();
    await absent('secret/+', '#');
    await publish('secret/1');
    rules.change('secret/+', 'refused');
    expect(await received(await comesBack())).toEqual(['secret/1']);
  });

  it('partly: topics that are not allowed any more are left out', async () => {
    await start();
    await absent('mixed/+');
    await publish('mixed/secret', 'mixed/open');
    rules.topics.add('mixed/secret');
    rules.change('mixed/+', 'partly');
    expect(await received(await comesBack())).toEqual(['mixed/open']);
  });

  it('shared: a member gets of what waited what it may have, the rest waits for another one', async () => {
    await start();
    await absent('$share/group/job/+');
    await publish('job/secret', 'job/open');
    rules.topics.add('job/secret');
    rules.change('job/+', 'partly');
    const client = await comesBack();
    expect(await received(client)).toEqual(['job/open']);
    const other = await RawClient.connected(url, { clientId: 'any-other' });
    const request = { topicFilter: '$share/group/job/+', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    other.send({ type: 'subscribe', packetId: 1, subscriptions: [request] });
    expect(await received(other)).toEqual(['job/secret', 'suback']);
  });

  it('shared: what is queued for the member that loses it goes to another member', async () => {
    await start();
    const client = await RawClient.connected(url, { ...persistent, properties: { ...persistent.properties, receiveMaximum: 1 } });
    await subscribed(client, '$share/group/job/+');
    await publish('job/1', 'job/2');
    expect((await client.next('publish')).topicName).toBe('job/1');
    const other = await RawClient.connected(url, { clientId: 'any-other' });
    await subscribed(other, '$share/group/job/+');
    rules.change('job/+', 'refused');
    await server.recheckAccess();
    await expect.poll(() => received(other)).toContain('job/2');
    client.send({ type: 'puback', packetId: 1, reasonCode: 0 });
    expect(await received(client)).toEqual([]);
  });

  it('shared, and narrowed: the topics that its member lost go to another member', async () => {
    await start();
    const client = await RawClient.connected(url, { ...persistent, properties: { receiveMaximum: 1 } });
    await subscribed(client, '$share/group/job/+');
    await publish('job/1', 'job/secret', 'job/2');
    const other = await RawClient.connected(url, { clientId: 'any-other' });
    await subscribed(other, '$share/group/job/+');
    rules.topics.add('job/secret');
    rules.change('job/+', 'partly');
    await server.recheckAccess();
    for (const topicName of ['job/1', 'job/2']) {
      const message = await client.next('publish');
      expect(message.topicName).toBe(topicName);
      client.send({ type: 'puback', packetId: message.packetId, reasonCode: 0 });
    }
    expect(await received(other)).toEqual(['job/secret']);
  });

  it('narrowed while its retained messages are on their way: they obey, too', async () => {
    await start();
    const topicNames = ['kept/1', 'kept/2', 'kept/3'];
    for (const topicName of topicNames) server.publish({ topicName, payload: Uint8Array.of(1), qos: 1, retain: true });
    const client = await RawClient.connected(url, { ...persistent, properties: { receiveMaximum: 1 } });
    await subscribed(client, 'kept/+');
    const first = await client.next('publish');
    const [secret, open] = topicNames.filter((topicName) => topicName !== first.topicName);
    rules.topics.add(secret);
    rules.change('kept/+', 'partly');
    await server.recheckAccess();
    client.send({ type: 'puback', packetId: first.packetId, reasonCode: 0 });
    const second = await client.next('publish');
    client.send({ type: 'puback', packetId: second.packetId, reasonCode: 0 });
    expect([second.topicName, await received(client)]).toEqual([open, []]);
  });
});

describe('rules that have to be asked', () => {
  it('are asked before a session that comes back gets anything', async () => {
    await start();
    await absent('secret/+', 'open/+');
    await publish('secret/1', 'open/1');
    rules.change('secret/+', 'unknown');
    const client = await RawClient.open(url);
    client.send({ type: 'connect', protocolVersion: 5, cleanStart: false, keepAlive: 0, ...persistent });
    await expect.poll(() => rules.asked).toEqual(['secret/+']);
    await publish('secret/2', 'open/2');
    expect(client.bytes).toHaveLength(0);
    rules.answer('refused');
    expect(await client.next('connack')).toMatchObject({ sessionPresent: true, reasonCode: 0 });
    expect(await received(client)).toEqual(['open/1', 'open/2']);
  });

  it('that do not answer keep the session closed, and the client is told', async () => {
    await start();
    await absent('secret/+');
    rules.change('secret/+', 'unknown');
    rules.decideSubscribe = () => Promise.reject(new Error('the database is away'));
    const client = await RawClient.connected(url, { ...persistent, cleanStart: false });
    expect(client.connack.reasonCode).toBe(0x88);
    rules.change('secret/+', 'allowed');
    await comesBack();
  });

  it('are asked at a reload for a client that is connected', async () => {
    await start();
    const client = await RawClient.connected(url, { clientId: 'subscriber' });
    await subscribed(client, 'secret/+', 'open/+');
    rules.change('secret/+', 'unknown');
    await server.recheckAccess();
    expect(rules.asked).toEqual(['secret/+']);
    rules.answer('refused');
    await expect.poll(() => server.subscriptions('subscriber').map(({ topicFilter }) => topicFilter)).toEqual(['open/+']);
    await publish('secret/1', 'open/1');
    expect(await received(client)).toEqual(['open/1']);
  });
});

describe('a node that starts again', () => {
  it('obeys rules that changed meanwhile: for what it has queued, for what comes, for a will', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
    const aclFile = join(folder, 'acl');
    const state = new MemoryJournalState();
    const startNode = async (rulesText: string) => {
      await writeFile(aclFile, rulesText);
      const journal = new MemoryJournal(state);
      server = await createServer({ access: { aclFile }, sys: { enabled: false, intervalSeconds: 10 } }, { journal });
      await server.start();
      url = server.addresses()[0].url;
    };
    try {
      await startNode('topic readwrite #\n');
      await absent('secret/+', 'mixed/+', 'wills/+');
      const will = {
        topicName: 'wills/1',
        payload: new Uint8Array(),
        qos: 1,
        retain: false,
        properties: { willDelayInterval: 1 },
      } as const;
      const testator = await RawClient.connected(url, { clientId: 'testator', will, properties: { sessionExpiryInterval: 100 } });
      await publish('secret/1', 'mixed/secret', 'mixed/open');
      testator.cut();
      await expect.poll(() => server.clients().filter(({ connected }) => connected)).toEqual([]);
      await server.stop();
      await startNode('topic readwrite mixed/open\ntopic write secret/#\ntopic write mixed/#\ntopic read wills/#\n');
      expect(server.subscriptions('subscriber').map(({ topicFilter }) => topicFilter)).toEqual(['mixed/+', 'wills/+']);
      await publish('secret/2', 'mixed/secret', 'mixed/open');
      await expect.poll(() => server.broker.counters.willsRefused).toBe(1);
      const client = await comesBack();
      const got: string[] = [];
      // From the journal they come page by page.
      await expect.poll(async () => got.push(...(await received(client)))).toBe(2);
      expect(got).toEqual(['mixed/open', 'mixed/open']);
      client.cut();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
