import { type Host } from './host.js';
import { errorCode, oneLine } from './problems.js';

/** A column of a listing; the last one is as wide as it likes. */
export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly text: (row: Row) => string;
}

/** How one kind of thing is shown: as a table for people, or as one JSON object per line. */
export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  readonly json: (row: Row) => object;
}

/** Whoever reads our output has gone, as `head` does. */
class NobodyReads extends Error {}

/**
 * Writes pages as they come, so that a listing of any length needs the memory of one page. Resolves to false if nobody reads them any more.
 */
export async function printPages<Row>(
  host: Host,
  pages: AsyncIterable<readonly Row[]>,
  listing: Listing<Row>,
  asJson: boolean,
): Promise<boolean> {
  const lines = asJson ? (page: readonly Row[]) => page.map((row) => JSON.stringify(listing.json(row))) : tableOf(listing.columns);
  // Without a listener the error that `write` also reports would end the process.
  const ignore = (): void => undefined;
  host.stdout.on('error', ignore);
  try {
    for await (const page of pages) await write(host, `${lines(page).join('\n')}\n`);
    return true;
  } catch (error) {
    if (error instanceof NobodyReads) return false;
    throw error;
  } finally {
    host.stdout.off('error', ignore);
  }
}

/** The lines of each page, the first with the titles; later pages may widen the columns. */
function tableOf<Row>(columns: readonly Column<Row>[]): (page: readonly Row[]) => string[] {
  const widths = columns.map(({ title }) => title.length);
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (columns[index].isNumber === true ? cell.padStart(widths[index]) : cell.padEnd(widths[index])))
      .join('  ')
      .trimEnd();
  let titles: readonly string[] | undefined = columns.map(({ title }) => title);
  return (page) => {
    const rows = page.map((row) => columns.map(({ text }) => oneLine(text(row))));
    for (const cells of rows) for (const [index, cell] of cells.entries()) widths[index] = Math.max(widths[index], cell.length);
    const lines = (titles === undefined ? rows : [titles, ...rows]).map(lineOf);
    titles = undefined;
    return lines;
  };
}

function write(host: Host, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    host.stdout.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(errorCode(error) === 'EPIPE' ? new NobodyReads() : error);
    });
  });
}
