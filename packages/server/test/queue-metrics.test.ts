import { type JournalMeasures, MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.js';
import { RawClient } from './raw-client.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const admin = { enabled: true, host: '127.0.0.1', port: 0 } as const;

async function started(journal: MemoryJournal): Promise<Server> {
  const server = await createServer({ admin }, { journal });
  servers.push(server);
  await server.start();
  return server;
}

const urlOf = (server: Server, name: string): string => server.addresses().find(({ listener }) => listener === name)!.url;

/** The metrics without labels. */
async function scraped(server: Server): Promise<Record<string, number>> {
  const text = await (await fetch(`${urlOf(server, 'admin')}/metrics`)).text();
  return Object.fromEntries([...text.matchAll(/^si_mqtt_(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}

class MeasuredJournal extends MemoryJournal {
  measured = 0;
  answer: () => Promise<JournalMeasures> = () => Promise.resolve({ databaseBytes: 4096, diskFreeBytes: undefined, logRecords: 3 });

  measure(): Promise<JournalMeasures> {
    this.measured += 1;
    return this.answer();
  }
}

describe('what waits', () => {
  it('is counted with its bytes and its age, and so is what an earlier run left', async () => {
    const state = new MemoryJournalState();
    const server = await started(new MemoryJournal(state));
    const url = urlOf(server, 'tcp-0');
    expect(await scraped(server)).toMatchObject({ queued_messages: 0, queued_bytes: 0, queue_oldest_seconds: 0, inflight_messages: 0 });
    const connect = { clientId: 'away', cleanStart: true, properties: { sessionExpiryInterval: 100 } };
    const away = await RawClient.connected(url, connect);
    await away.subscribed('a', 1);
    away.send({ type: 'disconnect', reasonCode: 0 });
    await away.closed();
    for (const payload of ['one', 'two'])
      server.publish({ topicName: 'a', payload: new TextEncoder().encode(payload), qos: 1, retain: false });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const again = await started(new MemoryJournal(state));
    // What was scraped a moment ago is not counted anew.
    expect(await scraped(server)).toMatchObject({ queued_messages: 0 });
    expect(await scraped(again)).toMatchObject({ queued_messages: 2, queue_oldest_seconds: Number.NaN });
    const { queue_oldest_seconds: age, queued_bytes: bytes } = await eventually(
      () => scraped(again),
      (values) => values['queue_oldest_seconds'] > 0,
    );
    expect(age).toBeGreaterThan(1);
    expect(age).toBeLessThan(60);
    expect(bytes).toBeGreaterThan(6);
  }, 20_000);
});

/** What is cached is cached for some seconds. */
async function eventually<Value>(read: () => Promise<Value>, isThere: (value: Value) => boolean): Promise<Value> {
  for (const giveUp = Date.now() + 15_000; ; ) {
    const value = await read();
    if (isThere(value)) return value;
    if (Date.now() > giveUp) throw new Error(JSON.stringify(value));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('what the store is asked when somebody scrapes', () => {
  const names = ['store_log_records', 'store_database_bytes', 'store_disk_free_bytes'] as const;

  it('is asked once for many scrapes; what only a server knows is NaN', async () => {
    const journal = new MeasuredJournal(new MemoryJournalState());
    const server = await started(journal);
    const scrapes = await Promise.all([1, 2, 3].map(() => scraped(server)));
    for (const values of scrapes) expect(names.map((name) => values[name])).toEqual([3, 4096, Number.NaN]);
    expect(journal.measured).toBe(1);
  });

  it.each([
    ['does not answer', () => new Promise<never>(() => undefined)],
    ['is away', () => Promise.reject(new Error('no connection'))],
  ] as const)('is NaN when the store %s, and the scrape does not wait for it', async (_name, answer) => {
    const journal = new MeasuredJournal(new MemoryJournalState());
    journal.answer = answer;
    const server = await started(journal);
    const begun = performance.now();
    const values = await scraped(server);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(names.map((name) => values[name])).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(values['store_ready']).toBe(1);
  });
});
