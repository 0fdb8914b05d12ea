import { Histogram } from './histogram.js';

/** About 4 µs on a core of 2020. */
const STEPS = 3000;
const PIECES = 3;
/** A piece of arithmetic that takes so many times its median is done by a machine that is slow. */
const SLOW = 2;
/** Before so many samples nothing is called slow: there is no median yet. */
const SAMPLES_MIN = 300;

/**
 * Notices when the machine itself computes slower than usual, as virtual machines and throttled ones do for moments, without saying so: it times a piece of
 * arithmetic. The fastest of three pieces counts, so that a process that was interrupted in one of them is not taken for a slow machine.
 */
export class MachineSpeed {
  readonly #nanoseconds = new Histogram();
  readonly #clock: () => number;
  #samples = 0;
  #seed = 1;

  /** @param clock in milliseconds */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Takes about 12 µs. */
  isSlow(): boolean {
    const nanoseconds = this.#fastestPiece() * 1e6;
    this.#nanoseconds.record(nanoseconds);
    this.#samples += 1;
    return this.#samples > SAMPLES_MIN && nanoseconds > SLOW * this.#nanoseconds.percentile(0.5);
  }

  #fastestPiece(): number {
    let fastest = Infinity;
    let from = this.#clock();
    for (let piece = 0; piece < PIECES; piece++) {
      let seed = this.#seed;
      for (let step = 0; step < STEPS; step++) seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      this.#seed = seed;
      const to = this.#clock();
      fastest = Math.min(fastest, to - from);
      from = to;
    }
    return fastest;
  }
}
