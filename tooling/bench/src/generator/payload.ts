/**
 * What a message carries, so that its receiver can judge it alone (little-endian):
 * sequence number of its publisher (4 bytes), publisher (2), check sum of the header (2), time of sending in milliseconds (8),
 * then bytes that are random, but always the same for one publisher.
 */
export const HEADER_BYTES = 16;

const PUBLISHER = 4;
const CHECK = 6;
const TIME = 8;
const TIME_HIGH = 12;
/** Content up to here is compared word by word, which is cheaper than a call into native code. */
const WORDS_MAX = 256;

/** @param payloadBytes at least 16 */
export function payloadOf(publisher: number, payloadBytes: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(payloadBytes));
  let state = Math.imul(publisher + 1, 0x9e3779b1) | 1;
  for (let i = HEADER_BYTES; i < payloadBytes; i++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

function checkSum(sequence: number, publisher: number, timeLow: number, timeHigh: number): number {
  let hash = Math.imul(sequence ^ Math.imul(publisher + 1, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ timeLow, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13) ^ timeHigh, 0x27d4eb2f);
  return (hash ^ (hash >>> 16)) & 0xffff;
}

export function writeHeader(view: DataView, offset: number, sequence: number, publisher: number, time: number): void {
  view.setUint32(offset, sequence, true);
  view.setUint16(offset + PUBLISHER, publisher, true);
  view.setFloat64(offset + TIME, time, true);
  const sum = checkSum(sequence, publisher, view.getUint32(offset + TIME, true), view.getUint32(offset + TIME_HIGH, true));
  view.setUint16(offset + CHECK, sum, true);
}

export const readSequence = (view: DataView, offset: number): number => view.getUint32(offset, true);
export const readPublisher = (view: DataView, offset: number): number => view.getUint16(offset + PUBLISHER, true);
export const readTime = (view: DataView, offset: number): number => view.getFloat64(offset + TIME, true);

/** Knows what the payloads of all publishers must be. */
export class PayloadCheck {
  readonly #payloadBytes: number;
  readonly #contents: readonly Buffer[];
  readonly #words: readonly Int32Array[];

  constructor(publishers: number, payloadBytes: number) {
    this.#payloadBytes = payloadBytes;
    this.#contents = Array.from({ length: publishers }, (_, publisher) => payloadOf(publisher, payloadBytes));
    this.#words = this.#contents.map(({ buffer }) => new Int32Array(buffer, 0, Math.min(payloadBytes, WORDS_MAX) >> 2));
  }

  /** Whether the payload is one that some publisher has sent. */
  isSound(bytes: Buffer, view: DataView, offset: number, end: number): boolean {
    if (end - offset !== this.#payloadBytes) return false;
    const publisher = readPublisher(view, offset);
    if (publisher >= this.#contents.length) return false;
    const sum = checkSum(
      readSequence(view, offset),
      publisher,
      view.getUint32(offset + TIME, true),
      view.getUint32(offset + TIME_HIGH, true),
    );
    if (sum !== view.getUint16(offset + CHECK, true)) return false;
    const words = this.#words[publisher];
    for (let word = HEADER_BYTES >> 2; word < words.length; word++) {
      if (view.getInt32(offset + word * 4, true) !== words[word]) return false;
    }
    const compared = words.length * 4;
    return compared === this.#payloadBytes || this.#contents[publisher].compare(bytes, offset + compared, end, compared) === 0;
  }
}
