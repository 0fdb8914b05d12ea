import { matches } from '@si-mqtt/topics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { covers, intersects } from '../../src/access/filter-relations.js';
import { allFilters, allTopics } from './small-alphabet.js';

const filters = allFilters(3);
const topics = allTopics(4);
const matchedBy = new Map(filters.map((filter) => [filter, new Set(topics.filter((topic) => matches(filter, topic)))]));

describe('every pair of filters of up to three levels, against all names they can tell apart', () => {
  test('covers', () => {
    let covering = 0;
    for (const outer of filters) {
      for (const inner of filters) {
        const expected = [...matchedBy.get(inner)!].every((topic) => matchedBy.get(outer)!.has(topic));
        if (covers(outer, inner) !== expected) expect.fail(`covers(${outer}, ${inner}) should be ${expected}`);
        if (expected) covering++;
      }
    }
    expect(covering).toBeGreaterThan(filters.length);
  });

  test('intersects', () => {
    let meeting = 0;
    for (const one of filters) {
      for (const other of filters) {
        const expected = [...matchedBy.get(one)!].some((topic) => matchedBy.get(other)!.has(topic));
        if (intersects(one, other) !== expected) expect.fail(`intersects(${one}, ${other}) should be ${expected}`);
        if (expected) meeting++;
      }
    }
    expect(meeting).toBeGreaterThan(filters.length);
  });
});

test('longer filters: intersects is symmetric, covers is transitive and implies intersects', () => {
  const level = fc.constantFrom('a', 'b', '', '+', '$x');
  const filter = fc
    .tuple(fc.array(level, { minLength: 0, maxLength: 7 }), fc.constantFrom([], ['#']))
    .map(([levels, end]) => [...levels, ...end].join('/'))
    .filter((text) => text !== '');
  fc.assert(
    fc.property(filter, filter, filter, (one, two, three) => {
      expect(intersects(one, two)).toBe(intersects(two, one));
      if (covers(one, two)) expect(intersects(one, two)).toBe(true);
      if (covers(one, two) && covers(two, three)) expect(covers(one, three)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['#', '$SYS/broker', false],
  ['+/#', '#', true],
  ['#', '+/#', true],
  ['a/#', 'a', true],
  ['a/+', 'a/#', false],
  ['$SYS/#', '$SYS/+/load', true],
  ['a/+/#', 'a/#', false],
])('covers(%s, %s) is %s [MQTT-4.7.2-1]', (outer, inner, expected) => {
  expect(covers(outer, inner)).toBe(expected);
});
