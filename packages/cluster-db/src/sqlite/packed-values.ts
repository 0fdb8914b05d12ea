import { type SqlStatement, type SqlValue } from '../sql/sql-database.js';

/**
 * Statements on their way to the worker. Thousands of small values in one buffer, which is handed over and not copied, cost a fraction of what the
 * structured clone of as many objects does. The other side is in sqlite-worker.js; tags: 0 null, 1 number, 2 bigint, 3 text, 4 bytes.
 */
export interface PackedStatements {
  /** The different texts. */
  readonly texts: readonly string[];
  /** For each statement: index of its text (u32), number of its values (u32), then each value: tag (u8), content. */
  readonly buffer: ArrayBuffer;
}

export function packStatements(statements: readonly SqlStatement[]): PackedStatements {
  const texts: string[] = [];
  const indices = new Map<string, number>();
  const bytes = Buffer.allocUnsafeSlow(lengthOf(statements));
  let at = bytes.writeUInt32LE(statements.length, 0);
  for (const { sql, values } of statements) {
    let index = indices.get(sql);
    if (index === undefined) {
      index = texts.push(sql) - 1;
      indices.set(sql, index);
    }
    at = bytes.writeUInt32LE(index, at);
    at = bytes.writeUInt32LE(values.length, at);
    for (const value of values) at = packValue(value, bytes, at);
  }
  return { texts, buffer: bytes.buffer };
}

function packValue(value: SqlValue, bytes: Buffer, at: number): number {
  if (value === null) return bytes.writeUInt8(0, at);
  if (typeof value === 'number') return bytes.writeDoubleLE(value, bytes.writeUInt8(1, at));
  if (typeof value === 'bigint') return bytes.writeBigInt64LE(value, bytes.writeUInt8(2, at));
  if (typeof value === 'string') {
    const start = bytes.writeUInt8(3, at) + 4;
    const length = bytes.write(value, start);
    bytes.writeUInt32LE(length, start - 4);
    return start + length;
  }
  const start = bytes.writeUInt32LE(value.length, bytes.writeUInt8(4, at));
  bytes.set(value, start);
  return start + value.length;
}

/** At least as much as is needed. */
function lengthOf(statements: readonly SqlStatement[]): number {
  let length = 4;
  for (const { values } of statements) {
    length += 8;
    for (const value of values) {
      if (typeof value === 'string') length += 5 + value.length * 3;
      else if (value instanceof Uint8Array) length += 5 + value.length;
      else if (value === null || typeof value === 'number' || typeof value === 'bigint') length += 9;
      else throw new TypeError(`a parameter is ${typeof value}`);
    }
  }
  return length;
}
