import { compareBytes } from '../position.js';
import { type SqlValue } from './sql-database.js';

/** A shorter run is removed by its keys. */
const runLengthMin = 3;

/** Keys of a table whose last column numbers places in a queue, each as its columns' values. */
export type QueueKeyValues = readonly SqlValue[];

export interface Runs {
  /** All columns of the first key, and the last place: every place between the two is meant. */
  readonly runs: readonly QueueKeyValues[];
  readonly others: readonly QueueKeyValues[];
}

/**
 * Most deliveries of a session end in their order, one place after the other, and a range costs the database one search instead of one for each key. Only
 * neighbours in `keys` are looked at: nothing is sorted.
 */
export function runsOf(keys: readonly QueueKeyValues[]): Runs {
  const runs: QueueKeyValues[] = [];
  const others: QueueKeyValues[] = [];
  for (let from = 0; from < keys.length; ) {
    let to = from + 1;
    while (to < keys.length && isNext(keys[to - 1], keys[to])) to++;
    if (to - from >= runLengthMin) runs.push([...keys[from], keys[to - 1][keys[from].length - 1]]);
    else for (let index = from; index < to; index++) others.push(keys[index]);
    from = to;
  }
  return { runs, others };
}

function isNext(key: QueueKeyValues, next: QueueKeyValues): boolean {
  const place = key.length - 1;
  if (next[place] !== (key[place] as number) + 1) return false;
  for (let index = 0; index < place; index++) if (!isSame(key[index], next[index])) return false;
  return true;
}

function isSame(a: SqlValue, b: SqlValue): boolean {
  return a === b || (a instanceof Uint8Array && b instanceof Uint8Array && compareBytes(a, b) === 0);
}
