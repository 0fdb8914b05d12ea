import { type Column, getTableColumns, getTableName, type Table } from 'drizzle-orm';
import { type SeatRow, type TableName, type TableRows, tableKeys } from '../rows.js';
import { type SqlValue } from './sql-database.js';

/** A column of a drizzle table, as the statements need it. */
export interface SqlColumn {
  /** Name of the property in rows. */
  readonly property: string;
  readonly name: string;
  readonly toDriver: (value: unknown) => SqlValue;
  readonly fromDriver: (value: SqlValue) => unknown;
}

/** What a statement needs to know of a table. */
export interface SqlTableShape {
  readonly name: string;
  readonly columns: readonly SqlColumn[];
  readonly key: readonly SqlColumn[];
}

/** A table as drizzle describes it: names and conversions are written down there, once. */
export class SqlTable<Row> implements SqlTableShape {
  readonly name: string;
  readonly columns: readonly SqlColumn[];
  readonly key: readonly SqlColumn[];

  constructor(table: Table & { readonly $inferSelect: Row }, key: readonly (keyof Row & string)[]) {
    this.name = getTableName(table);
    this.columns = Object.entries(getTableColumns(table)).map(([property, column]) => sqlColumn(property, column));
    this.key = key.map((property) => this.column(property));
  }

  column(property: string): SqlColumn {
    const column = this.columns.find((candidate) => candidate.property === property);
    if (column === undefined) throw new Error(`${this.name} has no column ${property}`);
    return column;
  }

  row(values: readonly SqlValue[]): Row {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < this.columns.length; index += 1) {
      const { property, fromDriver } = this.columns[index];
      row[property] = fromDriver(values[index]);
    }
    return row as Row;
  }
}

/** Appends what a row, or a key, has in these columns. */
export function rowValues(columns: readonly SqlColumn[], row: object, target: SqlValue[]): void {
  for (const { property, toDriver } of columns) target.push(toDriver((row as Record<string, unknown>)[property]));
}

function sqlColumn(property: string, column: Column): SqlColumn {
  return {
    property,
    name: column.name,
    toDriver: (value) => (value === null ? null : (column.mapToDriverValue(value) as SqlValue)),
    fromDriver: (value) => (value === null ? null : column.mapFromDriverValue(value)),
  };
}

export interface MetaRow {
  readonly name: string;
  readonly value: string;
}

export interface SeatColumns extends Omit<SeatRow, 'closed'> {
  /** JSON. */
  readonly closed: string;
}

/** A record or, with an empty body, a fill. */
export interface LogRow {
  readonly seat: number;
  readonly epoch: number;
  readonly seq: number;
  readonly derived: number;
  readonly messages: number;
  readonly writtenAt: number;
  readonly body: Uint8Array;
}

/** The whole schema in one dialect. */
export type SqlSchema = { readonly [Name in TableName]: SqlTable<TableRows[Name]> } & {
  readonly meta: SqlTable<MetaRow>;
  readonly seats: SqlTable<SeatColumns>;
  readonly wlog: SqlTable<LogRow>;
};

/** The tables of a dialect, checked against the rows: a column too few or of another type does not compile. */
export function sqlSchema(
  tables: {
    readonly [Name in keyof SqlSchema]: Table & { readonly $inferSelect: SqlSchema[Name] extends SqlTable<infer Row> ? Row : never };
  },
): SqlSchema {
  return {
    sessions: new SqlTable(tables.sessions, tableKeys.sessions),
    subs: new SqlTable(tables.subs, tableKeys.subs),
    outq: new SqlTable(tables.outq, tableKeys.outq),
    inq2: new SqlTable(tables.inq2, tableKeys.inq2),
    wills: new SqlTable(tables.wills, tableKeys.wills),
    retained: new SqlTable(tables.retained, tableKeys.retained),
    shareq: new SqlTable(tables.shareq, tableKeys.shareq),
    endings: new SqlTable(tables.endings, tableKeys.endings),
    meta: new SqlTable(tables.meta, ['name']),
    seats: new SqlTable(tables.seats, ['seat']),
    wlog: new SqlTable(tables.wlog, ['seat', 'epoch', 'seq']),
  };
}
