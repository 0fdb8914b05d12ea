import {
  type Churn,
  cachedRate,
  churnFilters,
  heapOf,
  retain,
  type Shape,
  secondsOf,
  shapes,
  subscribe,
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

print('1,000,000 distinct filters of three levels: heap per filter, matches/s of names not asked for before');
for (const shape of Object.keys(shapes) as Shape[]) {
  const seconds: number[] = [];
  const { bytes, built } = heapOf(() => {
    let tree = subscribe(shape, 1);
    seconds.push(secondsOf(() => (tree = subscribe(shape, million))));
    return tree;
  });
  const rate = uncachedRate(built, shape, million, 500_000);
  print(
    `  ${shape.padEnd(24)} ${thousands(bytes / million).padStart(5)} bytes ${thousands(rate).padStart(12)}/s   built in ${seconds[0].toFixed(1)} s`,
  );
}

print('cached matches/s with 100,000 filters, topic names asked for in random order, 1,000 subscription changes/s');
for (const topics of [10, 1000, 10_000, 50_000]) {
  const base = cachedRate(topics, 'literal', 0, 1);
  const parts = (Object.keys(churnFilters) as Churn[]).map((churn) => `${churn} ${(cachedRate(topics, churn, 1000, 1) / base).toFixed(2)}`);
  print(`  ${thousands(topics).padStart(7)} names ${thousands(base).padStart(12)}/s, as a part of that: ${parts.join(', ')}`);
}

print('retained topics');
for (const count of [100_000, million]) {
  const { bytes, built } = heapOf(() => retain(count));
  for (const filter of ['#', '+/+/state', 'site7/#', '+/device4711/+', '+/+/none']) {
    const before = performance.now();
    const sum = walk(built, filter, 100);
    const milliseconds = performance.now() - before;
    print(
      `  ${thousands(count).padStart(9)} (${Math.round(bytes / count)} bytes each) ${filter.padEnd(14)} ${thousands(sum.topics).padStart(9)} topics in ${thousands(sum.pages).padStart(6)} pages of 100: ${milliseconds.toFixed(1)} ms, longest page ${(sum.longest * 1000).toFixed(2)} ms`,
    );
  }
}
