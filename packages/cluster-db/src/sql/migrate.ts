import { checkReadable, checkVersions, type SchemaVersions, type StoredVersions } from '../schema-versions.js';
import { type SqlDatabase, type SqlStatement } from './sql-database.js';

export interface Migration {
  /** Of the schema, once the statements were carried out; 1, 2, 3 and so on. */
  readonly version: number;
  /** The oldest version whose programs may still use the database then. */
  readonly minimumReader: number;
  /** Each may be carried out again: it creates what is not there. */
  readonly statements: readonly string[];
}

export interface MigrationDialect {
  /** Creates the table `meta` if it is not there. */
  readonly createMeta: string;
  /** Inserts a row of `meta` unless there is one with its name. */
  readonly insertMeta: string;
  /** The error says that what a statement creates is there already. */
  readonly alreadyThere: (error: unknown) => boolean;
  /** The error says that a table is not there. */
  readonly missing: (error: unknown) => boolean;
  /** The error is one that another program at the same work causes. */
  readonly collision: (error: unknown) => boolean;
}

const attemptsMax = 20;

/**
 * Brings the schema to the newest version. Any number of programs may do so at the same time: the statements are idempotent, and the version is
 * raised by comparing and setting it.
 */
export async function migrate(database: SqlDatabase, dialect: MigrationDialect, migrations: readonly Migration[]): Promise<SchemaVersions> {
  const newest = newestOf(migrations);
  await attempt(database, dialect, { sql: dialect.createMeta, values: [] });
  for (const name of ['schemaVersion', 'minimumReader']) await attempt(database, dialect, { sql: dialect.insertMeta, values: [name, '0'] });
  const found = await readVersions(database);
  checkVersions(found, newest);
  for (const { version, minimumReader, statements } of migrations) {
    if (version <= found.schemaVersion) continue;
    for (const sql of statements) await attempt(database, dialect, { sql, values: [] });
    await raise(database, dialect, 'schemaVersion', version);
    await raise(database, dialect, 'minimumReader', minimumReader);
  }
  return { from: found.schemaVersion, to: Math.max(found.schemaVersion, newest) };
}

/** For who only reads, and changes nothing. Rejects unless the tables are those that this program knows. */
export async function checkSchema(database: SqlDatabase, dialect: MigrationDialect, migrations: readonly Migration[]): Promise<void> {
  const nothing = (error: unknown) => {
    if (dialect.missing(error)) return { schemaVersion: 0, minimumReader: 0 };
    throw error;
  };
  checkReadable(await readVersions(database).catch(nothing), newestOf(migrations));
}

const newestOf = (migrations: readonly Migration[]): number => migrations[migrations.length - 1].version;

async function readVersions(database: SqlDatabase): Promise<StoredVersions> {
  const rows = await database.query("SELECT name, value FROM meta WHERE name IN ('schemaVersion', 'minimumReader')", []);
  const values = new Map(rows.map(([name, value]) => [textOf(name), Number(textOf(value))]));
  return { schemaVersion: values.get('schemaVersion') ?? 0, minimumReader: values.get('minimumReader') ?? 0 };
}

/** Only from the version before: who comes later finds it raised. */
async function raise(database: SqlDatabase, dialect: MigrationDialect, name: string, version: number): Promise<void> {
  const older = Array.from({ length: version }, (_, index) => `'${index}'`).join(', ');
  const sql = `UPDATE meta SET value = '${version}' WHERE name = '${name}' AND value IN (${older})`;
  await attempt(database, dialect, { sql, values: [] });
}

async function attempt(database: SqlDatabase, dialect: MigrationDialect, statement: SqlStatement): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await database.transaction([statement]);
      return;
    } catch (error) {
      if (dialect.alreadyThere(error)) return;
      if (!dialect.collision(error) || attempts === attemptsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * attempts));
    }
  }
}

/** Text columns come as bytes where they are binary. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}
