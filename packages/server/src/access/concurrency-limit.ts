/** What became of a task: `'full'` if the waiting room was, `'abandoned'` if nobody wanted the answer any more when its turn came. */
export type LimitedOutcome<Result> = { readonly done: Result } | 'full' | 'abandoned';

export interface ConcurrencyLimits {
  /** Tasks at the same time, at least 1; 4 by default. An argon2id verification holds 19 MiB and one of libuv's four threads. */
  readonly runningMax?: number;
  /** Tasks that wait for their turn, in order; 1,000 by default. */
  readonly waitingMax?: number;
}

/**
 * Bounds how many costly authentications run and wait. In a storm of reconnects clients give up and come back while they wait;
 * their old attempts are thrown away instead of run, so that the broker does not work for connections that are gone.
 */
export class ConcurrencyLimit {
  /** Both may change at any time; what runs and what waits goes on. */
  runningMax: number;
  waitingMax: number;
  /** Read by metrics: tasks that run now, and totals. */
  running = 0;
  completedTotal = 0;
  refusedTotal = 0;
  abandonedTotal = 0;
  #waiting: (() => void)[] = [];
  #head = 0;

  constructor({ runningMax = 4, waitingMax = 1000 }: ConcurrencyLimits = {}) {
    if (runningMax < 1) throw new RangeError('runningMax must be at least 1');
    this.runningMax = runningMax;
    this.waitingMax = waitingMax;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Rejects only if the task does. `stillWanted` is asked once, when the task's turn comes. */
  async run<Result>(task: () => Promise<Result>, stillWanted?: () => boolean): Promise<LimitedOutcome<Result>> {
    if (this.running < this.runningMax) {
      this.running++;
    } else {
      if (this.waiting >= this.waitingMax) {
        this.refusedTotal++;
        return 'full';
      }
      // The place is handed over by the task that ends, so `running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      if (stillWanted !== undefined && !stillWanted()) {
        this.abandonedTotal++;
        return 'abandoned';
      }
      const done = await task();
      this.completedTotal++;
      return { done };
    } finally {
      this.#handOver();
    }
  }

  #handOver(): void {
    if (this.waiting === 0 || this.running > this.runningMax) {
      this.running--;
      return;
    }
    const next = this.#waiting[this.#head++];
    // The passed places are cut off now and then: shifting each one would cost the length of the queue.
    if (this.#head > 256 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    next();
  }
}
