import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { canReadUsage, usageOfTree } from '../src/process-tree.js';

const onLinux = test.skipIf(!canReadUsage);

onLinux('time and memory of a child count', async () => {
  const before = usageOfTree(process.pid);
  const busy = `
    const held = Buffer.alloc(5e7, 1);
    const end = process.cpuUsage().user + 3e5;
    while (process.cpuUsage().user < end);
    console.log('done');
    setInterval(() => held, 1000)`;
  const child = spawn(process.execPath, ['-e', busy], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    const after = usageOfTree(process.pid);
    expect(after.cpuSeconds - before.cpuSeconds).toBeGreaterThan(0.25);
    expect(after.residentBytes - before.residentBytes).toBeGreaterThan(5e7);
  } finally {
    child.kill();
  }
});

onLinux('a process that does not exist is an error', () => {
  expect(() => usageOfTree(2 ** 22 + 1)).toThrow('ENOENT');
});
