import { named, type SqlDialect } from '../sql/sql-statements.js';

export const sqliteDialect: SqlDialect = {
  replaceIfLater: ({ key, columns, name }) => {
    const assignments = columns.map((column) => `${named(column.name)} = excluded.${named(column.name)}`).join(', ');
    const conflict = key.map((column) => named(column.name)).join(', ');
    return `ON CONFLICT (${conflict}) DO UPDATE SET ${assignments} WHERE ${named(name)}.\`at\` < excluded.\`at\``;
  },
  insertIgnore: 'INSERT OR IGNORE INTO',
  anyKey: (key, count) => {
    const row = `(${key.map(() => '?').join(', ')})`;
    return `(${key.map(({ name }) => named(name)).join(', ')}) IN (VALUES ${Array.from({ length: count }, () => row).join(', ')})`;
  },
  // The file is locked: nobody writes beside the one who seals.
  fills: 1,
};
