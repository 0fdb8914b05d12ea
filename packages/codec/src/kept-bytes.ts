const smallest = 64;

/** Bytes that arrived and wait: `bytes[start, end)`. The room grows by what really came, so that a declared length alone costs nothing. */
export class KeptBytes {
  bytes: Uint8Array;
  start = 0;
  end: number;

  /** A copy of `chunk[from, to)`. */
  constructor(chunk: Uint8Array, from: number, to: number) {
    this.end = to - from;
    this.bytes = new Uint8Array(Math.max(smallest, this.end));
    this.bytes.set(chunk.subarray(from, to));
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Doubles the room when it is used up, but never beyond `wanted` bytes if those are enough: the length of the packet that is awaited, 0 if unknown. */
  append(chunk: Uint8Array, from: number, to: number, wanted: number): void {
    const added = to - from;
    if (this.end + added > this.bytes.length) this.grow(this.length + added, wanted);
    if (added === 1) this.bytes[this.end] = chunk[from]!;
    else this.bytes.set(chunk.subarray(from, to), this.end);
    this.end += added;
  }

  private grow(needed: number, wanted: number): void {
    const doubled = 2 * needed;
    const room = Math.max(smallest, wanted >= needed && wanted < doubled ? wanted : doubled);
    const grown = new Uint8Array(room);
    grown.set(this.bytes.subarray(this.start, this.end));
    this.bytes = grown;
    this.end -= this.start;
    this.start = 0;
  }
}
