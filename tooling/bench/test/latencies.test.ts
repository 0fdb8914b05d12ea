import { expect, test } from 'vitest';
import { Histogram } from '../src/generator/histogram.js';
import { Latencies } from '../src/generator/latencies.js';
import { MachineSpeed } from '../src/generator/machine-speed.js';

const count = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);

/** A millisecond each: one message of 1 ms, or of 9 ms while the machine is slow. */
function latenciesOf(milliseconds: number, isSlow: (millisecond: number) => boolean): Latencies {
  const latencies = new Latencies();
  for (let now = 0; now <= milliseconds; now++) {
    latencies.record(isSlow(now) ? 9 : 1);
    latencies.tick(now, isSlow(now));
  }
  return latencies;
}

test('without a slow moment nothing is left out, but what has not been judged yet', () => {
  const { all, steady, slowShare } = latenciesOf(1000, () => false).toCounts();
  expect(count(all)).toBe(1001);
  expect(count(steady!)).toBeGreaterThan(980);
  expect(slowShare).toBe(0);
});

test('a slow moment is left out with its slice, the one before and two after', () => {
  const { all, steady, slowShare } = latenciesOf(1000, (now) => now >= 503 && now < 517).toCounts();
  expect(new Histogram(all).percentile(0.999)).toBeGreaterThan(8000);
  expect(new Histogram(steady).percentile(1)).toBeLessThan(1100);
  expect(slowShare).toBeCloseTo(0.05, 2);
});

test('a slow moment that is noticed only after the generator has been held up condemns the time since', () => {
  const latencies = new Latencies();
  for (let now = 0; now <= 100; now++) latencies.tick(now, false);
  latencies.record(30);
  latencies.tick(140, true);
  for (let now = 141; now <= 300; now++) latencies.tick(now, false);
  const { all, steady } = latencies.toCounts();
  expect([count(all), count(steady!)]).toEqual([1, 0]);
});

test('latencies that the broker alone has caused stay in', () => {
  const latencies = new Latencies();
  for (let now = 0; now <= 1000; now++) {
    latencies.record(now === 500 ? 40 : 1);
    latencies.tick(now, false);
  }
  expect(new Histogram(latencies.toCounts().steady).percentile(1)).toBeGreaterThan(38_000);
});

test('what was forgotten does not come back', () => {
  const latencies = latenciesOf(100, () => false);
  latencies.clear();
  for (let now = 101; now <= 200; now++) latencies.tick(now, false);
  expect(latencies.toCounts()).toEqual({ all: [], steady: [], slowShare: 0 });
});

test('nobody watched', () => {
  const latencies = new Latencies();
  latencies.record(1);
  expect(latencies.toCounts().steady).toBeUndefined();
  expect(count(latencies.toCounts().all)).toBe(1);
});

/** A clock by which each piece of arithmetic takes what `milliseconds` says at the time. */
function speedWith(milliseconds: () => number): MachineSpeed {
  let now = 0;
  return new MachineSpeed(() => (now += milliseconds()));
}

test('a machine is slow when arithmetic takes more than twice as long as usual', () => {
  let piece = 0.004;
  const speed = speedWith(() => piece);
  for (let i = 0; i < 1000; i++) expect(speed.isSlow()).toBe(false);
  piece = 0.007;
  expect(speed.isSlow()).toBe(false);
  piece = 0.05;
  expect(speed.isSlow()).toBe(true);
  piece = 0.004;
  expect(speed.isSlow()).toBe(false);
});

test('a process that is interrupted does not make a machine slow', () => {
  let calls = 0;
  // One of the three pieces of each sample takes 4 ms.
  const speed = speedWith(() => (calls++ % 3 === 0 ? 4 : 0.004));
  for (let i = 0; i < 1000; i++) expect(speed.isSlow()).toBe(false);
});
