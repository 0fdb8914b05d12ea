import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RetainedTree, SubscriptionTree } from '../src/index.js';

/*
 * The workloads of the benchmark, in a size to be chosen: `main.ts` runs them at full size, the test suite at a small one.
 */

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The names of four ways to make distinct filters of three levels, and a topic name that the filter of the same number matches. */
export const shapes = {
  literal: { filter: (i: number) => `site${i % 1000}/device${i}/state`, name: (i: number) => `site${i % 1000}/device${i}/state` },
  'last level +': { filter: (i: number) => `site${i % 1000}/device${i}/+`, name: (i: number) => `site${i % 1000}/device${i}/state` },
  'middle level +': { filter: (i: number) => `device${i}/+/state`, name: (i: number) => `device${i}/${i % 10}/state` },
  'first level +': { filter: (i: number) => `+/device${i}/state`, name: (i: number) => `site${i % 1000}/device${i}/state` },
  'two levels of its own': { filter: (i: number) => `site${i}/device${i}/+`, name: (i: number) => `site${i}/device${i}/state` },
  'last level #': { filter: (i: number) => `site${i % 1000}/device${i}/#`, name: (i: number) => `site${i % 1000}/device${i}/state` },
} as const;

export type Shape = keyof typeof shapes;

export interface Subscriber {
  readonly clientId: string;
}

export const subscriber: Subscriber = { clientId: 'one' };
const value = { qos: 1 };

/** A string as a decoder makes it: flat, not the pieces that a template leaves. */
export function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The same numbers in the same order in every run. */
export function* numbers(below: number): Generator<number, never> {
  for (let state = 12_345; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield Math.floor((state / 2 ** 32) * below);
  }
}

function heapUsed(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Bytes of heap that what `build` returns holds, and that. */
export function heapOf<T>(build: () => T): { bytes: number; built: T } {
  const before = heapUsed();
  const built = build();
  return { bytes: heapUsed() - before, built };
}

export function subscribe(shape: Shape, count: number, cacheEntriesMax?: number): SubscriptionTree<Subscriber, object> {
  const tree = new SubscriptionTree<Subscriber, object>({ cacheEntriesMax });
  for (let i = 0; i < count; i++) tree.set(flat(shapes[shape].filter(i)), subscriber, value);
  return tree;
}

/** Matches per second with topic names that are asked for once each; `count` filters, a power of ten and at least `calls`, are in the tree. */
export function uncachedRate(tree: SubscriptionTree<Subscriber, object>, shape: Shape, count: number, calls: number): number {
  const names: string[] = [];
  // A step that has no divisor in common with a power of ten leads to each number once, in no order that memory could like.
  for (let i = 0; i < calls; i++) names.push(flat(shapes[shape].name((i * 618_033) % count)));
  let found = 0;
  const seconds = secondsOf(() => {
    for (const name of names) found += tree.match(name).length;
  });
  if (found !== calls) throw new Error(`${found} matches in ${calls} calls`);
  return calls / seconds;
}

/** Filters of 64 levels, a power of two of them, that a walk for `hostileName` visits all, since they differ from it at their very end. */
export function* hostileFilters(count: number): Generator<string> {
  for (let i = 0; i < count; i++) {
    const chosen = Array.from({ length: Math.log2(count) }, (_, level) => ((i >> level) & 1 ? '+' : 'a'));
    yield [...chosen, ...new Array<string>(63 - chosen.length).fill('+'), 'end'].join('/');
  }
}

export const hostileName: string = `${'a/'.repeat(63)}other`;

export function secondsOf(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

export const churnFilters = {
  literal: (i: number) => `site${i % 50}/device${100_000 + (i % 5000)}/state`,
  'own wildcard': (i: number) => `site${i % 50}/device${100_000 + (i % 5000)}/+`,
  'leading wildcard': (i: number) => `+/device${100_000 + (i % 5000)}/state`,
} as const;

export type Churn = keyof typeof churnFilters;

/** A tree of `filters` filters that was asked for `topics` topic names, and one change after the other of other filters. */
function churned(
  topics: number,
  churn: Churn,
  filters: number,
): { tree: SubscriptionTree<Subscriber, object>; pool: string[]; change: () => void } {
  const tree = subscribe('last level +', filters);
  const names = Array.from({ length: topics }, (_, i) => shapes['last level +'].name(i));
  const random = numbers(topics);
  // A new string for each call, as a decoder without a cache of its own would make, costs its hash; so does this pool.
  const pool = Array.from({ length: 1 << 16 }, () => flat(names[random.next().value]));
  for (let round = 0; round < 2; round++) for (const name of pool) tree.match(name);
  const filter = churnFilters[churn];
  const replaced: Subscriber = { clientId: 'comes and goes' };
  let changes = 0;
  const change = (): void => {
    // Two changes per client: it comes, and two hundred clients later it goes.
    if (changes % 2 === 0) tree.set(filter(changes >> 1), replaced, value);
    else tree.delete(filter((changes >> 1) - 200), replaced);
    changes++;
  };
  return { tree, pool, change };
}

/**
 * Matches per second over `topics` topic names, asked for in random order, for `seconds`, while clients subscribe and unsubscribe
 * so many times a second, spread evenly by the clock.
 */
export function cachedRate(topics: number, churn: Churn, changesPerSecond: number, seconds: number): number {
  const { tree, pool, change } = churned(topics, churn, 100_000);
  let calls = 0;
  let changes = 0;
  const start = performance.now();
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - start) / 1000) {
    for (; changes < elapsed * changesPerSecond; changes++) change();
    for (let i = 0; i < 200; i++) tree.match(pool[calls++ & 0xffff]);
  }
  return calls / ((performance.now() - start) / 1000);
}

/** Which part of the matches is not found in the cache while there is a change before every so many matches. */
export function missedPart(topics: number, churn: Churn, matchesPerChange: number): number {
  const { tree, pool, change } = churned(topics, churn, 5000);
  const before = tree.cacheMisses;
  for (let calls = 0; calls < pool.length; calls++) {
    if (calls % matchesPerChange === 0) change();
    tree.match(pool[calls]);
  }
  return (tree.cacheMisses - before) / pool.length;
}

export function retain(count: number): RetainedTree<object> {
  const tree = new RetainedTree<object>();
  for (let i = 0; i < count; i++) tree.set(flat(shapes.literal.name(i)), value);
  return tree;
}

/** Walks all pages; returns how many topics and pages there were and the longest time that one page took. */
export function walk(tree: RetainedTree<object>, topicFilter: string, limit: number): { topics: number; pages: number; longest: number } {
  const sum = { topics: 0, pages: 0, longest: 0 };
  let after: string | undefined;
  do {
    const start = performance.now();
    const page = tree.match(topicFilter, after, limit);
    sum.longest = Math.max(sum.longest, (performance.now() - start) / 1000);
    sum.topics += page.entries.length;
    sum.pages++;
    after = page.after;
  } while (after !== undefined);
  return sum;
}
