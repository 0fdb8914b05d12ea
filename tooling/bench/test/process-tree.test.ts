import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { cpuSecondsOfTree } from '../src/process-tree.js';

test('the time of a child counts', async () => {
  const before = cpuSecondsOfTree(process.pid);
  const busy =
    "const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end); console.log('done'); setInterval(() => {}, 1000)";
  const child = spawn(process.execPath, ['-e', busy], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    expect(cpuSecondsOfTree(process.pid) - before).toBeGreaterThan(0.25);
  } finally {
    child.kill();
  }
});

test('a process that does not exist is an error', () => {
  expect(() => cpuSecondsOfTree(2 ** 22 + 1)).toThrow('ENOENT');
});
