const smallest = 64;

/** A packet that says how long it is gets room for all of it if this many times what has come is enough: what is only declared costs little. */
const growthMax = 4;

/** Bytes that arrived and wait: `bytes[start, end)`. The room grows by what really came. */
export class KeptBytes {
  bytes: Uint8Array;
  start = 0;
  end: number;

  /**
   * A copy of `chunk[from, to)`.
   * @param wanted length of the packet that it begins with, 0 if unknown.
   */
  constructor(chunk: Uint8Array, from: number, to: number, wanted: number) {
    this.end = to - from;
    this.bytes = new Uint8Array(roomFor(this.end, this.end, wanted));
    this.bytes.set(chunk.subarray(from, to));
  }

  /** There is nothing else in `bytes`. */
  get isWhole(): boolean {
    return this.start === 0 && this.end === this.bytes.length;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** @param wanted length of the packet that is awaited, 0 if unknown. */
  append(chunk: Uint8Array, from: number, to: number, wanted: number): void {
    const added = to - from;
    if (this.end + added > this.bytes.length) this.grow(this.length + added, wanted);
    if (added === 1) this.bytes[this.end] = chunk[from]!;
    else this.bytes.set(chunk.subarray(from, to), this.end);
    this.end += added;
  }

  private grow(needed: number, wanted: number): void {
    const grown = new Uint8Array(roomFor(needed, 2 * needed, wanted));
    grown.set(this.bytes.subarray(this.start, this.end));
    this.bytes = grown;
    this.end -= this.start;
    this.start = 0;
  }
}

/** As many bytes as are wanted if that is known and not much more than what there is; else `usual`. */
function roomFor(needed: number, usual: number, wanted: number): number {
  if (wanted >= needed && wanted <= growthMax * needed) return wanted;
  return Math.max(smallest, wanted === 0 ? usual : growthMax * needed);
}
