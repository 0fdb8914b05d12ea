import { expect, test } from 'vitest';
import { ConcurrencyLimit } from '../../src/access/concurrency-limit.js';

interface Gate {
  readonly task: () => Promise<number>;
  readonly end: () => void;
  readonly fail: () => void;
}

function gate(answer: number, started: number[]): Gate {
  let end!: () => void;
  let fail!: () => void;
  const done = new Promise<number>((resolve, reject) => {
    end = () => resolve(answer);
    fail = () => reject(new Error(`task ${answer}`));
  });
  const task = (): Promise<number> => {
    started.push(answer);
    return done;
  };
  return { task, end, fail };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more than runningMax run, the others in the order they came, and above waitingMax they are refused', async () => {
  const limit = new ConcurrencyLimit({ runningMax: 2, waitingMax: 2 });
  const started: number[] = [];
  const gates = [0, 1, 2, 3, 4].map((answer) => gate(answer, started));
  const outcomes = gates.map(({ task }) => limit.run(task));
  await settled();
  expect([started, limit.running, limit.waiting, limit.refusedTotal]).toEqual([[0, 1], 2, 2, 1]);
  expect(await outcomes[4]).toBe('full');

  gates[1].end();
  expect(await outcomes[1]).toEqual({ done: 1 });
  await settled();
  expect([started, limit.running, limit.waiting]).toEqual([[0, 1, 2], 2, 1]);
  for (const { end } of gates) end();
  expect(await Promise.all(outcomes)).toEqual([{ done: 0 }, { done: 1 }, { done: 2 }, { done: 3 }, 'full']);
  expect([limit.running, limit.waiting, limit.completedTotal]).toEqual([0, 0, 4]);
});

test('a task that fails gives its place on', async () => {
  const limit = new ConcurrencyLimit({ runningMax: 1 });
  const started: number[] = [];
  const [first, second] = [gate(1, started), gate(2, started)];
  const outcomes = [limit.run(first.task), limit.run(second.task)];
  first.fail();
  second.end();
  await expect(outcomes[0]).rejects.toThrow('task 1');
  expect(await outcomes[1]).toEqual({ done: 2 });
  expect(limit.running).toBe(0);
});

test('what nobody wants any more when its turn comes is not run', async () => {
  const limit = new ConcurrencyLimit({ runningMax: 1 });
  const started: number[] = [];
  const gates = [1, 2, 3].map((answer) => gate(answer, started));
  let isWanted = true;
  const outcomes = [limit.run(gates[0].task), limit.run(gates[1].task, () => isWanted), limit.run(gates[2].task)];
  isWanted = false;
  for (const { end } of gates) end();
  expect(await Promise.all(outcomes)).toEqual([{ done: 1 }, 'abandoned', { done: 3 }]);
  expect([started, limit.abandonedTotal, limit.running]).toEqual([[1, 3], 1, 0]);
});

test('a long queue keeps its order and count', async () => {
  const limit = new ConcurrencyLimit({ runningMax: 3, waitingMax: 2000 });
  const order: number[] = [];
  let most = 0;
  const outcomes = Array.from({ length: 2000 }, (_, at) =>
    limit.run(async () => {
      order.push(at);
      most = Math.max(most, limit.running);
      await settled();
    }),
  );
  await Promise.all(outcomes);
  expect(order).toEqual(Array.from({ length: 2000 }, (_, at) => at));
  expect([most, limit.running, limit.waiting, limit.completedTotal]).toEqual([3, 0, 0, 2000]);
});

test('the defaults are 4 and 1,000', () => {
  const limit = new ConcurrencyLimit();
  expect([limit.runningMax, limit.waitingMax]).toEqual([4, 1000]);
  expect(() => new ConcurrencyLimit({ runningMax: 0 })).toThrow(RangeError);
});
