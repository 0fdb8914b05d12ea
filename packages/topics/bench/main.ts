import { SubscriptionTree } from '../src/index.js';
import {
  type Churn,
  cachedRate,
  churnFilters,
  heapOf,
  hostileFilters,
  hostileName,
  retain,
  type Shape,
  secondsOf,
  shapes,
  subscribe,
  subscriber,
  uncachedRate,
  walk,
} from './measure.js';

const million = 1_000_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function thousands(number: number): string {
  return Math.round(number).toLocaleString('en');
}

print('1,000,000 distinct filters of three levels: heap per filter, matches/s of names not asked for lately, median of five runs');
for (const shape of Object.keys(shapes) as Shape[]) {
  const seconds: number[] = [];
  const { bytes, built } = heapOf(() => {
    let tree = subscribe(shape, 1);
    seconds.push(secondsOf(() => (tree = subscribe(shape, million))));
    return tree;
  });
  const rates = Array.from({ length: 5 }, () => uncachedRate(built, shape, million, 500_000)).sort((one, other) => one - other);
  print(
    `  ${shape.padEnd(24)} ${thousands(bytes / million).padStart(5)} bytes ${thousands(rates[2]).padStart(12)}/s (${thousands(rates[0])} to ${thousands(rates[4])})   built in ${seconds[0].toFixed(1)} s`,
  );
}

print('cached matches/s with 100,000 filters, topic names asked for in random order, 1,000 subscription changes/s');
for (const topics of [10, 1000, 10_000, 50_000]) {
  const base = cachedRate(topics, 'literal', 0, 1);
  const parts = (Object.keys(churnFilters) as Churn[]).map((churn) => `${churn} ${(cachedRate(topics, churn, 1000, 1) / base).toFixed(2)}`);
  print(`  ${thousands(topics).padStart(7)} names ${thousands(base).padStart(12)}/s, as a part of that: ${parts.join(', ')}`);
}

print('filters of 64 levels made to be visited in vain: time of one match');
for (const count of [1024, 16_384, 131_072]) {
  const tree = new SubscriptionTree({ cacheEntriesMax: 0 });
  for (const filter of hostileFilters(count)) tree.set(filter, subscriber, 1);
  const calls = 5;
  const seconds = secondsOf(() => {
    for (let i = 0; i < calls; i++) tree.match(hostileName);
  });
  print(
    `  ${thousands(count).padStart(9)} filters ${((seconds / calls) * 1000).toFixed(1)} ms, ${thousands((seconds / calls / count) * 1e9)} ns per filter`,
  );
}

print('retained topics');
for (const count of [100_000, million]) {
  let seconds = 0;
  const { bytes, built } = heapOf(() => {
    let tree = retain(1);
    seconds = secondsOf(() => (tree = retain(count)));
    return tree;
  });
  print(`  ${thousands(count).padStart(9)} set in ${seconds.toFixed(1)} s, ${Math.round(bytes / count)} bytes each`);
  for (const filter of ['#', '+/+/state', 'site7/#', '+/device4711/+', '+/+/none']) {
    const before = performance.now();
    const sum = walk(built, filter, 100);
    const milliseconds = performance.now() - before;
    print(
      `            ${filter.padEnd(14)} ${thousands(sum.topics).padStart(9)} topics in ${thousands(sum.pages).padStart(6)} pages of 100: ${milliseconds.toFixed(1)} ms, longest page ${(sum.longest * 1000).toFixed(2)} ms`,
    );
  }
}
