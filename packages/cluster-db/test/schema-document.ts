import { minimumReader, schemaVersion } from '../src/mongo/mongo-migrations.js';
import { mysqlMigrationDialect, mysqlMigrations } from '../src/mysql/mysql-migrations.js';
import { mysqlSchema } from '../src/mysql/mysql-schema.js';
import { type Migration } from '../src/sql/migrate.js';
import { type SqlSchema } from '../src/sql/sql-table.js';
import { sqliteMigrationDialect, sqliteMigrations } from '../src/sqlite/sqlite-migrations.js';
import { sqliteSchema } from '../src/sqlite/sqlite-schema.js';
import { schemaMeaning } from './schema-meaning.js';

interface CreatedColumn {
  readonly type: string;
  readonly isNullable: boolean;
  readonly since: number;
}

interface CreatedTable {
  readonly columns: Map<string, CreatedColumn>;
  key: readonly string[];
  readonly indexes: string[];
}

/** What the statements make, as a database would have it. Throws for a statement that this does not understand, so that none is left out. */
export function tablesOf(createMeta: string, migrations: readonly Migration[]): Map<string, CreatedTable> {
  const tables = new Map<string, CreatedTable>();
  const statements = [
    { version: 0, sql: createMeta },
    ...migrations.flatMap(({ version, statements: list }) => list.map((sql) => ({ version, sql }))),
  ];
  for (const { version, sql } of statements) {
    const text = sql.replaceAll(/\s+/g, ' ').trim();
    const [, created, content] = /^CREATE TABLE IF NOT EXISTS (\w+) \((.+)\)(?: WITHOUT ROWID| ENGINE=InnoDB)$/.exec(text) ?? [];
    const [, altered, column] = /^ALTER TABLE (\w+) ADD COLUMN (.+)$/.exec(text) ?? [];
    const [, index, indexed, columns] = /^CREATE INDEX (?:IF NOT EXISTS )?(\w+) ON (\w+) \((.+)\)$/.exec(text) ?? [];
    if (created !== undefined) tables.set(created, tableOf(content, version));
    else if (altered !== undefined) addColumn(tables.get(altered)!, column, version);
    else if (index !== undefined) tables.get(indexed)!.indexes.push(`\`${index}\` on ${columns}`);
    else throw new Error(`a statement that the document does not know: ${text}`);
  }
  return tables;
}

function tableOf(content: string, version: number): CreatedTable {
  const table: CreatedTable = { columns: new Map(), key: [], indexes: [] };
  for (const part of content.trim().split(/, (?![^(]*\))/)) {
    const [, key] = /^PRIMARY KEY \((.+)\)$/.exec(part) ?? [];
    if (key === undefined) addColumn(table, part, version);
    else table.key = key.split(', ');
  }
  return table;
}

function addColumn(table: CreatedTable, text: string, since: number): void {
  const [, name, type, rest] = /^(\w+) ([A-Z]+(?:\(\d+\))?)((?: NOT NULL| PRIMARY KEY| DEFAULT \S+)*)$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`a column that the document does not know: ${text}`);
  table.columns.set(name, { type, isNullable: !rest.includes('NOT NULL'), since });
  if (rest.includes('PRIMARY KEY')) table.key = [name];
}

export const sqliteTables: Map<string, CreatedTable> = tablesOf(sqliteMigrationDialect.createMeta, sqliteMigrations);
export const mysqlTables: Map<string, CreatedTable> = tablesOf(mysqlMigrationDialect.createMeta, mysqlMigrations);

const mongoTypes: Readonly<Record<string, string>> = { BLOB: 'binData', TEXT: 'string', INTEGER: 'number' };

/** `docs/schema.md`. */
export function renderSchemaDocument(): string {
  const blocks = [
    '# Schema of the database',
    '<!-- Written from the migrations and the drizzle tables of packages/cluster-db by the test schema-document.test.ts; `npx vitest run -u` there writes it anew. -->',
    'What a broker has in its database, for who looks at it with the tools of the database. Only brokers write to it: the tables follow from the log, and a row that was changed by hand is overwritten, or contradicts what a broker has in memory. [si-mqtt sessions and queue](../apps/broker/README.md) show the same for people; [decision 4](decisions/0004-log-and-tables.md) tells why it is so.',
    'Times are milliseconds since 1970. Texts are bytes in UTF-8 on MySQL, so that no collation finds `A` equal to `a`. There are no foreign keys. In MongoDB a table is a collection, a row a document with the fields of the column MongoDB, and `_id`, the only index, is the primary key: its parts one behind the other, numbers as 8 bytes, the highest first.',
    '## Versions',
    'A start, or `si-mqtt migrate`, brings an older database to the newest version. A program refuses a database whose `minimumReader` is above the version that it knows: a later version that only adds something leaves it as it is, and older brokers go on.',
    versionTable(),
    'Bodies begin with a format version of their own. Every format that was ever written is read; [one file for each](../packages/cluster-db/test/golden) proves it.',
  ];
  for (const name of Object.keys(schemaMeaning) as (keyof SqlSchema)[]) blocks.push(...renderTable(name));
  return `${blocks.join('\n\n')}\n`;
}

function versionTable(): string {
  const rows = [
    ...sqliteMigrations.map((migration) => ['SQLite', migration] as const),
    ...mysqlMigrations.map((migration) => ['MySQL, MariaDB', migration] as const),
    ['MongoDB', { version: schemaVersion, minimumReader, statements: [] }] as const,
  ];
  const lines = rows.map(([database, { version, minimumReader: reader }]) => `| ${database} | ${version} | ${reader} |`);
  return ['| database | version | `minimumReader` |', '| --- | --- | --- |', ...lines].join('\n');
}

function renderTable(name: keyof SqlSchema): string[] {
  const { about, mongo = {}, columns: meaning } = schemaMeaning[name];
  const [sqlite, mysql] = [sqliteTables.get(name)!, mysqlTables.get(name)!];
  const lines = sqliteSchema[name].columns.map(({ name: column, property }) => {
    const here = sqlite.columns.get(column)!;
    const there = mysql.columns.get(column)!;
    const nullable = (type: string): string => (here.isNullable ? `${type}, null` : type);
    const field = mongo[property] ?? `\`${property}\` ${nullable(mongoTypes[here.type])}`;
    return `| \`${column}\` | ${nullable(here.type)} | ${nullable(there.type)} | ${field} | ${meaning[property]} |`;
  });
  const indexes = sqlite.indexes.length === 0 ? '' : ` Indexes: ${sqlite.indexes.join('; ')}.`;
  return [
    `## \`${name}\``,
    about,
    `Primary key: ${sqlite.key.map((column) => `\`${column}\``).join(', ')}.${indexes}`,
    ['| column | SQLite | MySQL, MariaDB | MongoDB | what it is |', '| --- | --- | --- | --- | --- |', ...lines].join('\n'),
  ];
}

/** Both dialects, for the test that compares them with the drizzle tables. */
export const dialects: readonly { readonly name: string; readonly schema: SqlSchema; readonly tables: Map<string, CreatedTable> }[] = [
  { name: 'SQLite', schema: sqliteSchema, tables: sqliteTables },
  { name: 'MySQL', schema: mysqlSchema, tables: mysqlTables },
];
