import { canReadUsage } from '../process-tree.js';
import { type Figure, type Goal } from '../rows/row.js';
import { type BrokerResult, faultText, isDisturbed, isGeneratorBound, type Report, type ReportRow, ratio } from './report.js';
import { number, rate, type Table } from './table.js';

const GENERATOR_MARK = '*';
const FAULT_MARK = '!';
const DISTURBED_MARK = '~';

/** One line for each figure: every broker's median, and ours as a ratio to each of the others. */
export function figureTable({ brokers, rows }: Report): Table {
  const [ours, ...others] = brokers.map(({ name }) => name);
  const header = ['workload', 'figure', ours, ...others, ...others.map((name) => `÷ ${name}`), 'promised'];
  const lines = rows.flatMap((row) =>
    row.figures.map((figure) => [
      row.title,
      `${figure.label}, ${figure.unit}`,
      ...[ours, ...others].map((name) => valueCell(row, figure, name)),
      ...others.map((name) => number(ratio(row, figure.key, ours, name))),
      promise(row, figure, ours),
    ]),
  );
  return [header, ...lines];
}

/** One broker's figures, a line for each and a column for each workload; all workloads have the same figures. */
export function workloadTable({ brokers: [{ name }], rows }: Report): Table {
  const header = ['figure', ...rows.map(({ title }) => title)];
  const lines = rows[0].figures.map((first, index) => [
    [first.label, first.unit].filter(Boolean).join(', '),
    ...rows.map((row) => [valueCell(row, row.figures[index], name), promiseMark(row, row.figures[index], name)].filter(Boolean).join(' ')),
  ]);
  return [header, ...lines];
}

/** What flowed: messages or connections a second, and who was busy. */
export function throughputTable({ brokers, rows }: Report): Table {
  const names = brokers.map(({ name }) => name);
  const header = ['workload', ...names.map((name) => `${name}, per second`), ...names.map((name) => `${name}: broker/generator`)];
  const lines = rows
    .filter((row) => names.some((name) => row.brokers[name]?.perSecond !== undefined))
    .map((row) => [
      row.title,
      ...names.map((name) => rate(row.brokers[name]?.perSecond)),
      ...names.map((name) => {
        const { brokerCores, generatorShare } = row.brokers[name] ?? {};
        return `${percent(brokerCores)} / ${percent(generatorShare)}`;
      }),
    ]);
  return [header, ...lines];
}

/** What a reader has to know to read the tables. */
export function legend(report: Report): string[] {
  const [ours, ...others] = report.brokers.map(({ name }) => name);
  const lines = [
    `Medians of ${report.runs} alternating runs of ${report.seconds} s; less is better. CPU is user and system time of the broker's processes.`,
  ];
  if (others.length > 0)
    lines.push(`÷: ${ours}'s figure divided by the other's; times of different machines say nothing about each other, ratios do.`);
  return [...lines, ...remarks(report)];
}

/** What a reader has to know to read the table of one broker's workloads. */
export function workloadLegend(report: Report): string[] {
  const runs = report.runs === 1 ? 'One run' : `Medians of ${report.runs} runs`;
  return [
    `${runs} of ${report.seconds} s, the generator on the same cores; in parentheses what was promised. CPU is user and system time of the broker's process.`,
    ...remarks(report),
  ];
}

function remarks(report: Report): string[] {
  const lines: string[] = [];
  if (report.rows.some((row) => Object.values(row.brokers).some(isGeneratorBound))) {
    lines.push(
      `${GENERATOR_MARK} a process of the generator was above 95 % of a core: what flowed was bounded by it, the CPU per delivery was not.`,
    );
  }
  if (report.rows.some((row) => Object.values(row.brokers).some(isDisturbed))) {
    lines.push(`${DISTURBED_MARK} other programs used more than a tenth of a core meanwhile: measure again on a quiet machine.`);
  }
  const slowShares = report.rows.flatMap((row) => Object.values(row.brokers).flatMap(({ slowShare }) => slowShare ?? []));
  if (slowShares.length > 0) {
    const most = percent(Math.max(...slowShares));
    lines.push(
      `Latencies at a given pace leave out the moments in which the machine itself computed at less than half of its speed, and what was caught up with right after (up to ${most} of the time); "at any time" leaves out nothing.`,
    );
  }
  lines.push(
    ...grouped(report, `${FAULT_MARK} not everything arrived once, whole and in order; such a figure flatters its broker:`, ({ faults }) =>
      faultText(faults),
    ),
  );
  lines.push(...grouped(report, 'failed:', ({ failure }) => failure?.split('\n')[0]));
  if (!canReadUsage) lines.push('CPU and memory of other processes: not here (needs Linux).');
  return lines;
}

/** Promises that this run does not keep. */
export function brokenPromises({ brokers, rows }: Report): string[] {
  const ours = brokers[0].name;
  return rows.flatMap((row) =>
    row.figures.flatMap((figure) => {
      const broken = boundsOf(row, figure, ours).filter(({ kept }) => !kept);
      return broken.length === 0 ? [] : [`${row.name}: ${figure.label}: ${textOf(broken)}`];
    }),
  );
}

/** What several rows say of a broker, once, with their names. */
function grouped({ rows }: Report, title: string, remarkOf: (result: BrokerResult) => string | undefined): string[] {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    for (const [name, result] of Object.entries(row.brokers)) {
      const remark = remarkOf(result);
      if (remark !== undefined) found.set(`${name}: ${remark}`, [...(found.get(`${name}: ${remark}`) ?? []), row.name]);
    }
  }
  return found.size === 0 ? [] : [title, ...[...found].map(([remark, names]) => `  ${remark} (${names.join(', ')})`)];
}

function valueCell(row: ReportRow, { key }: Figure, broker: string): string {
  const result = row.brokers[broker];
  const value = result?.medians[key];
  if (result === undefined || value === undefined) return result?.failure === undefined ? '–' : 'failed';
  const marks = [
    isGeneratorBound(result) ? GENERATOR_MARK : '',
    isDisturbed(result) ? DISTURBED_MARK : '',
    faultText(result.faults) === undefined ? '' : FAULT_MARK,
  ];
  return `${number(value)}${marks.join('')}`;
}

function promise(row: ReportRow, figure: Figure, ours: string): string {
  const bounds = boundsOf(row, figure, ours);
  const broken = bounds.filter(({ kept }) => !kept);
  if (bounds.length === 0) return '';
  return broken.length === 0 ? `kept: ${textOf(bounds)}` : `NOT KEPT: ${textOf(broken)}`;
}

/** Short: `(≥ 50,000)`, with a word if it was not kept. */
function promiseMark(row: ReportRow, figure: Figure, ours: string): string {
  return boundsOf(row, { ...figure, unit: '' }, ours)
    .map(({ text, kept }) => (kept ? `(${text})` : `(NOT KEPT: ${text})`))
    .join(' ');
}

interface Bound {
  readonly text: string;
  readonly kept: boolean;
}

const textOf = (bounds: readonly Bound[]): string => bounds.map(({ text }) => text).join(', ');

/** What was promised for the figure, as far as this run can judge it. */
function boundsOf(row: ReportRow, { key, unit, goal }: Figure, ours: string): Bound[] {
  const value = row.brokers[ours]?.medians[key];
  if (goal === undefined || value === undefined) return [];
  const bounds = ratiosOf(goal).flatMap(([other, most]) => {
    const found = ratio(row, key, ours, other);
    return found === undefined ? [] : [{ text: `≤ ${number(most)} × ${other}`, kept: found <= most }];
  });
  if (goal.valueMax !== undefined) bounds.push({ text: `≤ ${number(goal.valueMax)} ${unit}`.trim(), kept: value <= goal.valueMax });
  if (goal.valueMin !== undefined) bounds.push({ text: `≥ ${number(goal.valueMin)} ${unit}`.trim(), kept: value >= goal.valueMin });
  return bounds;
}

const ratiosOf = ({ ratioMax = {} }: Goal): [string, number][] => Object.entries(ratioMax);

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${Math.round(share * 100)} %`);
