import { type Report } from './report.js';
import { type Table, toMarkdown } from './table.js';

/** Puts text between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. @throws Error if the document has no such marks */
export function replaceSection(document: string, name: string, body: string): string {
  const begin = `<!-- bench:${name} -->`;
  const end = `<!-- /bench:${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the document has no ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${body.trim()}\n\n${document.slice(to)}`;
}

/** What a report says, as Markdown: where it was measured, the tables, and what a reader must know. */
export function sectionOf(
  report: Report,
  tables: readonly ((report: Report) => Table)[],
  legend: (report: Report) => readonly string[],
): string {
  const { cpu, cores, kernel, node } = report.machine;
  const brokers = report.brokers.map(({ name, version }) => `${name} ${version}`).join('; ');
  const parts = [
    `${report.date.slice(0, 10)}, \`${report.command}\`: ${cores} cores of ${cpu}, Linux ${kernel}, generator on Node.js ${node}. ${brokers}.`,
    ...tables.map((table) => toMarkdown(table(report))),
    legend(report)
      .map((line) => `- ${line.trim()}`)
      .join('\n'),
  ];
  return parts.join('\n\n');
}
