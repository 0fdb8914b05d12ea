import { type Report, ratio } from './report.js';
import { number } from './table.js';

/** Ratios of one run, kept in the repository. Compared with, never asserted: a noisy machine must not fail a build. */
export interface Baseline {
  readonly date: string;
  readonly machine: Report['machine'];
  /** By row, figure and the other broker: our figure divided by the other's. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
}

/** From here on a difference is worth a look. */
const WORSE_BY = 0.15;

export function baselineOf(report: Report): Baseline {
  const [ours, ...others] = report.brokers.map(({ name }) => name);
  const ratios = report.rows.map((row) => {
    const figures = row.figures.map(({ key }) => {
      const known = others.flatMap((other) => {
        const found = ratio(row, key, ours, other);
        return found === undefined ? [] : [[other, Number(found.toPrecision(3))] as const];
      });
      return [key, Object.fromEntries(known)] as const;
    });
    return [row.name, Object.fromEntries(figures)] as const;
  });
  return { date: report.date, machine: report.machine, ratios: Object.fromEntries(ratios) };
}

/** One line for each ratio that is more than 15 % above the baseline's. */
export function worse(report: Report, baseline: Baseline): string[] {
  const now = baselineOf(report).ratios;
  const lines: string[] = [];
  for (const row of report.rows) {
    for (const { key, label } of row.figures) {
      for (const [other, found] of Object.entries(now[row.name][key])) {
        const before = baseline.ratios[row.name]?.[key]?.[other];
        if (before === undefined || found <= before * (1 + WORSE_BY)) continue;
        const percent = Math.round((found / before - 1) * 100);
        lines.push(`${row.name}, ${label}: ${number(found)} × ${other}, was ${number(before)} (+${percent} %)`);
      }
    }
  }
  return lines;
}
