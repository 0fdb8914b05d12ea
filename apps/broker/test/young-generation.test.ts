import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const child = ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('young-generation-child.ts', import.meta.url))];

describe('the young generation', () => {
  it('has 8 MiB from the start, and no more after a worker thread and a million objects that survived', () => {
    const { bound, later, survivors } = JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' }));
    expect(survivors).toBe(1_000_000);
    expect(bound).toBe(8 * 1024 * 1024);
    expect(later).toBe(bound);
  });
});
