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
  keyList: (count, columns) => {
    const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`;
    return `(${Array.from({ length: count }, () => row).join(', ')})`;
  },
  fills: fillsAtOnce,
};
