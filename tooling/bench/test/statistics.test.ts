import { expect, test } from 'vitest';
import { Histogram } from '../src/generator/histogram.js';
import { median } from '../src/statistics.js';

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([10, 1, 2, 4])).toBe(3);
  expect(median([7])).toBe(7);
  expect(() => median([])).toThrow('no median');
});

test('percentiles are right to 4 %, from a microsecond to a minute', () => {
  for (const unit of [1, 100, 10_000, 600_000]) {
    const histogram = new Histogram();
    for (let value = 1; value <= 1000; value++) histogram.record((value * unit) / 10);
    for (const part of [0.5, 0.9, 0.99]) {
      const exact = (part * 1000 * unit) / 10;
      expect(Math.abs(histogram.percentile(part) - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.04));
    }
  }
});

test('counts of another process can be added', () => {
  const one = new Histogram();
  one.record(10);
  const other = new Histogram(one.toCounts());
  other.record(1000);
  other.add(one.toCounts());
  expect(other.percentile(0.5)).toBe(10);
  expect(other.percentile(1)).toBeCloseTo(1000, -2);
  other.clear();
  expect(other.percentile(0.5)).toBe(0);
});
