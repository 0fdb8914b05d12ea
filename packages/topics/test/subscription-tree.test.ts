import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Match, matches, SubscriptionTree } from '../src/index.js';
import { topicFilters, topicNames } from './random-topics.js';

interface Seat {
  readonly name: string;
}

const seats: Seat[] = Array.from({ length: 12 }, (_, index) => ({ name: `seat ${index}` }));

/** The obvious tree: a list of all subscriptions. */
class SubscriptionList {
  readonly subscriptions = new Map<string, Match<Seat, number>>();

  set(topicFilter: string, subscriber: Seat, value: number): number | undefined {
    const key = `${subscriber.name} ${topicFilter}`;
    const replaced = this.subscriptions.get(key);
    this.subscriptions.set(key, { topicFilter, subscriber, value });
    return replaced?.value;
  }

  delete(topicFilter: string, subscriber: Seat): number | undefined {
    const key = `${subscriber.name} ${topicFilter}`;
    const removed = this.subscriptions.get(key);
    this.subscriptions.delete(key);
    return removed?.value;
  }

  match(topicName: string): string[] {
    return sorted([...this.subscriptions.values()].filter((match) => matches(match.topicFilter, topicName)));
  }
}

function sorted(list: readonly Match<Seat, number>[]): string[] {
  return list.map((match) => `${match.subscriber.name} ${match.topicFilter} ${match.value}`).sort();
}

function isGrouped(list: readonly Match<Seat, number>[]): boolean {
  const changes = list.filter((match, index) => index > 0 && list[index - 1].subscriber !== match.subscriber).length;
  return list.length === 0 || changes + 1 === new Set(list.map((match) => match.subscriber)).size;
}

const changes = fc.record({
  topicFilter: topicFilters,
  subscriber: fc.constantFrom(...seats),
  value: fc.option(fc.integer({ min: 0, max: 99 }), { nil: undefined, freq: 3 }),
});

describe('SubscriptionTree', () => {
  test('matches what the obvious matcher matches, uncached, cached and after each change [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]', () => {
    const step = fc.record({ change: changes, topicNames: fc.array(topicNames, { minLength: 1, maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 4, 100), (steps, cacheEntriesMax) => {
        const tree = new SubscriptionTree<Seat, number>({ cacheEntriesMax });
        const list = new SubscriptionList();
        const asked = new Set<string>();
        for (const { change, topicNames } of steps) {
          const { topicFilter, subscriber, value } = change;
          if (value === undefined) expect(tree.delete(topicFilter, subscriber)).toBe(list.delete(topicFilter, subscriber));
          else expect(tree.set(topicFilter, subscriber, value)).toBe(list.set(topicFilter, subscriber, value));
          expect(tree.get(topicFilter, subscriber)).toBe(value);
          for (const name of topicNames) asked.add(name);
          for (const name of asked) {
            const result = tree.match(name);
            expect(sorted(result)).toEqual(list.match(name));
            expect(isGrouped(result)).toBe(true);
          }
        }
        const all = [...list.subscriptions.values()];
        expect(sorted([...tree])).toEqual(sorted(all));
        expect(tree.size).toBe(all.length);
        expect(tree.filters).toBe(new Set(all.map((match) => match.topicFilter)).size);
        for (const { topicFilter, subscriber } of all) tree.delete(topicFilter, subscriber);
        expect([tree.size, tree.filters, [...tree]]).toEqual([0, 0, []]);
      }),
      { numRuns: 300 },
    );
  });

  test('matches of one subscriber stand next to each other', () => {
    const tree = new SubscriptionTree<Seat, number>();
    for (const filter of ['a/b', 'a/+', '#', 'a/#', '+/b']) for (const seat of seats) tree.set(filter, seat, 1);
    const result = tree.match('a/b');
    expect(result).toHaveLength(60);
    expect(isGrouped(result)).toBe(true);
    expect(new Set(result.slice(0, 5).map((match) => match.topicFilter)).size).toBe(5);
  });

  test('subscribers are told apart by identity', () => {
    const tree = new SubscriptionTree<Seat, number>();
    expect(tree.set('a', { name: 'x' }, 1)).toBeUndefined();
    expect(tree.set('a', { name: 'x' }, 2)).toBeUndefined();
    expect(tree.match('a')).toHaveLength(2);
    expect(tree.delete('a', { name: 'x' })).toBeUndefined();
  });

  test('a result does not change when subscriptions do', () => {
    const tree = new SubscriptionTree<Seat, number>();
    for (const seat of seats) tree.set('a/+', seat, 1);
    const before = tree.match('a/b');
    const copy = [...before];
    tree.set('a/+', seats[0], 2);
    tree.set('a/b', seats[0], 3);
    for (const seat of seats.slice(1)) tree.delete('a/+', seat);
    expect([...before]).toEqual(copy);
    expect(sorted(tree.match('a/b'))).toEqual(['seat 0 a/+ 2', 'seat 0 a/b 3']);
  });

  test('version grows with each change, and only with changes', () => {
    const tree = new SubscriptionTree<Seat, number>();
    const versions = [
      () => tree.set('a/+', seats[0], 1),
      () => tree.set('a/+', seats[0], 2),
      () => tree.delete('a/+', seats[1]),
      () => tree.delete('b', seats[0]),
      () => tree.match('a/b'),
      () => tree.delete('a/+', seats[0]),
    ].map((step) => (step(), tree.version));
    expect(versions).toEqual([1, 2, 2, 2, 2, 3]);
  });

  test('a filter and a name of 65,535 characters with a level each do no harm', () => {
    const tree = new SubscriptionTree<Seat, number>();
    const name = '/'.repeat(65_535);
    const filter = `${'+/'.repeat(32_767)}#`;
    tree.set(filter, seats[0], 1);
    expect(tree.match(name)).toHaveLength(1);
    expect(tree.match('a')).toHaveLength(0);
    expect(tree.delete(filter, seats[0])).toBe(1);
    expect(tree.match(name)).toHaveLength(0);
  });
});
