/** How many commits took how long, as a broker's metrics count them. */
export interface CommitCounts {
  readonly total: number;
  /** Milliseconds, rising; the last is infinite. */
  readonly bounds: readonly number[];
  /** Commits that took at most so long. */
  readonly within: readonly number[];
  /** What `later` counts beyond this. */
  since(later: CommitCounts): CommitCounts;
}

const LINE = /^si_mqtt_store_commits_within_total\{le="([^"]+)"\} (\S+)$/gm;

/** @throws Error if the text has no such metric */
export function commitCountsOf(metrics: string): CommitCounts {
  const found = [...metrics.matchAll(LINE)].map(([, bound, count]) => ({
    bound: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound) * 1000,
    count: Number(count),
  }));
  if (found.length === 0) throw new Error('the metrics count no commits');
  found.sort((a, b) => a.bound - b.bound);
  return countsOf(
    found.map(({ bound }) => bound),
    found.map(({ count }) => count),
  );
}

function countsOf(bounds: readonly number[], within: readonly number[]): CommitCounts {
  const since = (later: CommitCounts): CommitCounts =>
    countsOf(
      bounds,
      later.within.map((count, index) => count - within[index]),
    );
  return { total: within[within.length - 1], bounds, within, since };
}

/** What the part of all commits (0.99, say) did not exceed, taken as evenly spread between two bounds; undefined: there were none. */
export function millisecondsWithin({ total, bounds, within }: CommitCounts, part: number): number | undefined {
  if (total === 0) return undefined;
  const index = within.findIndex((count) => count >= part * total);
  const [lower, below] = index === 0 ? [0, 0] : [bounds[index - 1], within[index - 1]];
  // Nobody knows how far above the last bound.
  if (bounds[index] === Number.POSITIVE_INFINITY) return lower;
  return lower + ((part * total - below) / (within[index] - below)) * (bounds[index] - lower);
}
