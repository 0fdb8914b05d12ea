import { type SqlValue } from '../sql/sql-database.js';

/**
 * A statement with its values written into it. Several such statements are one packet, which a prepared statement cannot be; and only what has arrived
 * as a whole is carried out. Bytes are hexadecimal, texts do not occur: nothing can be taken for SQL.
 */
export function sqlText(sql: string, values: readonly SqlValue[]): string {
  if (values.length === 0) return sql;
  const parts = sql.split('?');
  if (parts.length !== values.length + 1) throw new RangeError(`${values.length} values for ${parts.length - 1} places`);
  let text = parts[0];
  for (let index = 0; index < values.length; index += 1) text += literal(values[index]) + parts[index + 1];
  return text;
}

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number' || typeof value === 'bigint') return value.toString();
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length);
  return `x'${bytes.toString('hex')}'`;
}
