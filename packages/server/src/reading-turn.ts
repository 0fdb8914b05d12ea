import { performance } from 'node:perf_hooks';

/** Who had to stop reading so that others get their turn. */
export interface TurnReader {
  continueReading(): void;
}

/**
 * libuv reads a socket up to 32 times before it looks at the next one, as long as each read fills the buffer: 2 MiB, in which there is room
 * for 80,000 SUBSCRIBEs. So a connection that sends without a pause reads on only while its turn of the event loop is short.
 */
const turnMilliseconds = 5;

/** What a read that filled the buffer hands over at least: one TLS record. Anything smaller ends libuv's loop by itself. */
const fullReadBytes = 16_384;

// There is one event loop, whatever the number of servers on it.
let startedAt = 0;
let isPlanned = false;
let waiting: TurnReader[] = [];

/** Called before a chunk is handled. True: `readNextTurn` has to be asked after it. */
export function beginFullRead(bytes: number): boolean {
  if (bytes < fullReadBytes) return false;
  if (startedAt === 0) {
    startedAt = performance.now();
    planTurn();
  }
  return true;
}

export function isTurnOver(): boolean {
  return startedAt !== 0 && performance.now() - startedAt >= turnMilliseconds;
}

/** True: the turn has lasted long enough. The reader must stop reading, and is told to go on in the next turn. */
export function readNextTurn(reader: TurnReader): boolean {
  if (!isTurnOver()) return false;
  waiting.push(reader);
  return true;
}

function planTurn(): void {
  if (isPlanned) return;
  isPlanned = true;
  setImmediate(nextTurn);
}

function nextTurn(): void {
  isPlanned = false;
  startedAt = performance.now();
  const readers = waiting;
  waiting = [];
  let next = 0;
  try {
    // Some handle at once what they had read already.
    while (next < readers.length && performance.now() - startedAt < turnMilliseconds) readers[next++].continueReading();
  } finally {
    waiting = [...readers.slice(next), ...waiting];
    startedAt = 0;
    if (waiting.length > 0) planTurn();
  }
}
