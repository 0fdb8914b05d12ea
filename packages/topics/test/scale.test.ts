import { describe, expect, test } from 'vitest';
import { heapOf, hostileFilters, hostileName, retain, type Shape, shapes, subscribe, uncachedRate, walk } from '../bench/measure.js';
import { FilterTree } from '../src/filter-tree.js';
import { MatchList } from '../src/match-set.js';

/*
 * The figures that issue and documentation name, at a tenth of the size and with limits that a busy machine keeps too.
 * `pnpm bench` measures them in full.
 */
const count = 100_000;

/** How much a walk for the name looks at among these filters. */
function stepsAmong(topicFilters: Iterable<string>, topicName: string): { steps: number; nodes: number; found: number } {
  const tree = new FilterTree<object, number>(1);
  for (const topicFilter of topicFilters) tree.set({ subscriber: {}, value: 1, topicFilter });
  const found = tree.collect(topicName, new MatchList());
  return { steps: tree.steps, nodes: tree.nodes, found };
}

function* filtersOf(shape: Shape, count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield shapes[shape].filter(i);
}

describe('scale', () => {
  test.each(Object.keys(shapes) as Shape[])('%s: a match looks at no more among 50,000 filters than it must', (shape) => {
    for (const filters of [1, 100, 50_000]) {
      const { steps, nodes, found } = stepsAmong(filtersOf(shape, filters), shapes[shape].name(filters - 1));
      expect(found).toBe(1);
      // The root, at most one node that the filter shares with others, and the filter.
      expect(steps).toBeLessThanOrEqual(3);
      expect(nodes).toBeLessThanOrEqual(1000);
    }
  });

  test('filters made to be visited in vain cost a bounded number of steps each, however many levels they have', () => {
    for (const filters of [64, 4096]) {
      const { steps, found } = stepsAmong(hostileFilters(filters), hostileName);
      expect(found).toBe(0);
      expect(steps).toBe(2 * filters - 1);
    }
  });

  test('two filters that part at their ends only cost a step per level', () => {
    const shared = '+/'.repeat(63);
    expect(stepsAmong([`${shared}end`, `${shared}finish`], hostileName)).toEqual({ steps: 64, nodes: 63, found: 0 });
  });

  test.each(Object.keys(shapes) as Shape[])('%s: at most 500 bytes per filter, matches without the cache are quick', (shape) => {
    // Code compiled for the tree of the test before may hold on to it until it has run with another.
    uncachedRate(subscribe(shape, 1000), shape, 1000, 1000);
    const { bytes, built } = heapOf(() => subscribe(shape, count));
    expect(built.filters).toBe(count);
    expect(bytes / count).toBeGreaterThan(40);
    expect(bytes / count).toBeLessThan(500);
    // Ten times more on a machine that has nothing else to do; a look at every filter would give a hundred.
    const rate = Math.max(...[1, 2, 3].map(() => uncachedRate(built, shape, count, 20_000)));
    expect(rate).toBeGreaterThan(50_000);
  });

  test('retained topics take at most 300 bytes each, and a walk in pages of 100 takes time for what it returns', () => {
    const { bytes, built } = heapOf(() => retain(count));
    expect(bytes / count).toBeLessThan(300);
    const start = performance.now();
    expect(walk(built, '#', 100)).toMatchObject({ topics: count, pages: count / 100 + 1 });
    expect(walk(built, '+/+/state', 100)).toMatchObject({ topics: count, pages: count / 100 + 1 });
    // At 100 pages of the whole list per second, as a walk from the start for each page would manage, this were 20 seconds.
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test('a page ends after a bounded number of steps, however few topics match', () => {
    const tree = retain(count);
    const page = tree.match('+/+/none', undefined, 100);
    expect(page.entries).toEqual([]);
    expect(page.after).toBeDefined();
    const sum = walk(tree, '+/+/none', 100);
    expect(sum.topics).toBe(0);
    expect(sum.pages).toBeGreaterThan(10);
    expect(walk(tree, 'site7/#', 100).pages).toBeLessThanOrEqual(2);
    // Literal levels after a + are leapt to: one step for each first level, not for each topic.
    expect(walk(tree, '+/device4711/+', 1000)).toMatchObject({ topics: 1, pages: 1 });
  });
});
