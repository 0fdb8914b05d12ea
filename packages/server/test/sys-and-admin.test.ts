import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createServer, deleteUser, type Server, type ServerOptions, setUser } from '../src/index.js';
import { RawClient } from './raw-client.js';

const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-admin-'));
const passwordFile = join(folder, 'passwords');
const aclFile = join(folder, 'acl');

let server: Server;

async function start(options: ServerOptions = {}): Promise<string> {
  server = await createServer({ listeners: [{ type: 'tcp', name: 'tcp', port: 0 }], ...options }, { version: '1.2.3' });
  await server.start();
  return urlOf('tcp');
}

function urlOf(listener: string): string {
  return server.addresses().find((address) => address.listener === listener)!.url;
}

afterEach(async () => {
  await server.stop({ drainSeconds: 0 });
  rmSync(passwordFile, { force: true });
  rmSync(aclFile, { force: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();
const password = (text: string): Uint8Array => new TextEncoder().encode(text);
const will = (topicName: string, properties = {}) => ({ topicName, payload: password('gone'), qos: 1, retain: false, properties }) as const;

describe('$SYS topics', () => {
  test('are retained, numbers of this broker, and follow what happens', async () => {
    const url = await start({ sys: { enabled: true, intervalSeconds: 1 } });
    const other = await RawClient.connected(url, { clientId: 'other' });
    await other.subscribed('a/b', 0);
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('$SYS/broker/#', 0);
    const first = (await watcher.settled()).filter((packet) => packet.type === 'publish');
    expect(first.length).toBeGreaterThan(10);
    expect(first.every(({ retain, qos }) => retain && qos === 0)).toBe(true);
    expect(textOf(first.find(({ topicName }) => topicName === '$SYS/broker/version')!.payload)).toBe('si-mqtt version 1.2.3');

    const values = new Map<string, string>();
    const deadline = Date.now() + 5000;
    while (values.get('clients/connected') !== '2' || values.get('subscriptions/count') !== '2') {
      expect(Date.now()).toBeLessThan(deadline);
      const { topicName, payload, retain } = await watcher.next('publish');
      expect(retain).toBe(false); // [MQTT-3.3.1-12]: as part of a normal subscription, without Retain As Published.
      values.set(topicName.slice('$SYS/broker/'.length), textOf(payload));
    }
    expect(Number(values.get('bytes/received'))).toBeGreaterThan(50);
  });

  test('[MQTT-4.7.2-1] a filter that begins with a wildcard does not match them', async () => {
    const url = await start();
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('#', 0);
    await watcher.subscribed('+/broker/version', 0);
    expect(await watcher.settled()).toEqual([]);
  });

  test('belong to the server: a client does not publish them', async () => {
    const url = await start();
    const client = await RawClient.connected(url, { clientId: 'client' });
    await client.subscribed('$SYS/broker/version', 0);
    await client.next('publish');
    const topicName = '$SYS/broker/version';
    client.send({ type: 'publish', dup: false, qos: 1, retain: true, topicName, packetId: 1, payload: password('forged') });
    expect(await client.settled()).toMatchObject([{ type: 'puback', packetId: 1, reasonCode: 0x87 }]);
  });

  test('have the state of a connection from its client, as a bridge of mosquitto tells it, and from no other', async () => {
    const url = await start();
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('$SYS/broker/connection/#', 0);
    const topicName = '$SYS/broker/connection/branch.office/state';
    const bridge = await RawClient.connected(url, { clientId: 'branch.office', will: { ...will(topicName), retain: true } });
    bridge.send({ type: 'publish', dup: false, qos: 1, retain: true, topicName, packetId: 1, payload: password('1') });
    expect(await bridge.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0 });
    expect(textOf((await watcher.next('publish')).payload)).toBe('1');
    watcher.send({ type: 'publish', dup: false, qos: 1, retain: true, topicName, packetId: 1, payload: password('0') });
    expect(await watcher.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0x87 });
    bridge.cut();
    expect(textOf((await watcher.next('publish')).payload)).toBe('gone');
    const { messages } = await server.retainedMessages(topicName);
    expect(messages.map(({ payload }) => textOf(payload))).toEqual(['gone']);
  });

  test('are absent where they are switched off', async () => {
    const url = await start({ sys: { enabled: false, intervalSeconds: 1 } });
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('$SYS/#', 0);
    expect(await watcher.settled()).toEqual([]);
  });
});

describe('the admin listener', () => {
  const admin = { enabled: true, host: '127.0.0.1', port: 0 };

  test('/metrics counts what happened', async () => {
    const url = await start({ admin });
    const client = await RawClient.connected(url, { clientId: 'client' });
    await client.subscribed('a', 0);
    for (let i = 0; i < 3; i++)
      client.send({ type: 'publish', dup: false, qos: 0, retain: true, topicName: 'a', packetId: 0, payload: password('x') });
    await client.settled();
    await expect.poll(async () => (await server.retainedMessages('$SYS/#')).messages.length).toBeGreaterThan(10);
    const response = await fetch(`${urlOf('admin')}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    const value = (name: string): number => Number(new RegExp(`^si_mqtt_${name} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(value('connections')).toBe(1);
    expect(value('connected_clients')).toBe(1);
    expect(value('publish_received_total'), 'and nothing of $SYS').toBe(3);
    expect(value('publish_unmatched_total')).toBe(0);
    expect(text).toMatch(/^si_mqtt_build_info\{version="1\.2\.3"\} 1$/m);
    expect(value('sessions')).toBe(1);
    expect(value('subscriptions')).toBe(1);
    expect(value('connections_accepted_total')).toBe(1);
    expect(value('publish_sent_total')).toBe(3);
    expect(value('bytes_received_total')).toBeGreaterThan(20);
    expect(text).toContain('process_resident_memory_bytes');
  });

  test('/healthz and /readyz; anything else is refused', async () => {
    await start({ admin });
    const url = urlOf('admin');
    const health = await fetch(`${url}/healthz`);
    expect([health.status, health.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  test('/readyz says no while the server stops, and then nobody answers', async () => {
    const url = await start({ admin });
    for (let i = 0; i < 10; i++) await RawClient.connected(url, { clientId: `client-${i}` });
    const stopped = server.stop({ drainSeconds: 1 });
    await expect.poll(async () => (await fetch(`${urlOf('admin')}/readyz`)).status).toBe(503);
    await stopped;
    await expect(fetch(`${urlOf('admin')}/readyz`)).rejects.toThrow();
  });
});

describe('as a library', () => {
  test('lists clients and their subscriptions', async () => {
    const url = await start();
    const five = await RawClient.connected(url, { clientId: 'five', properties: { sessionExpiryInterval: 60 } });
    await five.subscribed('a/+', 1);
    await five.subscribed('$share/g/b', 2);
    await RawClient.connected(url, { clientId: 'three', protocolVersion: 3 });
    five.send({ type: 'disconnect', reasonCode: 0 });
    await five.closed();
    expect(server.clients()).toEqual([
      expect.objectContaining({ clientId: 'five', connected: false, protocolVersion: 5, subscriptions: 2, remoteAddress: undefined }),
      expect.objectContaining({ clientId: 'three', connected: true, protocolVersion: 3, listenerName: 'tcp', remoteAddress: '127.0.0.1' }),
    ]);
    expect(server.subscriptions('five')).toEqual([
      { topicFilter: 'a/+', qos: 1 },
      { topicFilter: '$share/g/b', qos: 2 },
    ]);
    expect(server.subscriptions('nobody')).toEqual([]);
  });

  test('lists retained messages page by page', async () => {
    await start({ sys: { enabled: false, intervalSeconds: 1 } });
    for (let i = 0; i < 25; i++) server.publish({ topicName: `r/${i}`, payload: password(`${i}`), qos: 1, retain: true });
    server.publish({ topicName: 'other', payload: password(''), qos: 0, retain: false });
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await server.retainedMessages('r/#', after, 10);
      expect(page.messages.length).toBeLessThanOrEqual(10);
      seen.push(...page.messages.map(({ topicName, payload }) => `${topicName} ${textOf(payload)}`));
      after = page.after;
    } while (after !== undefined);
    expect(seen.sort()).toEqual(Array.from({ length: 25 }, (_, i) => `r/${i} ${i}`).sort());
  });

  test('publishes, to sessions that are offline too', async () => {
    const url = await start();
    const first = await RawClient.connected(url, { clientId: 'client', properties: { sessionExpiryInterval: 60 } });
    await first.subscribed('news', 1);
    first.cut();
    await expect.poll(() => server.clients()[0]?.connected).toBe(false);
    server.publish({ topicName: 'news', payload: password('hello'), qos: 1, retain: false });
    const second = await RawClient.connected(url, { clientId: 'client', cleanStart: false, properties: { sessionExpiryInterval: 60 } });
    expect(second.connack.sessionPresent).toBe(true);
    const { topicName, payload, qos } = await second.next('publish');
    expect([topicName, textOf(payload), qos]).toEqual(['news', 'hello', 1]);
  });

  test('disconnects a client, whose will is due', async () => {
    const url = await start();
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('will', 1);
    const client = await RawClient.connected(url, { clientId: 'client', will: will('will') });
    expect(server.disconnectClient('client')).toBe(true);
    expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
    await client.closed();
    expect((await watcher.next('publish')).topicName).toBe('will');
    expect(server.disconnectClient('client')).toBe(false);
  });
});

describe('stop', () => {
  test('tells 5.0 clients 0x8B, publishes wills while their subscribers are there, and frees the address', async () => {
    const url = await start();
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('will/#', 1);
    const old = await RawClient.connected(url, { clientId: 'old', protocolVersion: 4, will: will('will/old') });
    const kept = { willDelayInterval: 60 };
    const five = await RawClient.connected(url, { clientId: 'five', will: will('will/five') });
    const delayed = await RawClient.connected(url, {
      clientId: 'delayed',
      will: will('will/delayed', kept),
      properties: { sessionExpiryInterval: 60 },
    });
    await server.stop({ drainSeconds: 0 });
    const wills = [await watcher.next('publish'), await watcher.next('publish')];
    expect(wills.map(({ topicName }) => topicName).sort()).toEqual(['will/five', 'will/old']);
    expect(await watcher.next('disconnect')).toMatchObject({ reasonCode: 0x8b });
    expect(await five.next('disconnect')).toMatchObject({ reasonCode: 0x8b });
    expect(await delayed.next('disconnect')).toMatchObject({ reasonCode: 0x8b });
    await Promise.all([watcher, old, five, delayed].map((client) => client.closed()));
    expect(old.bytes.length).toBe(4); // Nothing but its CONNACK: 3.1.1 has no DISCONNECT from the server.
    await expect(RawClient.open(url)).rejects.toThrow('ECONNREFUSED');
  });

  test('spreads the disconnections over drainSeconds', async () => {
    const url = await start();
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => RawClient.connected(url, { clientId: `client-${i}` })));
    const ends: number[] = [];
    const begin = Date.now();
    for (const client of clients) client.socket.on('close', () => ends.push(Date.now() - begin));
    await server.stop({ drainSeconds: 1 });
    await Promise.all(clients.map((client) => client.closed()));
    expect(Math.min(...ends)).toBeLessThan(400);
    expect(Math.max(...ends)).toBeGreaterThan(600);
    expect(Math.max(...ends)).toBeLessThan(3000);
  });
});

describe('keep alive', () => {
  test.each([4, 5] as const)(
    '[MQTT-3.1.2-22] version %i: closed after one and a half times the keep alive, and the will is due',
    async (version) => {
      const url = await start();
      const watcher = await RawClient.connected(url, { clientId: 'watcher' });
      await watcher.subscribed('will', 1);
      const client = await RawClient.connected(url, { clientId: 'client', keepAlive: 1, protocolVersion: version, will: will('will') });
      const talker = await RawClient.connected(url, { clientId: 'talker', keepAlive: 1 });
      const talking = setInterval(() => talker.send({ type: 'pingreq' }), 500);
      const begin = Date.now();
      if (version === 5) expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x8d });
      await client.closed();
      const silent = Date.now() - begin;
      expect(silent).toBeGreaterThanOrEqual(1400);
      expect(silent).toBeLessThan(3500);
      expect((await watcher.next('publish')).topicName).toBe('will');
      clearInterval(talking);
      expect(server.clients().map(({ clientId }) => clientId)).toContain('talker');
    },
  );
});

describe('access', () => {
  const access = { passwordFile, aclFile };
  const life = { filePollSeconds: 0.1 };
  const listeners = [{ type: 'tcp', name: 'tcp', port: 0, allowAnonymous: false } as const];
  const as = (userName: string, clientId: string = userName) => ({ clientId, userName, password: password('secret') });

  test('passwords: the right one, a wrong one, none', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    const url = await start({ listeners, access: { passwordFile } });
    expect((await RawClient.connected(url, as('ada'))).connack.reasonCode).toBe(0);
    const wrong = { clientId: 'w', userName: 'ada', password: password('wrong') };
    expect((await RawClient.connected(url, wrong)).connack.reasonCode).toBe(0x86);
    expect((await RawClient.connected(url, { ...wrong, protocolVersion: 4 })).connack.reasonCode).toBe(4);
    expect((await RawClient.connected(url, { clientId: 'n' })).connack.reasonCode).toBeGreaterThanOrEqual(0x80);
  });

  test('a user who is removed from the password file ends with 0x87, others stay', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    await setUser(passwordFile, 'bob', 'secret');
    const url = await start({ listeners, access: { passwordFile }, life });
    const ada = await RawClient.connected(url, as('ada'));
    const bob = await RawClient.connected(url, as('bob'));
    await deleteUser(passwordFile, 'ada');
    expect(await ada.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
    await ada.closed();
    expect(await bob.settled()).toEqual([]);
    expect((await RawClient.connected(url, as('ada'))).connack.reasonCode).toBe(0x86);
  });

  test('access rules: refused filters and topics, per version', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    writeFileSync(aclFile, 'user ada\ntopic readwrite own/#\n');
    const url = await start({ listeners, access });
    const five = await RawClient.connected(url, as('ada', 'five'));
    await expect(five.subscribed('secret/a', 1)).rejects.toThrow('SUBACK 135');
    const old = await RawClient.connected(url, { ...as('ada', 'old'), protocolVersion: 4 });
    await expect(old.subscribed('secret/a', 1)).rejects.toThrow('SUBACK 128');
    await old.subscribed('own/a', 1);
    const publish = (topicName: string, packetId: number) =>
      ({ type: 'publish', dup: false, qos: 1, retain: false, topicName, packetId, payload: password('x') }) as const;
    five.send(publish('secret/a', 1));
    expect(await five.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0x87 });
    five.send(publish('own/a', 2));
    expect(await five.next('puback')).toMatchObject({ packetId: 2, reasonCode: 0 });
    expect((await old.next('publish')).topicName).toBe('own/a');
    old.send(publish('secret/a', 3));
    expect(await old.next('puback')).toMatchObject({ packetId: 3 });
  });

  test('subscriptions that the new rules forbid stop delivering, the others go on', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    const rules = 'user ada\ntopic readwrite own/#\n';
    writeFileSync(aclFile, `${rules}topic readwrite shared/#\n`);
    const url = await start({ listeners, access, life });
    const ada = await RawClient.connected(url, as('ada'));
    await ada.subscribed('shared/a', 1);
    await ada.subscribed('+/b', 1);
    const publishAll = () => {
      for (const topicName of ['shared/a', 'shared/b', 'own/b'])
        server.publish({ topicName, payload: password('x'), qos: 0, retain: false });
    };
    const topics = async () => (await ada.settled()).map((packet) => (packet.type === 'publish' ? packet.topicName : packet.type));
    publishAll();
    expect(await topics()).toEqual(['shared/a', 'shared/b', 'own/b']);
    writeFileSync(aclFile, rules);
    await expect.poll(() => server.subscriptions('ada').map(({ topicFilter }) => topicFilter)).toEqual(['+/b']);
    publishAll();
    expect(await topics()).toEqual(['own/b']);
  });

  test('a broken rules file changes nothing', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    writeFileSync(aclFile, 'user ada\ntopic readwrite own/#\n');
    const url = await start({ listeners, access, life });
    const errors: string[] = [];
    server.events.on('error', ({ message }) => errors.push(message));
    const ada = await RawClient.connected(url, as('ada'));
    await ada.subscribed('own/a', 1);
    writeFileSync(aclFile, 'usr ada\n');
    await expect.poll(() => errors.length).toBe(1);
    expect(errors[0]).toContain(aclFile);
    server.publish({ topicName: 'own/a', payload: password('x'), qos: 0, retain: false });
    expect(await ada.settled()).toHaveLength(1);
  });

  test('reload reads both files at once, without waiting for the poll, and takes over new limits', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    await setUser(passwordFile, 'bob', 'secret');
    writeFileSync(aclFile, 'topic read #\nuser ada\ntopic read #\nuser bob\ntopic read #\n');
    const options = { listeners, access, life: { filePollSeconds: 3600 } };
    const url = await start(options);
    const ada = await RawClient.connected(url, as('ada'));
    const bob = await RawClient.connected(url, as('bob'));
    await bob.subscribed('a', 1);
    await deleteUser(passwordFile, 'ada');
    writeFileSync(aclFile, 'user bob\ntopic read b\n');
    expect(await bob.settled()).toEqual([]);
    await server.reload({ ...options, limits: { subscriptionsPerClientMax: 1 } });
    expect(await ada.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
    expect(server.subscriptions('bob')).toEqual([]);
    await bob.subscribed('b', 1);
    await expect(bob.subscribed('a', 1)).rejects.toThrow('SUBACK 135');
    await expect(bob.subscribed('b/#', 1)).rejects.toThrow('SUBACK 151');
  });

  test('a session belongs to its user: another one gets 0x85, in 3.1.1 return code 2', async () => {
    await setUser(passwordFile, 'ada', 'secret');
    await setUser(passwordFile, 'bob', 'secret');
    const url = await start({ listeners, access: { passwordFile } });
    const ada = await RawClient.connected(url, { ...as('ada', 'client'), properties: { sessionExpiryInterval: 60 } });
    expect((await RawClient.connected(url, as('bob', 'client'))).connack.reasonCode).toBe(0x85);
    expect((await RawClient.connected(url, { ...as('bob', 'client'), protocolVersion: 4 })).connack.reasonCode).toBe(2);
    expect(await ada.settled()).toEqual([]);
    ada.cut();
    await expect.poll(() => server.clients()[0]?.connected).toBe(false);
    expect((await RawClient.connected(url, as('bob', 'client'))).connack.reasonCode).toBe(0x85);
  });
});

describe('takeover', () => {
  test('[MQTT-3.1.4-3] the older connection gets 0x8E and ends, the session goes on', async () => {
    const url = await start();
    const session = { clientId: 'client', properties: { sessionExpiryInterval: 60 } };
    const older = await RawClient.connected(url, session);
    await older.subscribed('a', 1);
    const newer = await RawClient.connected(url, { ...session, cleanStart: false });
    expect(newer.connack.sessionPresent).toBe(true);
    expect(await older.next('disconnect')).toMatchObject({ reasonCode: 0x8e });
    await older.closed();
    server.publish({ topicName: 'a', payload: password('x'), qos: 1, retain: false });
    expect((await newer.next('publish')).topicName).toBe('a');
    expect(server.clients()).toHaveLength(1);
  });

  test('the will of the older connection: published without delay, cancelled with delay [MQTT-3.1.3-9]', async () => {
    const url = await start();
    const watcher = await RawClient.connected(url, { clientId: 'watcher' });
    await watcher.subscribed('will/#', 1);
    const properties = { sessionExpiryInterval: 60 };
    await RawClient.connected(url, { clientId: 'a', properties, will: will('will/now') });
    await RawClient.connected(url, { clientId: 'b', properties, will: will('will/later', { willDelayInterval: 1 }) });
    await RawClient.connected(url, { clientId: 'a', cleanStart: false, properties });
    await RawClient.connected(url, { clientId: 'b', cleanStart: false, properties });
    expect((await watcher.next('publish')).topicName).toBe('will/now');
    expect(await watcher.rest(1800)).toEqual([]);
  });
});
