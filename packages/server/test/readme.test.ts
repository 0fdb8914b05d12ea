import { readFileSync } from 'node:fs';
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { clients, filters, history, retained, tcpUrl } from './readme-example.js';

const textAt = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it("README's example is the file that these tests import", () => {
  const block = /```ts\n([\s\S]+?)```/.exec(textAt('../README.md'))?.[1];
  expect(block).toBe(textAt('readme-example.ts'));
});

it("README's example serves, tells what happens, lists, and stops", async () => {
  expect(history).toEqual([
    `thief was refused with ${0x86}`,
    'the thief knows it',
    'lamp connected to browsers',
    'subscribed to ann/+ with QoS 1',
    'bob/+ was refused',
    'ann/lamp: on',
    `lamp disconnected with ${0x98}`,
  ]);
  expect(clients).toEqual(['lamp of ann']);
  expect(filters).toEqual(['ann/+']);
  expect(retained).toEqual(['ann/lamp']);
  await expect(connectAsync(tcpUrl, { reconnectPeriod: 0 })).rejects.toThrow('ECONNREFUSED');
});
