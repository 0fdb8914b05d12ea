import { type MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
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
const [info, warn, error] = [30, 40, 50];

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
