import { named, type SqlDialect } from '../sql/sql-statements.js';

const fillsAtOnce = 64;

export const mysqlDialect: SqlDialect = {
  // Assignments see what the ones before them have set, so `at` is the last.
  replaceIfLater: ({ key, columns }) => {
    const isKey = new Set(key.map(({ name }) => name));
    const changed = columns.filter(({ name }) => !isKey.has(name) && name !== 'at');
    const assignments = [...changed.map(({ name }) => named(name)), '`at`'].map(
      (name) => `${name} = IF(VALUES(\`at\`) > \`at\`, VALUES(${name}), ${name})`,
    );
    return `ON DUPLICATE KEY UPDATE ${assignments.join(', ')}`;
  },
  insertIgnore: 'INSERT IGNORE INTO',
  // MariaDB reads the whole table for `(a, b) IN ((…), (…))`.
  anyKey: (key, count) => {
    const one = `(${key.map(({ name }) => `${named(name)} = ?`).join(' AND ')})`;
    return Array.from({ length: count }, () => one).join(' OR ');
  },
  fills: fillsAtOnce,
};
