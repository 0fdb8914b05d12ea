import { expect, test } from 'vitest';
import { commitCountsOf, millisecondsWithin } from '../src/rows/commit-counts.js';

const metrics = (counts: Readonly<Record<string, number>>): string =>
  [
    '# HELP si_mqtt_store_commits_within_total Commits',
    ...Object.entries(counts).map(([le, count]) => `si_mqtt_store_commits_within_total{le="${le}"} ${count}`),
  ].join('\n');

test('what half of the commits did not exceed lies between the bounds around it', () => {
  const counts = commitCountsOf(metrics({ '0.001': 0, '0.005': 8, '0.01': 10, '+Inf': 10 }));
  expect(counts.total).toBe(10);
  expect(millisecondsWithin(counts, 0.5)).toBeCloseTo(1 + (5 / 8) * 4);
  expect(millisecondsWithin(counts, 0.9)).toBeCloseTo(7.5);
});

test('only what came between two readings counts', () => {
  const before = commitCountsOf(metrics({ '0.001': 5, '0.005': 9, '+Inf': 9 }));
  const after = commitCountsOf(metrics({ '0.001': 9, '0.005': 13, '+Inf': 13 }));
  expect(millisecondsWithin(before.since(after), 0.5)).toBe(0.5);
  expect(millisecondsWithin(before.since(after), 1)).toBe(1);
});

test('above the last bound it is at least as much', () => {
  expect(millisecondsWithin(commitCountsOf(metrics({ '0.001': 0, '+Inf': 4 })), 0.5)).toBe(1);
});

test('without commits there is no figure, without the metric an error', () => {
  expect(millisecondsWithin(commitCountsOf(metrics({ '0.001': 0, '+Inf': 0 })), 0.5)).toBeUndefined();
  expect(() => commitCountsOf('# nothing')).toThrow('no commits');
});
