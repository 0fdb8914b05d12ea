import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as topics from '../src/index.js';

test('the example of the README does what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```js\n([^`]*)```/.exec(readme)?.[1] ?? '';
  const body = example.replace(/import (\{[^}]*\}) from '@si-mqtt\/topics';/, 'const $1 = topics;');
  const printed: string[] = [];
  const run = new Function('topics', 'console', body) as (module: typeof topics, console: { log: (value: unknown) => void }) => void;
  run(topics, { log: (value) => printed.push(JSON.stringify(value)) });
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]);
  expect(promised.length).toBeGreaterThan(3);
  expect(printed).toEqual(promised);
});
