import { describe, expect, test } from 'vitest';
import { heapOf, retain, type Shape, shapes, subscribe, uncachedRate, walk } from '../bench/measure.js';

/*
 * The figures that issue and documentation name, at a tenth of the size and with limits that a busy machine keeps too.
 * `pnpm bench` measures them in full.
 */
const count = 100_000;

describe('scale', () => {
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
