import { createHash } from 'node:crypto';

/** Where a record is in the log of a seat. Sequence numbers begin at 1 in every epoch and have no holes. */
export interface LogPosition {
  readonly seat: number;
  /** Raised whenever somebody takes the seat; up to 2^32 - 1. */
  readonly epoch: number;
  /** Up to 2^48 - 1; 0 is the place before the first record. */
  readonly seq: number;
}

export const keyLength = 16;

/**
 * The state of a row is that of the entry which made it. 16 bytes whose order is that of the entries: epoch of the session's owner (4, on one
 * node 0), epoch (4), seq (6), index in the record (2). A write applies only over a smaller `at`, a removal only to one that is not greater.
 */
export function atOf(sessionEpoch: number, position: LogPosition, index: number): Uint8Array {
  // Byte by byte: a DataView would give each of these small arrays a buffer outside of the heap, for the collector to find.
  const bytes = new Uint8Array(keyLength);
  write32(sessionEpoch, bytes, 0);
  write32(position.epoch, bytes, 4);
  const high = Math.floor(position.seq / 0x1_0000_0000);
  bytes[8] = high >>> 8;
  bytes[9] = high;
  write32(position.seq >>> 0, bytes, 10);
  bytes[14] = index >>> 8;
  bytes[15] = index;
  return bytes;
}

function write32(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Order of the bytes, as every database compares them. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** The key that stands for a text of any length: the first 16 bytes of its SHA-256. The row also holds the text. */
export function keyOfText(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, keyLength));
}

/** The greatest key below this one; undefined: there is none. A page that begins behind it begins with the key itself. */
export function keyBefore(key: Uint8Array): Uint8Array | undefined {
  const before = new Uint8Array(key);
  for (let index = before.length - 1; index >= 0; index -= 1) {
    before[index] -= 1;
    if (before[index] !== 0xff) return before;
  }
  return undefined;
}
