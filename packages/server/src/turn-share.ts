import { performance } from 'node:perf_hooks';

/**
 * When a network goes away, all of its connections end between two turns of the event loop, and some time later all of their sessions and
 * wills are due. Whoever stays connected would wait for all of that; so each turn does only so much of it, and others are served between.
 */
export const tasksPerTurn = 100;
const taskMillisecondsPerTurn = 5;

// There is one event loop, whatever the number of servers on it.
let done = 0;
let startedAt = 0;
let isPlanned = false;
let waiting: (() => void)[] = [];

/** Runs the task at once while the turn has time for it, otherwise in a later turn: in the order of the calls. */
export function runInTurn(task: () => void): void {
  if (waiting.length > 0 || !takeShare()) waiting.push(task);
  else task();
}

function takeShare(): boolean {
  if (done === 0) {
    startedAt = performance.now();
    if (!isPlanned) planTurn();
  } else if (done >= tasksPerTurn || performance.now() - startedAt >= taskMillisecondsPerTurn) {
    return false;
  }
  done++;
  return true;
}

function planTurn(): void {
  isPlanned = true;
  setImmediate(nextTurn);
}

function nextTurn(): void {
  isPlanned = false;
  done = 0;
  const tasks = waiting;
  let next = 0;
  try {
    // What the tasks add goes to the end, so that the order holds.
    while (next < tasks.length && takeShare()) tasks[next++]();
  } finally {
    waiting = tasks.slice(next);
    if (waiting.length > 0 && !isPlanned) planTurn();
  }
}
