import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.js';
import { RawClient } from './raw-client.js';
import { TroubledJournal } from './troubled-journal.js';

let server: Server;
let url: string;
afterEach(() => server.stop());

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** Levels of pino. */
const [debug, info, warn, error] = [20, 30, 40, 50];

const containing = (text: string) => expect.stringContaining(text) as string;

async function start(options: ServerOptions, journal?: MemoryJournal): Promise<Line[]> {
  const lines: Line[] = [];
  const logger = pino({ level: 'trace' }, { write: (text: string) => void lines.push(JSON.parse(text) as Line) });
  server = await createServer(
    { sys: { enabled: false, intervalSeconds: 10 }, ...options },
    { logger, ...(journal === undefined ? {} : { journal }) },
  );
  await server.start();
  url = server.addresses()[0].url;
  return lines;
}

describe('what becomes of the store', () => {
  it('is a line with what it means and the last error of the store', async () => {
    const journal = new TroubledJournal(new MemoryJournalState());
    const lines = await start({}, journal);
    journal.become('full');
    journal.become('unavailable');
    journal.become('ready');
    journal.become('behind');
    const lastError = 'the disk is gone';
    expect(lines).toMatchObject([
      { level: warn, condition: 'full', lastError, msg: containing('the store is full') },
      { level: warn, condition: 'unavailable', lastError, msg: containing('the store does not answer') },
      { level: info, condition: 'ready', msg: 'the store takes everything again' },
      {
        level: error,
        condition: 'behind',
        lastError,
        msg: `the store has lost what was acknowledged: nothing is acknowledged any more: ${lastError}`,
      },
    ]);
    expect(lines[2]).not.toHaveProperty('lastError');
  });

  it('is one line, and no stack, when another broker has taken it', async () => {
    const journal = new TroubledJournal(new MemoryJournalState());
    const lines = await start({}, journal);
    journal.loseSeat();
    expect(lines).toMatchObject([
      { level: error, msg: 'nothing is acknowledged any more: another broker owns the store; end this broker' },
    ]);
    expect(lines[0]).not.toHaveProperty('err');
  });

  it('is the reason that /readyz gives', async () => {
    const journal = new TroubledJournal(new MemoryJournalState());
    await start({ admin: { enabled: true, host: '127.0.0.1', port: 0 } }, journal);
    const admin = server.addresses().find(({ listener }) => listener === 'admin')!.url;
    journal.become('behind');
    const behind = await fetch(`${admin}/readyz`);
    expect([behind.status, await behind.text()]).toEqual([
      503,
      expect.stringMatching(/^not ready: the store has lost .*: the disk is gone\n$/),
    ]);
    journal.become('full');
    expect(await (await fetch(`${admin}/readyz`)).text()).toMatch(/^not ready: the store is full: /);
    journal.become('ready');
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
  });

  it('is one line a minute where it is only slow, however often that changes', async () => {
    const journal = new TroubledJournal(new MemoryJournalState());
    const lines = await start({}, journal);
    for (let times = 0; times < 3; times++) {
      journal.become('congested');
      journal.become('ready');
    }
    expect(lines).toMatchObject([{ level: info, condition: 'congested', msg: containing('publishers are not read') }]);
  });
});

it('a session that ends because its queue is full has a line of its own', async () => {
  const lines = await start({ queue: { overflow: 'endSession', queueQos0Messages: false }, limits: { queueMessagesMax: 2 } });
  const absent = await RawClient.connected(url, { clientId: 'absent', properties: { sessionExpiryInterval: 60 } });
  await absent.subscribed('a', 1);
  absent.send({ type: 'disconnect', reasonCode: 0 });
  await absent.closed();
  for (let count = 0; count < 3; count++) server.publish({ topicName: 'a', payload: new Uint8Array(), qos: 1, retain: false });
  await expect.poll(() => server.clients()).toEqual([]);
  expect(lines.filter(({ level }) => level >= warn)).toMatchObject([
    { level: warn, clientId: 'absent', msg: 'the queue of a session was full, so the session has ended' },
  ]);
});

it('a file that is read again, and one that cannot be used, has a line', { timeout: 15_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const aclFile = join(folder, 'acl');
  writeFileSync(aclFile, 'topic a\n');
  const lines = await start({ access: { aclFile }, life: { filePollSeconds: 1 } });
  writeFileSync(aclFile, 'topic a\ntopic b\n');
  await expect.poll(() => lines, { timeout: 5000 }).toMatchObject([{ level: info, msg: 'the access rules have changed' }]);
  writeFileSync(aclFile, 'topic a\ntopic\n');
  await expect.poll(() => lines[1], { timeout: 5000 }).toMatchObject({ level: error, msg: containing('acl:2: ') });
});

describe('of clients', () => {
  const connect = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId: 'thief', userName: 'ann' } as const;

  it('a refusal says who and why; before a CONNECT it is for those who look for it', async () => {
    const lines = await start({ listeners: [{ type: 'tcp', allowAnonymous: false, authenticators: ['password'] }] });
    const thief = await RawClient.open(url);
    thief.send({ ...connect, password: new TextEncoder().encode('guess') });
    await thief.closed();
    const browser = await RawClient.open(url);
    browser.write(...Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await browser.closed();
    expect(lines).toMatchObject([
      { level: info, clientId: 'thief', userName: 'ann', reasonCode: 0x86, reason: 'bad user name or password', msg: 'connection refused' },
      { level: debug, remoteAddress: '127.0.0.1', reason: containing('CONNECT'), msg: 'connection refused' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('guess');
  });

  it('what they are disconnected for, if it is a fault', async () => {
    const lines = await start({ limits: { maximumPacketSize: 100 } });
    const client = await RawClient.connected(url, { clientId: 'large' });
    client.send({ type: 'publish', dup: false, qos: 0, retain: false, topicName: 'a', packetId: 0, payload: new Uint8Array(200) });
    await client.closed();
    const calm = await RawClient.connected(url, { clientId: 'calm' });
    calm.send({ type: 'disconnect', reasonCode: 0 });
    await calm.closed();
    expect(lines.filter(({ msg }) => msg.startsWith('client disconnected'))).toMatchObject([
      { level: info, clientId: 'large', reasonCode: 0x95, reason: containing('limit 100'), msg: 'client disconnected for a fault' },
      { level: debug, clientId: 'calm', reasonCode: 0, msg: 'client disconnected' },
    ]);
  });
});
