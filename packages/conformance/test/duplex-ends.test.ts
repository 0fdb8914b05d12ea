import { once } from 'node:events';
import { type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { overDuplex } from '../src/index.js';

async function pair(): Promise<{ client: Duplex; server: Duplex }> {
  const accepted: Duplex[] = [];
  const client = await overDuplex((stream) => accepted.push(stream))();
  return { client, server: accepted[0] };
}

test('what is written comes out at the other end, and so does the end', async () => {
  const { client, server } = await pair();
  const got: Buffer[] = [];
  server.on('data', (chunk: Buffer) => got.push(chunk));
  client.write('a');
  client.write('b');
  server.write('c');
  client.resume().end();
  await Promise.all([once(server, 'end'), once(client, 'close'), once(server, 'close')]);
  expect(Buffer.concat(got).toString()).toBe('ab');
});

test('a cut is seen before what is written afterwards elsewhere', async () => {
  const [one, two] = [await pair(), await pair()];
  const seen: string[] = [];
  one.server.on('close', () => seen.push('closed'));
  two.server.on('data', () => seen.push('data'));
  one.client.destroy();
  two.client.write('x');
  for (let count = 0; count < 5; count++) await turn();
  expect(seen).toEqual(['closed', 'data']);
});

test('a writer waits for a reader that does not read', async () => {
  const { client, server } = await pair();
  let sent = 0;
  while (sent < 200 && client.write(Buffer.alloc(1024))) sent++;
  for (let count = 0; count < 400; count++) await turn();
  expect(client.writableLength).toBeGreaterThan(0);
  let received = 0;
  server.on('data', (chunk: Buffer) => (received += chunk.length));
  await once(client, 'drain');
  client.end();
  await once(server, 'end');
  expect(received).toBe((sent + 1) * 1024);
});
