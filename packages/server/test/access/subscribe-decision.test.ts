import { matches } from '@si-mqtt/topics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SubscribeDecision } from '../../src/access/permissions.js';
import { decideSubscription } from '../../src/access/subscribe-decision.js';
import { allFilters, allTopics } from './small-alphabet.js';

const topics = allTopics(4);

function decideByTrying(topicFilter: string, allowing: readonly string[], denying: readonly string[]): SubscribeDecision {
  const verdicts = new Set(
    topics
      .filter((topic) => matches(topicFilter, topic))
      .map((topic) => allowing.some((rule) => matches(rule, topic)) && !denying.some((rule) => matches(rule, topic))),
  );
  if (verdicts.size === 2) return 'partly';
  return verdicts.has(true) ? 'allowed' : 'refused';
}

test('the decision is what trying every topic name gives', () => {
  const filter = fc.constantFrom(...allFilters(3));
  const seen = new Map<SubscribeDecision, number>();
  fc.assert(
    fc.property(filter, fc.array(filter, { maxLength: 5 }), fc.array(filter, { maxLength: 3 }), (topicFilter, allowing, denying) => {
      const expected = decideByTrying(topicFilter, allowing, denying);
      seen.set(expected, (seen.get(expected) ?? 0) + 1);
      expect(decideSubscription(topicFilter, allowing, denying)).toBe(expected);
    }),
    { numRuns: 3000 },
  );
  for (const decision of ['allowed', 'refused', 'partly'] as const) expect(seen.get(decision)).toBeGreaterThan(100);
});

describe('examples', () => {
  test.each<[string, string[], string[], SubscribeDecision]>([
    ['a/#', ['a', 'a/+/#'], [], 'allowed'], // Only together.
    ['a/#', ['a/+/#'], [], 'partly'],
    ['a/+', ['a/b'], [], 'partly'],
    ['a/b', ['a/+'], ['a/c'], 'allowed'],
    ['a/+', ['a/#'], ['a/b/c'], 'allowed'],
    ['a/+', ['a/#'], ['a/b'], 'partly'],
    ['a/b', ['a/#'], ['+/b'], 'refused'],
    ['a/#', ['a/+'], ['a/+'], 'refused'],
    ['a/#', ['a/b', 'a/c'], ['a/b', 'a/c'], 'refused'],
    ['#', ['#'], ['$SYS/#'], 'allowed'], // [MQTT-4.7.2-1]
    ['$SYS/#', ['#'], [], 'refused'],
    ['#', [], [], 'refused'],
  ])('%s with %j without %j is %s', (topicFilter, allowing, denying, expected) => {
    expect(decideSubscription(topicFilter, allowing, denying)).toBe(expected);
  });
});

test('many and entangled rules end in time, with the answer that is always right', () => {
  // 2^16 combinations of rules are alive half way down.
  const entangled = Array.from({ length: 16 }, (_, at) => Array.from({ length: 17 }, (__, level) => (level === at ? 'x' : '+')).join('/'));
  const devices = Array.from({ length: 20_000 }, (_, device) => `device/${device}/#`);
  const started = performance.now();
  expect(decideSubscription(Array(17).fill('+').join('/'), entangled, ['+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/y'])).toBe('partly');
  // In truth refused: the search is given up before it can know.
  expect(decideSubscription(`${Array(16).fill('+').join('/')}/z`, entangled, entangled)).toBe('partly');
  expect(decideSubscription('#', devices, [])).toBe('partly');
  expect(decideSubscription('device/+/state', devices, ['device/7/#'])).toBe('partly');
  expect(performance.now() - started).toBeLessThan(5000);
});
