import { expect, test } from 'vitest';
import { Progress } from '../src/command/progress.js';
import { nameOf, wireTests } from '../src/index.js';

test('a terminal shows one line, never longer than it is wide', () => {
  const written: string[] = [];
  const progress = new Progress({ isTTY: true, columns: 60, write: (text) => written.push(text) }, 2);
  const [one, two] = wireTests;
  progress.started(one);
  progress.finished({ test: one, verdict: { verdict: 'holds' }, milliseconds: 1 });
  progress.finished({
    test: two,
    verdict: { verdict: 'broken', reason: '', exchange: [], error: new Error() },
    milliseconds: 1,
  });
  progress.end();
  expect(written).toEqual([
    `\r\u001b[K${`0 of 2 tests, 0 broken  ${nameOf(one)}`.slice(0, 59)}`,
    `\r\u001b[K${`1 of 2 tests, 0 broken  ${nameOf(one)}`.slice(0, 59)}`,
    `\r\u001b[K${`2 of 2 tests, 1 broken  ${nameOf(two)}`.slice(0, 59)}`,
    '\r\u001b[K',
  ]);
});

test('what is no terminal gets nothing', () => {
  const progress = new Progress({ write: () => expect.unreachable() }, 1);
  progress.started(wireTests[0]);
  progress.end();
});
