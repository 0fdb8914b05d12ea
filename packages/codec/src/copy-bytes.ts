/** Up to here a loop over bytes is the fastest. */
const loopMax = 24;
/** Up to here a loop over words is faster than to make a view of the source and to set it (Node 20: 80 ns). */
const wordsMax = 128;
const usesBeforeView = 4;

/**
 * An array that was copied from or to. To ask a typed array for its buffer is a call into V8 (Node 20: 30 ns), and a DataView costs several times as much:
 * both are worth it only for an array that comes again.
 */
class KnownArray {
  bytes: Uint8Array;
  buffer: ArrayBufferLike | undefined;
  private words: DataView | undefined;
  private uses = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.buffer = undefined;
    this.words = undefined;
  }

  become(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.buffer = undefined;
    this.words = undefined;
    this.uses = 0;
  }

  /** Undefined until the array has come so often that it is likely to come on. */
  view(): DataView | undefined {
    if (this.words !== undefined) return this.words;
    this.uses += 1;
    if (this.uses < usesBeforeView) return undefined;
    this.words = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    return this.words;
  }

  part(start: number, length: number): Uint8Array {
    return new Uint8Array((this.buffer ??= this.bytes.buffer), this.bytes.byteOffset + start, length);
  }
}

/** The last two: packets come from the buffer that is read into, and go to a slab and to the buffers of their receivers. */
class RecentArrays {
  private latest: KnownArray = new KnownArray(new Uint8Array(0));
  private other: KnownArray = new KnownArray(this.latest.bytes);

  /** An array that is none of them takes the place of the older one. */
  find(bytes: Uint8Array): KnownArray {
    if (this.latest.bytes === bytes) return this.latest;
    const { other } = this;
    this.other = this.latest;
    this.latest = other;
    if (other.bytes !== bytes) other.become(bytes);
    return other;
  }
}

const sources = new RecentArrays();
const targets = new RecentArrays();

/** Copies `source[start, end)` to `target` at `at`. Returns a view of just these bytes if it had to make one. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): Uint8Array | undefined {
  const length = end - start;
  if (length <= loopMax) {
    for (let index = 0; index < length; index += 1) target[at + index] = source[start + index]!;
    return undefined;
  }
  if (length === source.length) {
    target.set(source, at);
    return source;
  }
  const known = sources.find(source);
  const words = length <= wordsMax ? targets.find(target).view() : undefined;
  const sourceWords = words === undefined ? undefined : known.view();
  if (words === undefined || sourceWords === undefined) {
    const part = known.part(start, length);
    target.set(part, at);
    return part;
  }
  copyWords(sourceWords, start, end, words, at);
  return undefined;
}

function copyWords(source: DataView, start: number, end: number, target: DataView, at: number): void {
  let from = start;
  let to = at;
  for (; from + 8 <= end; from += 8, to += 8) {
    target.setInt32(to, source.getInt32(from, true), true);
    target.setInt32(to + 4, source.getInt32(from + 4, true), true);
  }
  for (; from < end; from += 1, to += 1) target.setInt8(to, source.getInt8(from));
}
