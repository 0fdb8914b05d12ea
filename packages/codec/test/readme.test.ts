import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { received, refusal } from './readme-example.js';

const textAt = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it("README's example is the file that these tests import", () => {
  const block = /```ts\n([\s\S]+?)```/.exec(textAt('../README.md'))?.[1];
  expect(block).toBe(textAt('readme-example.ts'));
});

it("README's example decodes its packets and is refused with 0x81", () => {
  expect(received).toEqual(['connect', 'lamp/state: on']);
  expect(refusal).toBe(0x81);
});
