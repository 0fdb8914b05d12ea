/**
 * What becomes of a call. The first four are known to the caller or leave it in doubt; after a crash the caller is no more, and every later call
 * of the same store rejects.
 */
export type Outcome =
  | 'done'
  /** Certainly not applied. */
  | 'refused'
  /** Applied, but the answer was lost. */
  | 'unknownApplied'
  /** Not applied, and the answer was lost. */
  | 'unknownLost'
  /** Not applied yet: the request is still under way, and arrives after a few more calls, perhaps of a later store. */
  | 'appliedLate'
  /** Only the first half of the batch was applied, then the connection broke. Where a call is one transaction: nothing. */
  | 'half'
  | 'crashBefore'
  | 'crashAfter'
  | 'crashHalf';

export interface Faults {
  /** Asked once for each call of the store. */
  outcome(call: string, write: boolean): Outcome;
}

/** Nothing goes wrong; counts the calls, which are the points where something could. */
export class NoFaults implements Faults {
  calls = 0;

  outcome(_call: string, _write: boolean): Outcome {
    this.calls += 1;
    return 'done';
  }
}

/** One fault, at the call with that number (from 1). */
export class OneFault implements Faults {
  calls = 0;
  /** The call that was hit. */
  hit: string | undefined;
  private readonly at: number;
  private readonly fault: Outcome;

  constructor(at: number, fault: Outcome) {
    this.at = at;
    this.fault = fault;
  }

  outcome(call: string, _write: boolean): Outcome {
    if (++this.calls !== this.at) return 'done';
    this.hit = call;
    return this.fault;
  }
}

/** Faults by chance, the same for the same seed. */
export class SeededFaults implements Faults {
  private state: number;
  private readonly probability: number;
  private readonly faults: readonly Outcome[];

  constructor(seed: number, probability: number, faults: readonly Outcome[]) {
    this.state = seed;
    this.probability = probability;
    this.faults = faults;
  }

  outcome(_call: string, write: boolean): Outcome {
    if (this.random() >= this.probability) return 'done';
    const fault = this.faults[Math.floor(this.random() * this.faults.length)] ?? 'done';
    return write || fault.startsWith('crash') ? fault : 'refused';
  }

  /** The generator mulberry32. */
  private random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }
}
