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
  const bytes = new Uint8Array(keyLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sessionEpoch);
  view.setUint32(4, position.epoch);
  view.setUint16(8, Math.floor(position.seq / 0x1_0000_0000));
  view.setUint32(10, position.seq >>> 0);
  view.setUint16(14, index);
  return bytes;
}

/** Order of the bytes, as every database compares them. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** The key that stands for a text of any length: the first 16 bytes of its SHA-256. The row also holds the text. */
export function keyOfText(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, keyLength));
}
