import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { storeAndRead } from './readme-example.js';

const textAt = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it("README's example is the file that these tests import", () => {
  const block = /```ts\n([\s\S]+?)```/.exec(textAt('../README.md'))?.[1];
  expect(block).toBe(textAt('readme-example.ts'));
});

it("README's example: a message comes back from the log", async () => {
  const store = new SimulatedLogStore(new SimulatedDatabase(), new NoFaults(), true);
  expect(await storeAndRead(store)).toBe('greenhouse/3/temperature: 21.5');
});
