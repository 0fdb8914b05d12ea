/** What went wrong on the way, as counts of messages. */
export interface Faults {
  /** Published, and never delivered to a subscriber that should have got it. */
  lost: number;
  /** Delivered once more. */
  duplicated: number;
  /** Delivered after a later message of the same topic. */
  reordered: number;
  /** Delivered with bytes that nobody sent. */
  corrupted: number;
}

export const noFaults = (): Faults => ({ lost: 0, duplicated: 0, reordered: 0, corrupted: 0 });

export function addFaults(sum: Faults, more: Faults): void {
  sum.lost += more.lost;
  sum.duplicated += more.duplicated;
  sum.reordered += more.reordered;
  sum.corrupted += more.corrupted;
}

export const isFaulty = (faults: Faults): boolean => faults.lost + faults.duplicated + faults.reordered + faults.corrupted > 0;

/** Gaps longer than this are counted and not remembered one by one: whoever loses so much is told so anyway. */
const REMEMBERED_MAX = 100_000;

/** Judges the sequence numbers that one subscriber gets from each publisher. */
export class SequenceCheck {
  /** The next sequence number of each publisher. */
  readonly #next: Float64Array;
  /** Numbers that were passed over, as `publisher * 2 ** 32 + sequence`. */
  readonly #missing = new Set<number>();
  readonly faults: Faults = noFaults();

  constructor(publishers: number) {
    this.#next = new Float64Array(publishers);
  }

  /** Gives by how many messages the subscriber has come forward: 1, more if some were passed over, 0 if the message comes late or again. */
  receive(publisher: number, sequence: number): number {
    const next = this.#next[publisher];
    if (sequence === next) {
      this.#next[publisher] = next + 1;
      return 1;
    }
    return sequence > next ? this.#passOver(publisher, next, sequence) : this.#comesLate(publisher, sequence);
  }

  #passOver(publisher: number, next: number, sequence: number): number {
    this.#next[publisher] = sequence + 1;
    this.faults.lost += sequence - next;
    for (let missing = next; missing < sequence && this.#missing.size < REMEMBERED_MAX; missing++) {
      this.#missing.add(publisher * 2 ** 32 + missing);
    }
    return sequence - next + 1;
  }

  #comesLate(publisher: number, sequence: number): number {
    if (this.#missing.delete(publisher * 2 ** 32 + sequence)) {
      this.faults.lost -= 1;
      this.faults.reordered += 1;
    } else {
      this.faults.duplicated += 1;
    }
    return 0;
  }
}

/** What the members of a shared subscription have got from one publisher: how many, and a sum over their sequence numbers. */
export interface GroupTally {
  received: number;
  sum: number;
}

const mixed = (sequence: number): number => {
  const hash = Math.imul(sequence ^ (sequence >>> 16), 0x45d9f3b);
  return Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
};

/**
 * A member of a shared subscription gets only a part: within it the order must rise. Whether the parts of all members, who may live in several
 * processes, make up the whole is judged from counts and sums.
 */
export class MemberCheck {
  readonly #last: Float64Array;
  readonly #tallies: readonly GroupTally[];
  readonly faults: Faults = noFaults();

  /** @param tallies one for each publisher, shared by the members of this process */
  constructor(tallies: readonly GroupTally[]) {
    this.#tallies = tallies;
    this.#last = new Float64Array(tallies.length).fill(-1);
  }

  receive(publisher: number, sequence: number): number {
    if (sequence < this.#last[publisher]) this.faults.reordered += 1;
    this.#last[publisher] = sequence;
    const tally = this.#tallies[publisher];
    tally.received += 1;
    tally.sum = (tally.sum + mixed(sequence)) | 0;
    return 1;
  }
}

/** Whether a group has got the messages 0 to `published - 1`, each once. What it got instead is known only as a number. */
export function judgeGroup(tally: GroupTally, published: number): Faults {
  const faults = noFaults();
  let sum = 0;
  for (let sequence = 0; sequence < published; sequence++) sum = (sum + mixed(sequence)) | 0;
  faults.lost = Math.max(0, published - tally.received);
  faults.duplicated = Math.max(0, tally.received - published);
  // As many as were sent, but not the same: at least one is missing, and another came twice.
  if (tally.received === published && tally.sum !== sum) faults.lost = faults.duplicated = 1;
  return faults;
}
