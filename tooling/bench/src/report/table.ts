/** Text in rows and columns; the first row is the header. */
export type Table = readonly (readonly string[])[];

/** For a terminal: columns divided by two spaces, numbers to the right. */
export function toText(table: Table): string {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => aligned(cell, widths[column], column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** For a document. */
export function toMarkdown(table: Table): string {
  const widths = table[0].map((_, column) => Math.max(3, ...table.map((row) => escaped(row[column]).length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, column) => escaped(cell).padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(table[0]), rule, ...table.slice(1).map(line)].join('\n');
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|');

const aligned = (cell: string, width: number, column: number): string => (column === 0 ? cell.padEnd(width) : cell.padStart(width));

/** Three digits that count; none behind the point from 100 on. */
export function number(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 10_000) return Math.round(value).toLocaleString('en');
  if (size >= 100) return String(Math.round(value));
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size < 0.1 ? 3 : 2);
}

/** Thousands, millions. */
export function rate(perSecond: number | undefined): string {
  if (perSecond === undefined) return '–';
  if (perSecond >= 999_500) return `${(perSecond / 1e6).toFixed(2)} M`;
  return perSecond >= 9_950 ? `${Math.round(perSecond / 1000)} k` : perSecond.toFixed(0);
}
