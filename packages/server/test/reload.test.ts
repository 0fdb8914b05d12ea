import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createServer, type Server, type ServerOptions, setUser } from '../src/index.js';
import { fixture } from './listeners/support.js';
import { RawClient } from './raw-client.js';

let server: Server;
let folder: string;
/** No poll comes in between, unless a test asks for it. */
const life = { filePollSeconds: 3600 };
const sys = { enabled: false, intervalSeconds: 10 };
const tcp = { type: 'tcp', name: 'tcp', port: 0 } as const;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'si-mqtt-reload-'));
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function start(options: ServerOptions): Promise<(listener: string) => string> {
  server = await createServer({ sys, life, ...options });
  await server.start();
  return (name) => server.addresses().find(({ listener }) => listener === name)!.url;
}

const reload = (options: ServerOptions): Promise<void> => server.reload({ sys, life, ...options });

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The common name of the certificate that new connections get. */
async function commonName(url: string, servername?: string): Promise<unknown> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({
    host: hostname,
    port: Number(port),
    rejectUnauthorized: false,
    ...(servername === undefined ? {} : { servername }),
  });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().subject.CN;
  } finally {
    socket.destroy();
  }
}

const certificate = (name: string) => ({ certificateFile: fixture(`${name}.pem`), keyFile: fixture(`${name}-key.pem`) });
const tlsOptions = { clientCertificate: 'none', minimumVersion: 'TLSv1.2', serverNames: [] } as const;
const withCertificate = (name: string) => ({ type: 'tls', name: 'tls', port: 0, tls: { ...tlsOptions, ...certificate(name) } }) as const;
const password = new TextEncoder().encode('secret');

describe('files in other places', () => {
  test('certificates, users and rules come from them, without a restart', async () => {
    const [users, others] = [join(folder, 'users'), join(folder, 'others')];
    await setUser(users, 'ada', 'secret');
    await setUser(users, 'bob', 'secret');
    await setUser(others, 'bob', 'secret');
    const rules = written('rules', 'user bob\ntopic readwrite a\n');
    const otherRules = written('other-rules', 'user bob\ntopic readwrite b\n');
    const urlOf = await start({ listeners: [tcp, withCertificate('server')], access: { passwordFile: users, aclFile: rules } });
    const [ada, bob] = await Promise.all(
      ['ada', 'bob'].map((userName) => RawClient.connected(urlOf('tcp'), { clientId: userName, userName, password })),
    );
    await bob.subscribed('a', 1);
    expect(await commonName(urlOf('tls'))).toBe('localhost');

    const serverNames = [{ serverName: 'named.example', ...certificate('named') }];
    const tls = withCertificate('renewed');
    await reload({
      listeners: [tcp, { ...tls, tls: { ...tls.tls, serverNames } }],
      access: { passwordFile: others, aclFile: otherRules },
    });
    expect(await commonName(urlOf('tls'))).toBe('renewed');
    expect(await commonName(urlOf('tls'), 'named.example')).toBe('named.example');
    expect(await ada.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
    expect(server.subscriptions('bob')).toEqual([]);
    await bob.subscribed('b', 1);
    await expect(bob.subscribed('a', 1)).rejects.toThrow('SUBACK 135');
  });

  test.each([
    ['password file', { users: 'bob:broken\n' }, 'FileError'],
    ['rules', { rules: 'usr bob\n' }, 'FileError'],
    ['certificate', { certificate: 'stranger' }, 'ListenError'],
  ])('all of them stay as they were if the %s cannot be used', async (_what, broken: Record<string, string>, name) => {
    const [users, others] = [join(folder, 'users'), join(folder, 'others')];
    await setUser(users, 'ada', 'secret');
    await setUser(others, 'bob', 'secret');
    if (broken['users'] !== undefined) writeFileSync(others, broken['users']);
    const rules = written('rules', 'user ada\ntopic readwrite a\ntopic readwrite c\n');
    const otherRules = written('other-rules', broken['rules'] ?? 'user ada\ntopic readwrite b\n');
    const urlOf = await start({ listeners: [tcp, withCertificate('server')], access: { passwordFile: users, aclFile: rules } });
    const ada = await RawClient.connected(urlOf('tcp'), { clientId: 'ada', userName: 'ada', password });
    await ada.subscribed('a', 1);

    const next = withCertificate('renewed');
    const wrong = { ...next.tls, keyFile: fixture(`${broken['certificate']}-key.pem`) };
    const listeners = [tcp, broken['certificate'] === undefined ? next : { ...next, tls: wrong }];
    const access = { passwordFile: others, aclFile: otherRules };
    await expect(reload({ listeners, access, limits: { subscriptionsPerClientMax: 1 } })).rejects.toMatchObject({ name });
    expect(await commonName(urlOf('tls'))).toBe('localhost');
    expect(server.subscriptions('ada')).toHaveLength(1);
    await expect(ada.subscribed('b', 1)).rejects.toThrow('SUBACK 135');
    await ada.subscribed('c', 1);
    expect((await RawClient.connected(urlOf('tcp'), { clientId: 'bob', userName: 'bob', password })).connack.reasonCode).toBe(0x86);
  });
});

test('certificates are read again when their files change, and broken ones change nothing', async () => {
  const certificateFile = join(folder, 'certificate.pem');
  const keyFile = join(folder, 'key.pem');
  const install = (name: string): void => {
    copyFileSync(fixture(`${name}.pem`), certificateFile);
    copyFileSync(fixture(`${name}-key.pem`), keyFile);
  };
  install('server');
  const tls = { ...tlsOptions, certificateFile, keyFile };
  const urlOf = await start({
    listeners: [
      { type: 'tls', name: 'tls', port: 0, tls },
      { type: 'secure-websocket', name: 'web', port: 0, tls },
    ],
    life: { filePollSeconds: 1 },
  });
  const errors: string[] = [];
  server.events.on('error', ({ message }) => errors.push(message));
  writeFileSync(certificateFile, 'no certificate');
  await expect.poll(() => errors.length, { timeout: 10_000 }).toBe(2);
  expect(errors[0]).toMatch(/^listener "tls": cannot use the certificate/);
  expect(await commonName(urlOf('tls'))).toBe('localhost');
  install('renewed');
  for (const name of ['tls', 'web']) await expect.poll(() => commonName(urlOf(name)), { timeout: 10_000 }).toBe('renewed');
});

describe('limits', () => {
  test('how many connections a listener takes', async () => {
    const urlOf = await start({ listeners: [tcp] });
    await RawClient.connected(urlOf('tcp'), { clientId: 'first' });
    await reload({ listeners: [{ ...tcp, limits: { connectionsMax: 1 } }] });
    const refused = connect(Number(new URL(urlOf('tcp')).port), '127.0.0.1').resume();
    refused.on('error', () => undefined);
    await once(refused, 'close');
    expect(server.clients()).toHaveLength(1);
    await reload({ listeners: [tcp] });
    await RawClient.connected(urlOf('tcp'), { clientId: 'second' });
    expect(server.clients()).toHaveLength(2);
  });

  test('of retained messages and of what waits in a shared subscription', async () => {
    const urlOf = await start({ listeners: [tcp] });
    const client = await RawClient.connected(urlOf('tcp'), { clientId: 'a', properties: { sessionExpiryInterval: 60 } });
    await client.subscribed('$share/group/work', 1);
    client.cut();
    await expect.poll(() => server.clients()[0].connected).toBe(false);
    await reload({ listeners: [tcp], limits: { retainedMessagesMax: 1, queueMessagesMax: 1 } });
    const publisher = await RawClient.connected(urlOf('tcp'), { clientId: 'publisher' });
    const outcome = async (topicName: string, retain: boolean): Promise<number> => {
      publisher.send({ type: 'publish', dup: false, qos: 1, retain, topicName, packetId: 1, payload: password });
      return (await publisher.next('puback')).reasonCode;
    };
    expect([await outcome('kept/1', true), await outcome('kept/2', true)]).toEqual([0x10, 0x97]);
    expect([await outcome('work', false), await outcome('work', false)]).toEqual([0, 0x97]);
  });

  test('of the largest packet, over WebSocket too', async () => {
    const web = { type: 'websocket', name: 'web', port: 0 } as const;
    const urlOf = await start({ listeners: [web], limits: { maximumPacketSize: 1000 } });
    await reload({ listeners: [web], limits: { maximumPacketSize: 100_000 } });
    const { connectAsync } = await import('mqtt');
    const client = await connectAsync(urlOf('web'), { protocolVersion: 5, reconnectPeriod: 0 });
    await client.publishAsync('large', Buffer.alloc(50_000), { qos: 1 });
    await client.endAsync();
  });
});
