import { Histogram } from './histogram.js';

/** Time is judged in slices: one in which the machine was slow, the one before it and those after it, in which what waited is caught up with, are left out. */
const SLICE_MILLISECONDS = 10;
const SLICES_AFTER = 2;

/** Counts of latencies, as a histogram's. */
export interface LatencyCounts {
  readonly all: readonly number[];
  /** Without the moments in which the machine was slow; absent if nobody watched it. */
  readonly steady?: readonly number[];
  /** Part of the time that was left out. */
  readonly slowShare?: number;
}

interface Slice {
  readonly latencies: Histogram;
  milliseconds: number;
  isLeftOut: boolean;
}

/** Latencies of one process: all of them, and those of times when the machine computed as fast as usual. */
export class Latencies {
  readonly #all = new Histogram();
  readonly #steady = new Histogram();
  #current = emptySlice();
  /** Has ended, but the next one may show that the machine was becoming slow. */
  #previous = emptySlice();
  #currentFrom: number | undefined;
  #slicesToLeaveOut = 0;
  #steadyMilliseconds = 0;
  #judgedMilliseconds = 0;

  record(milliseconds: number): void {
    this.#all.record(milliseconds * 1000);
    this.#current.latencies.record(milliseconds * 1000);
  }

  /** Called about every millisecond. @param now in milliseconds @param isSlow whether the machine was slow at some time since the last call */
  tick(now: number, isSlow: boolean): void {
    this.#currentFrom ??= now;
    if (isSlow) {
      this.#previous.isLeftOut = true;
      this.#slicesToLeaveOut = 1 + SLICES_AFTER;
    }
    this.#current.milliseconds = now - this.#currentFrom;
    if (this.#current.milliseconds < SLICE_MILLISECONDS) return;
    if (this.#slicesToLeaveOut > 0) {
      this.#current.isLeftOut = true;
      this.#slicesToLeaveOut -= 1;
    }
    this.#judge(this.#previous);
    const emptied = this.#previous;
    empty(emptied);
    this.#previous = this.#current;
    this.#current = emptied;
    this.#currentFrom = now;
  }

  /** Forgets all latencies, and not whether the machine is slow. */
  clear(): void {
    this.#all.clear();
    this.#steady.clear();
    empty(this.#current);
    empty(this.#previous);
    this.#currentFrom = undefined;
    this.#steadyMilliseconds = this.#judgedMilliseconds = 0;
  }

  toCounts(): LatencyCounts {
    const all = this.#all.toCounts();
    if (this.#judgedMilliseconds === 0) return { all };
    return { all, steady: this.#steady.toCounts(), slowShare: 1 - this.#steadyMilliseconds / this.#judgedMilliseconds };
  }

  #judge({ latencies, milliseconds, isLeftOut }: Slice): void {
    this.#judgedMilliseconds += milliseconds;
    if (isLeftOut) return;
    this.#steadyMilliseconds += milliseconds;
    this.#steady.merge(latencies);
  }
}

const emptySlice = (): Slice => ({ latencies: new Histogram(), milliseconds: 0, isLeftOut: false });

function empty(slice: Slice): void {
  slice.latencies.clear();
  slice.milliseconds = 0;
  slice.isLeftOut = false;
}
