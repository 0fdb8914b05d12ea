import { describe, expect, it } from 'vitest';
import { minimumReader, schemaVersion } from '../src/mongo/mongo-migrations.js';
import { mysqlMigrations } from '../src/mysql/mysql-migrations.js';
import { sqliteMigrations } from '../src/sqlite/sqlite-migrations.js';
import { dialects, mysqlTables, renderSchemaDocument, sqliteTables, tablesOf } from './schema-document.js';

it('docs/schema.md is what the migrations make (npx vitest run -u writes it)', async () => {
  await expect(renderSchemaDocument()).toMatchFileSnapshot('../../../docs/schema.md');
});

describe.each(dialects)('the migrations for $name', ({ schema, tables }) => {
  it('make the tables and columns that drizzle describes, with these keys and in this order', () => {
    const made = [...tables].map(([name, { columns, key }]) => [name, [...columns.keys()].sort(), key]);
    const described = Object.values(schema).map((table) => [
      table.name,
      table.columns.map(({ name }) => name).sort(),
      table.key.map(({ name }) => name),
    ]);
    expect(made.sort()).toEqual(described.sort());
  });

  it('allow null in the same columns', () => {
    for (const [name, { columns }] of sqliteTables) {
      for (const [column, { isNullable }] of columns) {
        expect(mysqlTables.get(name)?.columns.get(column)?.isNullable, `${name}.${column}`).toBe(isNullable);
      }
    }
  });
});

it('versions grow by one, and all databases are at the same one', () => {
  for (const migrations of [sqliteMigrations, mysqlMigrations]) {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
    for (const migration of migrations) expect(migration.minimumReader).toBeLessThanOrEqual(migration.version);
    expect(migrations.at(-1)).toMatchObject({ version: schemaVersion, minimumReader });
  }
});

it('a statement that the document would leave out is noticed', () => {
  const meta = 'CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID';
  const migrated = (...statements: string[]) => tablesOf(meta, [{ version: 1, minimumReader: 1, statements }]);
  expect(() => migrated('DROP TABLE meta')).toThrow('does not know: DROP TABLE meta');
  expect(() => migrated('ALTER TABLE meta ADD COLUMN a JSON UNIQUE')).toThrow('does not know: a JSON UNIQUE');
  const tables = migrated('ALTER TABLE meta ADD COLUMN a INTEGER NOT NULL DEFAULT 0', 'CREATE INDEX IF NOT EXISTS by_a ON meta (a)');
  expect(tables.get('meta')).toMatchObject({ key: ['name'], indexes: ['`by_a` on a'] });
  expect(tables.get('meta')?.columns.get('a')).toEqual({ type: 'INTEGER', isNullable: false, since: 1 });
});
