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
 * The place of an entry in all logs, 16 bytes whose order is that of the log: seat (4), epoch (4), seq (6), index in the record (2).
 * It is the identity of the message that the entry published (its origin), and of the session that it created (its incarnation).
 */
export function originOf(position: LogPosition, index: number): Uint8Array {
  return packed(position.seat, position.epoch, position.seq, index);
}

/**
 * The state of a row is that of the entry which made it: the session's epoch (4), then as in an origin but without the seat. A write applies
 * only over a smaller `at`, a removal only to one that is not greater.
 */
export function atOf(sessionEpoch: number, position: LogPosition, index: number): Uint8Array {
  return packed(sessionEpoch, position.epoch, position.seq, index);
}

function packed(first: number, epoch: number, seq: number, index: number): Uint8Array {
  const bytes = new Uint8Array(keyLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first);
  view.setUint32(4, epoch);
  view.setUint16(8, Math.floor(seq / 0x1_0000_0000));
  view.setUint32(10, seq >>> 0);
  view.setUint16(14, index);
  return bytes;
}

/** The log position in an origin or incarnation. */
export function positionOf(origin: Uint8Array): LogPosition {
  const view = new DataView(origin.buffer, origin.byteOffset, keyLength);
  return { seat: view.getUint32(0), epoch: view.getUint32(4), seq: view.getUint16(8) * 0x1_0000_0000 + view.getUint32(10) };
}

/** The number under which the ports of `session` know an origin or an incarnation. */
export function numberOf(origin: Uint8Array): bigint {
  const view = new DataView(origin.buffer, origin.byteOffset, keyLength);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

/** Order of the bytes, as every database compares them. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** The key that stands for a text of any length: the first 16 bytes of its SHA-256. The row also holds the text. */
export function keyOfText(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, keyLength));
}
