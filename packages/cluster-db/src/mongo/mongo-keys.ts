import { Binary } from 'mongodb';
import { type TableName, tableKeys } from '../rows.js';

/** A part of a key: 16 bytes, or a number that becomes 8. */
export type KeyPart = Uint8Array | number | bigint;

export const lowest: bigint = 0n;
export const highest: bigint = (1n << 64n) - 1n;

/**
 * `_id` of a document: the parts of its key one behind the other. Binary values of the same length are ordered by their bytes, so that all of one
 * session's are neighbours, in the order of their positions, in the one index that every collection has.
 */
export function idOf(...parts: readonly KeyPart[]): Binary {
  const length = parts.reduce<number>((sum, part) => sum + (part instanceof Uint8Array ? part.length : 8), 0);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      bytes.set(part, at);
      at += part.length;
    } else {
      at = bytes.writeBigUInt64BE(BigInt(part), at);
    }
  }
  return new Binary(bytes);
}

export function idOfRow(table: TableName, row: object): Binary {
  return idOf(...tableKeys[table].map((column) => (row as Record<string, KeyPart>)[column]));
}
