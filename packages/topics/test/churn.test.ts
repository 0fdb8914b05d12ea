import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Churn, churnFilters, heapOf, missedPart, numbers } from '../bench/measure.js';
import { FilterTree } from '../src/filter-tree.js';
import { matches, RetainedTree, SubscriptionTree } from '../src/index.js';
import { MatchCache } from '../src/match-cache.js';
import { OrderedTopics } from '../src/ordered-topics.js';
import { topicFilters, topicNames } from './random-topics.js';

describe('match cache', () => {
  test('answers as the obvious matcher does through 20,000 changes', () => {
    const filters = fc.sample(topicFilters, { numRuns: 400, seed: 7 });
    const names = fc.sample(topicNames, { numRuns: 200, seed: 8 });
    const subscribers = Array.from({ length: 5 }, (_, index) => ({ index }));
    const tree = new SubscriptionTree<{ index: number }, number>({ cacheEntriesMax: 300 });
    const model = new Map<string, { topicFilter: string; value: number }>();
    const matching = new Map(names.map((name) => [name, new Set(filters.filter((filter) => matches(filter, name)))]));
    const random = numbers(1 << 20);
    for (let change = 0; change < 20_000; change++) {
      const filter = filters[random.next().value % filters.length];
      const subscriber = subscribers[random.next().value % subscribers.length];
      const key = `${subscriber.index} ${filter}`;
      // Mostly absent, so that results are small and a wrong one stands out.
      if (random.next().value % 8 === 0) {
        tree.set(filter, subscriber, change);
        model.set(key, { topicFilter: filter, value: change });
      } else {
        expect(tree.delete(filter, subscriber)).toBe(model.get(key)?.value);
        model.delete(key);
      }
      for (let call = 0; call < 3; call++) {
        const name = names[random.next().value % names.length];
        const found = tree.match(name).map((match) => `${match.subscriber.index} ${match.topicFilter} ${match.value}`);
        const expected: string[] = [];
        for (const [key, { topicFilter, value }] of model) if (matching.get(name)?.has(topicFilter)) expected.push(`${key} ${value}`);
        expect(found.sort()).toEqual(expected.sort());
      }
    }
    // Most filters of this alphabet match much. What is left to the cache was right all the same.
    expect(tree.cacheMisses).toBeLessThan(55_000);
  });

  test('a change leaves the results of other topic names in the cache', () => {
    const tree = new SubscriptionTree<object, number>();
    const subscriber = {};
    const names = Array.from({ length: 1000 }, (_, index) => `site/device${index}/state`);
    for (let round = 0; round < 2; round++) for (const name of names) tree.match(name);
    expect(tree.cacheEntries).toBe(1000);
    const missesAfter = (change: () => void): number => {
      const before = tree.cacheMisses;
      change();
      for (const name of names) tree.match(name);
      return tree.cacheMisses - before;
    };
    expect(missesAfter(() => {})).toBe(0);
    expect(missesAfter(() => tree.set('site/device7/state', subscriber, 1))).toBe(1);
    expect(missesAfter(() => tree.set('elsewhere/device7/state', subscriber, 1))).toBe(0);
    for (const filter of ['site/device8/+', '+/device9/#', '+/+/none', 'site/+/none/#', 'elsewhere/#']) {
      expect(missesAfter(() => tree.set(filter, subscriber, 1))).toBeLessThanOrEqual(20);
      expect(missesAfter(() => tree.delete(filter, subscriber))).toBeLessThanOrEqual(20);
    }
    expect(missesAfter(() => tree.set('site/#', subscriber, 1))).toBe(1000);
  });

  test('a hit is the same array and costs no walk', () => {
    const tree = new SubscriptionTree<object, number>();
    tree.set('a/+', {}, 1);
    tree.match('a/b');
    const result = tree.match('a/b');
    expect(tree.match('a/b')).toBe(result);
    expect(tree.cacheMisses).toBe(2);
  });

  test('stays within its bounds of entries and matches, and keeps what is asked for often', () => {
    const cache = new MatchCache<readonly number[]>(100, 1000);
    const ask = (name: string, result: readonly number[]): boolean => {
      for (let call = 0; call < 3; call++) {
        if (cache.get(name) !== undefined) return call === 0;
        cache.add(name, result);
        expect(cache.entries).toBeLessThanOrEqual(100);
        expect(cache.matches).toBeLessThanOrEqual(1000);
      }
      return false;
    };
    ask('often', [1]);
    for (let i = 0; i < 2000; i++) {
      ask(`topic ${i}`, new Array<number>(i % 40).fill(i));
      expect(ask('often', [1])).toBe(true);
    }
    expect(cache.entries).toBeGreaterThan(10);
    ask('too large', new Array<number>(501).fill(1));
    expect(cache.get('too large')).toBeUndefined();
    ask('long'.repeat(1000), [1]);
    expect(cache.get('long'.repeat(1000))).toBeUndefined();
  });

  test('names that come once take no room', () => {
    const tree = new SubscriptionTree<object, number>();
    for (let i = 0; i < 10_000; i++) tree.match(`request/${i}`);
    expect(tree.cacheEntries).toBeLessThan(500);
  });

  // On a broker with 1,000 changes and a million matches a second there are as many; a cache that is emptied by each change would miss them all.
  test.each(Object.keys(churnFilters) as Churn[])('changes of %s filters, one per 1,000 matches, leave it 95 %% of its hits', (churn) => {
    expect(missedPart(1000, churn, 1000)).toBeLessThan(0.05);
  });
});

describe('no growth under churn', () => {
  test('the filter tree has no node left when its filters are gone', () => {
    fc.assert(
      fc.property(fc.uniqueArray(topicFilters, { maxLength: 40 }), (filters) => {
        const tree = new FilterTree<object, number>(1);
        for (const topicFilter of filters) tree.set({ subscriber: {}, value: 1, topicFilter });
        expect([...tree.sets()]).toHaveLength(filters.length);
        for (const [index, filter] of filters.entries()) {
          tree.delete(filter);
          expect([...tree.sets()]).toHaveLength(filters.length - index - 1);
        }
        expect(tree.isEmpty).toBe(true);
      }),
    );
  });

  test('a filter that many leave keeps no trace of them', () => {
    const tree = new SubscriptionTree<object, number>();
    const subscribers = Array.from({ length: 100 }, () => ({}));
    for (let round = 0; round < 3; round++) {
      for (const [index, subscriber] of subscribers.entries()) tree.set('a/+', subscriber, index);
      expect([tree.size, tree.filters, tree.match('a/b').length]).toEqual([100, 1, 100]);
      for (const [index, subscriber] of subscribers.entries()) expect(tree.delete('a/+', subscriber)).toBe(index);
      expect([tree.size, tree.filters, tree.match('a/b').length]).toEqual([0, 0, 0]);
    }
  });

  test('a level that a removed filter shared does not keep its text alive', () => {
    const tree = new SubscriptionTree<object, number>();
    const subscriber = {};
    const { bytes } = heapOf(() => {
      for (let i = 0; i < 100; i++) {
        const shared = `a level of many characters ${i}`;
        tree.set(`${shared}/+/${'long'.repeat(15_000)}`, subscriber, 1);
        tree.set(`${shared}/+/short`, subscriber, 1);
        tree.set(`${shared}/other/#`, subscriber, 1);
        tree.delete(`${shared}/+/${'long'.repeat(15_000)}`, subscriber);
      }
      return tree;
    });
    expect(tree.filters).toBe(200);
    expect(bytes).toBeLessThan(100 * 15_000);
  });

  test('the list of retained topics shrinks with its topics', () => {
    const list = new OrderedTopics<number>();
    const names = Array.from({ length: 20_000 }, (_, index) => `t/${(index * 7919) % 20_000}`);
    for (const topicName of names) list.insert({ topicName, value: 0 });
    const full = list.chunks;
    expect(full).toBeGreaterThanOrEqual(20_000 / 256);
    expect(full).toBeLessThan(20_000 / 64);
    for (const [index, name] of names.entries()) if (index % 100 !== 0) list.remove(name);
    expect(list.chunks).toBeLessThanOrEqual(10);
    for (const [index, name] of names.entries()) if (index % 100 === 0) list.remove(name);
    expect(list.chunks).toBe(0);
  });

  test('topics that come and go leave the retained tree as it was', () => {
    const tree = new RetainedTree<number>();
    for (let i = 0; i < 50_000; i++) {
      tree.set(`a/${i}`, i);
      if (i >= 10) expect(tree.delete(`a/${i - 10}`)).toBe(i - 10);
    }
    expect(tree.size).toBe(10);
    expect(tree.match('#', undefined, 100).entries.map(([, value]) => value)).toEqual([
      49_990, 49_991, 49_992, 49_993, 49_994, 49_995, 49_996, 49_997, 49_998, 49_999,
    ]);
  });
});
