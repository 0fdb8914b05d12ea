import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matches, RetainedTree } from '../src/index.js';
import { topicFilters, topicNames } from './random-topics.js';

function walk<Value>(tree: RetainedTree<Value>, topicFilter: string, limit: number, between: (page: number) => void = () => {}): string[] {
  const names: string[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const page = tree.match(topicFilter, after, limit);
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    names.push(...page.entries.map(([topicName]) => topicName));
    after = page.after;
    between(pages++);
  } while (after !== undefined);
  return names;
}

describe('RetainedTree', () => {
  test('matches what the obvious matcher matches, in pages of any size [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]', () => {
    fc.assert(
      fc.property(
        fc.array(topicNames, { maxLength: 60 }),
        fc.array(topicNames, { maxLength: 20 }),
        fc.array(topicFilters, { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 7 }),
        (set, deleted, filters, limit) => {
          const tree = new RetainedTree<string>();
          const model = new Map<string, string>();
          for (const [index, name] of set.entries()) {
            expect(tree.set(name, `${name} ${index}`)).toBe(model.get(name));
            model.set(name, `${name} ${index}`);
          }
          for (const name of [...deleted, ...set.slice(0, 5)]) {
            expect(tree.delete(name)).toBe(model.get(name));
            model.delete(name);
          }
          expect(tree.size).toBe(model.size);
          for (const [name, value] of model) expect(tree.get(name)).toBe(value);
          for (const filter of [...filters, '#', '+', '+/+', '$a/#']) {
            const expected = [...model.keys()].filter((name) => matches(filter, name)).sort();
            expect(walk(tree, filter, limit).sort()).toEqual(expected);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a topic that is there during the whole walk is returned exactly once, whatever comes and goes between pages', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(topicNames, { minLength: 10, maxLength: 60 }),
        fc.array(fc.array(fc.tuple(topicNames, fc.boolean()), { maxLength: 6 }), { maxLength: 30 }),
        topicFilters,
        fc.integer({ min: 1, max: 4 }),
        (names, mutations, filter, limit) => {
          const staying = new Set(names.filter((_, index) => index % 2 === 0));
          const tree = new RetainedTree<number>();
          for (const name of names) tree.set(name, 0);
          const ever = new Set(names);
          const seen = walk(tree, filter, limit, (page) => {
            for (const [name, add] of mutations[page] ?? []) {
              if (staying.has(name)) continue;
              if (add) {
                tree.set(name, page);
                ever.add(name);
              } else tree.delete(name);
            }
          });
          expect(new Set(seen).size).toBe(seen.length);
          for (const name of seen) expect(ever.has(name) && matches(filter, name)).toBe(true);
          for (const name of staying) expect(seen.includes(name)).toBe(matches(filter, name));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a value is the newest at the time of its page', () => {
    const tree = new RetainedTree<number>();
    for (const name of ['a', 'b', 'c']) tree.set(name, 1);
    const first = tree.match('+', undefined, 1);
    expect(first.entries).toEqual([['a', 1]]);
    tree.set('b', 2);
    expect(tree.match('+', first.after, 10).entries).toEqual([
      ['b', 2],
      ['c', 1],
    ]);
    expect(first.entries).toEqual([['a', 1]]);
  });
});
