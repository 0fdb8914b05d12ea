import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SubscriptionTree } from '../src/index.js';
import { LevelTable } from '../src/level-table.js';

/** All children of a hash. */
function found(table: LevelTable<number>, hash: number): number[] {
  const children: number[] = [];
  for (let place = table.find(hash); place !== -1; place = table.find(hash, place)) children.push(table.at(place));
  return children;
}

describe('LevelTable', () => {
  test('finds what a list finds, whatever comes and goes, with hashes that share a place or are the same', () => {
    // Few places for many hashes: 1, 2, 9, 17 … meet in tables of eight and sixteen.
    const hashes = fc.constantFrom(1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 1025, 2 ** 30 - 1);
    const step = fc.record({ hash: hashes, adds: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new LevelTable<number>(0);
        let list: { hash: number; child: number }[] = [];
        for (const [child, { hash, adds }] of steps.entries()) {
          const place = table.find(hash);
          if (adds) {
            table.add(hash, child);
            list.push({ hash, child });
          } else if (place !== -1) {
            const removed = table.at(place);
            table.remove(place);
            list = list.filter((each) => each.child !== removed);
          }
          expect(table.size).toBe(list.length);
          for (const { hash } of steps) {
            const expected = list.filter((each) => each.hash === hash).map((each) => each.child);
            expect(found(table, hash).sort()).toEqual(expected.sort());
          }
        }
        expect([...table.children()].sort()).toEqual(list.map((each) => each.child).sort());
      }),
      { numRuns: 200 },
    );
  });

  test('levels of one hash are told apart', () => {
    const seed = 42;
    const table = new LevelTable<number>(seed);
    const levels = new Map<number, string>();
    const pairs: [string, string][] = [];
    for (let i = 0; pairs.length < 5; i++) {
      const level = `level ${i}`;
      const hash = table.hash(level, 0, level.length);
      const other = levels.get(hash);
      if (other !== undefined) pairs.push([other, level]);
      levels.set(hash, level);
    }
    const tree = new SubscriptionTree<object, string>({ hashSeed: seed, cacheEntriesMax: 0 });
    const subscriber = {};
    const values = (topicName: string): string[] => tree.match(topicName).map((match) => match.value);
    for (const [one, other] of pairs) {
      tree.set(`${one}/+`, subscriber, one);
      tree.set(`${other}/+`, subscriber, other);
      tree.set(`${other}/+/below`, subscriber, 'below');
    }
    for (const [one, other] of pairs) {
      expect([values(`${one}/x`), values(`${other}/x`), values(`${one}/x/below`), values(`${other}/x/below`)]).toEqual([
        [one],
        [other],
        [],
        ['below'],
      ]);
      tree.delete(`${one}/+`, subscriber);
      expect([values(`${one}/x`), values(`${other}/x`)]).toEqual([[], [other]]);
    }
  });

  test('a seed makes other hashes', () => {
    expect(new LevelTable(1).hash('a/level/b', 2, 7)).toBe(new LevelTable(1).hash('level', 0, 5));
    expect(new LevelTable(1).hash('level', 0, 5)).not.toBe(new LevelTable(2).hash('level', 0, 5));
  });
});
