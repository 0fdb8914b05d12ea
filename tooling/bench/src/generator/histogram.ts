/** 32 buckets for each doubling: a value is known to about 3 %. */
const BUCKETS_PER_DOUBLING = 32;
const BUCKETS = 32 * BUCKETS_PER_DOUBLING;

/** Counts of durations in microseconds; costs the same however many they are. */
export class Histogram {
  readonly #counts: Uint32Array;

  constructor(counts: readonly number[] = []) {
    this.#counts = new Uint32Array(BUCKETS);
    this.#counts.set(counts);
  }

  record(microseconds: number): void {
    const value = microseconds <= 0 ? 0 : Math.min(Math.round(microseconds), 0x7fff_ffff);
    this.#counts[bucketOf(value)] += 1;
  }

  add(counts: readonly number[]): void {
    for (let bucket = 0; bucket < counts.length; bucket++) this.#counts[bucket] += counts[bucket];
  }

  merge(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] += other.#counts[bucket];
  }

  clear(): void {
    this.#counts.fill(0);
  }

  /** @param part between 0 and 1; 0.99 gives what 99 % did not exceed */
  percentile(part: number): number {
    let total = 0;
    for (const count of this.#counts) total += count;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (total > 0 && seen >= part * total) return middleOf(bucket);
    }
    return 0;
  }

  /** For another process: the counts, without the empty end. */
  toCounts(): number[] {
    let length = BUCKETS;
    while (length > 0 && this.#counts[length - 1] === 0) length -= 1;
    return Array.from(this.#counts.subarray(0, length));
  }
}

function bucketOf(value: number): number {
  if (value < BUCKETS_PER_DOUBLING) return value;
  const exponent = 31 - Math.clz32(value);
  return (exponent - 4) * BUCKETS_PER_DOUBLING + ((value >> (exponent - 5)) & (BUCKETS_PER_DOUBLING - 1));
}

function middleOf(bucket: number): number {
  if (bucket < BUCKETS_PER_DOUBLING) return bucket;
  const exponent = Math.floor(bucket / BUCKETS_PER_DOUBLING) + 4;
  const width = 2 ** (exponent - 5);
  return (BUCKETS_PER_DOUBLING + (bucket % BUCKETS_PER_DOUBLING) + 0.5) * width;
}
