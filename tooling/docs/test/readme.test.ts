import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

test("the README's example of the codec prints what it says", async () => {
  const example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? '';
  const promised = /\/\/ (greenhouse.+)$/m.exec(example)?.[1];
  expect(promised).toBeDefined();
  // Beside this package, so that its imports are resolved as in a project that has the codec installed.
  const folder = new URL('../.cache/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = fileURLToPath(new URL('readme-example.ts', folder));
  writeFileSync(file, example);
  const printed: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void printed.push(words.join(' ')));
  try {
    await import(/* @vite-ignore */ file);
  } finally {
    log.mockRestore();
    rmSync(folder, { recursive: true, force: true });
  }
  expect(printed).toEqual([promised]);
});
