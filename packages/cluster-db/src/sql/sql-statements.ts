import { type SqlColumn, type SqlTableShape } from './sql-table.js';

/** Where the dialects differ. Names are written in backticks, which both understand. */
export interface SqlDialect {
  /** Behind `INSERT … VALUES …`: replaces the row where its `at` is smaller. */
  readonly replaceIfLater: (table: SqlTableShape) => string;
  /** Begins an INSERT that leaves alone what is there. */
  readonly insertIgnore: string;
  /** Matches so many keys, given one after the other, by the index of the primary key. */
  readonly anyKey: (key: readonly SqlColumn[], count: number) => string;
  /** Positions that a seal fills at once: more than a writer that is not known to be dead can take meanwhile. */
  readonly fills: number;
}

/** Rows of one statement, from the largest to one: few enough different statements to keep them all prepared. */
export const chunkSizes: readonly number[] = [100, 10, 1];

export const named = (name: string): string => `\`${name}\``;
const marks = (count: number): string => `(${Array.from({ length: count }, () => '?').join(', ')})`;
const namedAll = (columns: readonly { readonly name: string }[]): string => columns.map(({ name }) => named(name)).join(', ');
const keyEquals = (table: SqlTableShape): string => table.key.map(({ name }) => `${named(name)} = ?`).join(' AND ');

/** The texts of the statements, made once. */
export class SqlStatements {
  readonly dialect: SqlDialect;
  private readonly texts: Map<string, string> = new Map();

  constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }

  columns(table: SqlTableShape): string {
    return namedAll(table.columns);
  }

  put(table: SqlTableShape, rows: number): string {
    return this.text(`put ${table.name} ${rows}`, () => {
      const values = Array.from({ length: rows }, () => marks(table.columns.length)).join(', ');
      return `INSERT INTO ${named(table.name)} (${this.columns(table)}) VALUES ${values} ${this.dialect.replaceIfLater(table)}`;
    });
  }

  insert(table: SqlTableShape, ignore: boolean): string {
    return this.text(`insert ${table.name} ${ignore}`, () => {
      const beginning = ignore ? this.dialect.insertIgnore : 'INSERT INTO';
      return `${beginning} ${named(table.name)} (${this.columns(table)}) VALUES ${marks(table.columns.length)}`;
    });
  }

  remove(table: SqlTableShape, guarded: boolean): string {
    return this.text(`remove ${table.name} ${guarded}`, () => {
      return `DELETE FROM ${named(table.name)} WHERE ${keyEquals(table)}${guarded ? ' AND `at` <= ?' : ''}`;
    });
  }

  removeKeys(table: SqlTableShape, count: number): string {
    return this.text(`remove ${table.name} ${count}`, () => {
      return `DELETE FROM ${named(table.name)} WHERE ${this.dialect.anyKey(table.key, count)}`;
    });
  }

  /** Every key from one to another that differs only in its last column. */
  removeRun(table: SqlTableShape): string {
    return this.text(`remove ${table.name} run`, () => {
      const names = table.key.map(({ name }) => named(name));
      const place = names.pop()!;
      return `DELETE FROM ${named(table.name)} WHERE ${names.map((name) => `${name} = ?`).join(' AND ')} AND ${place} BETWEEN ? AND ?`;
    });
  }

  private text(name: string, make: () => string): string {
    const known = this.texts.get(name);
    if (known !== undefined) return known;
    const made = make();
    this.texts.set(name, made);
    return made;
  }
}
