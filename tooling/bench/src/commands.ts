import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { findBackends } from './brokers/databases.js';
import { type Options, usage } from './options.js';
import { print, printProgress } from './progress.js';
import { type Baseline, baselineOf, worse } from './report/baseline.js';
import { ratioChart, scaleChart } from './report/charts.js';
import { brokenPromises, figureTable, legend, throughputTable, workloadLegend, workloadTable } from './report/comparison.js';
import { replaceSection, sectionOf } from './report/document.js';
import { readReport, reportFile, shown, writeReport, writeText } from './report/files.js';
import { brokersOf, machine, type Report, reportRow } from './report/report.js';
import { toText } from './report/table.js';
import { repository } from './repository.js';
import { acceptanceRows } from './rows/acceptance.js';
import { durableRow } from './rows/durable.js';
import { fullRows } from './rows/full.js';
import { CPU_PER_DELIVERY, type Row } from './rows/row.js';
import { scaleSeries } from './rows/scale.js';
import { runRow } from './run.js';

const WARM_SECONDS = 1;
const BASE = 'mosquitto';
const baselineFile = `${repository}tooling/bench/baseline.json`;
const documentFile = `${repository}docs/benchmarks.md`;

/** A set of rows, and how carefully they are measured unless the command line says otherwise. */
interface Mode {
  readonly rows: () => readonly Row[];
  readonly runs: number;
  readonly seconds: number;
  /** Every broker that is installed, not only the usual ones. */
  readonly allBrokers?: boolean;
  readonly chart?: (report: Report) => string;
}

const scaleRows = (): Row[] => scaleSeries.flatMap(({ points }) => points.map(({ row }) => row));
const scalePanels = scaleSeries.map(({ name, axis }) => ({ series: name, axis }));

const modes = {
  default: { rows: () => acceptanceRows, runs: 3, seconds: 3, chart: (report) => ratioChart(report, BASE) },
  accept: { rows: () => acceptanceRows, runs: 5, seconds: 2, chart: (report) => ratioChart(report, BASE) },
  full: { rows: fullRows, runs: 1, seconds: 3, allBrokers: true, chart: (report) => ratioChart(report, BASE) },
  scale: { rows: scaleRows, runs: 1, seconds: 3, chart: (report) => scaleChart(report, CPU_PER_DELIVERY, scalePanels) },
} as const satisfies Record<string, Mode>;

export async function carryOut(options: Options): Promise<void> {
  const { mode, operands } = options;
  switch (mode) {
    case 'default':
    case 'accept':
    case 'full':
    case 'scale':
      show(await reportOf(mode, options));
      return;
    case 'row':
      show(await reportOf('row', options));
      return;
    case 'durable':
      showDurable(await durableReport(options, operands));
      return;
    case 'compare':
      return compare(await reportOf('default', options));
    case 'baseline':
      writeText(baselineFile, `${JSON.stringify(baselineOf(await reportOf('accept', options)), null, 2)}\n`);
      print(`\nwritten to ${shown(baselineFile)}`);
      return;
    case 'document':
      for (const part of operands.length > 0 ? operands : ['accept', 'full', 'scale', 'codec', 'durable'])
        await writeDocument(part, options);
      return;
    case 'list':
      for (const { name, title } of everyRow()) print(`${name.padEnd(40)}${title}`);
      return;
    case 'help':
      print(usage);
      return;
    default:
      throw new Error(`unknown: ${mode}\n\n${usage}`);
  }
}

/** The mode's report, new or left by an earlier run; its chart is written beside it. */
async function reportOf(name: keyof typeof modes | 'row', options: Options): Promise<Report> {
  if (options.reuse) return readReport(reportFile(name));
  const mode: Mode = name === 'row' ? { ...modes.default, rows: () => rowsNamed(options.operands) } : modes[name];
  const report = await measure(mode, options);
  writeReport(reportFile(name), report);
  print(`\nwritten to ${shown(reportFile(name))}`);
  if (mode.chart !== undefined) writeText(chartFile(name), mode.chart(report));
  return report;
}

const chartFile = (name: string): string => reportFile(name).replace(/json$/, 'svg');

async function measure(mode: Mode, options: Options): Promise<Report> {
  const wanted = mode.rows();
  const all = options.brokers(mode.allBrokers === true);
  const brokers = all.filter((broker) => wanted.some(({ setup }) => broker.supports(setup)));
  const runs = options.runs ?? mode.runs;
  const seconds = options.seconds ?? mode.seconds;
  const timing = { warmSeconds: WARM_SECONDS, seconds, processes: options.processes };
  const date = new Date().toISOString();
  for (const { name, version } of brokers) print(`${name}: ${version}`);
  const rows = [];
  for (const row of wanted) {
    print(`\n${row.name}: ${row.title}`);
    rows.push(reportRow(await runRow(row, { brokers, runs, timing, progress: printProgress })));
  }
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  return { date, command, machine: machine(), brokers: brokersOf(brokers), runs, seconds, rows };
}

const DURABLE_SECONDS = 60;

/** @param names of some databases only */
async function durableReport(options: Options, names: readonly string[]): Promise<Report> {
  if (options.reuse) return readReport(reportFile('durable'));
  const { found, missing, stop } = await findBackends(names);
  try {
    for (const line of missing) print(line);
    if (found.length === 0)
      throw new Error(`no database is called ${names.join(', ')}: sqlite-flushed, sqlite-synced, mariadb, mysql or mongodb`);
    const report = await measure({ rows: () => found.map(durableRow), runs: 1, seconds: DURABLE_SECONDS }, options);
    writeReport(reportFile('durable'), report);
    print(`\nwritten to ${shown(reportFile('durable'))}`);
    return report;
  } finally {
    await stop();
  }
}

function showDurable(report: Report): void {
  print(`\n${toText(workloadTable(report))}\n`);
  for (const line of workloadLegend(report)) print(line);
}

function show(report: Report): void {
  print(`\n${toText(figureTable(report))}\n`);
  print(`${toText(throughputTable(report))}\n`);
  for (const line of legend(report)) print(line);
  const broken = brokenPromises(report);
  if (broken.length > 0) print(`\nNot kept:\n${broken.map((line) => `  ${line}`).join('\n')}`);
}

function compare(report: Report): void {
  if (!existsSync(baselineFile)) throw new Error(`${shown(baselineFile)} does not exist: npm run bench -- baseline`);
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Baseline;
  show(report);
  const lines = worse(report, baseline);
  print(`\nCompared with the baseline of ${baseline.date.slice(0, 10)} (${baseline.machine.cores} cores of ${baseline.machine.cpu}):`);
  print(lines.length === 0 ? '  nothing is more than 15 % worse' : lines.map((line) => `  ${line}`).join('\n'));
}

async function writeDocument(part: string, options: Options): Promise<void> {
  let section: string;
  if (part === 'codec') {
    section = `\`\`\`text\n${codecTable().trim()}\n\`\`\``;
  } else if (part === 'durable') {
    section = sectionOf(await durableReport(options, []), [workloadTable], workloadLegend);
  } else if (part === 'accept' || part === 'full' || part === 'scale') {
    const report = await reportOf(part, options);
    const picture = `benchmarks-${part}.svg`;
    writeText(`${repository}docs/${picture}`, (modes[part] as Mode).chart!(report));
    section = `![the figures of the table below](${picture})\n\n${sectionOf(report, part === 'accept' ? [figureTable, throughputTable] : [figureTable], legend)}`;
  } else {
    throw new Error(`${part} has no place in ${shown(documentFile)}: accept, full, scale, codec or durable`);
  }
  writeText(documentFile, replaceSection(readFileSync(documentFile, 'utf8'), part, section));
  print(`\nwritten to ${shown(documentFile)}: ${part}`);
}

/** What `bench` of packages/codec prints. */
function codecTable(): string {
  const folder = `${repository}packages/codec`;
  return execFileSync('npm', ['run', '--silent', 'bench'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

const everyRow = (): Row[] => [...acceptanceRows, ...fullRows().filter((row) => !acceptanceRows.includes(row)), ...scaleRows()];

/** Rows by name, or by the beginning of their names; a promised row comes before those of the matrix that begin alike. */
function rowsNamed(names: readonly string[]): Row[] {
  const every = everyRow();
  const found = names.flatMap((wanted) => {
    const exact = every.filter(({ name }) => name === wanted);
    const promised = acceptanceRows.filter(({ name }) => name.startsWith(wanted));
    const rows = [exact, promised, every.filter(({ name }) => name.startsWith(wanted))].find(({ length }) => length > 0);
    if (rows === undefined) throw new Error(`no row begins with ${wanted}; npm run bench -- list has the names`);
    return rows;
  });
  if (found.length === 0) throw new Error('which row? npm run bench -- list has the names');
  return [...new Set(found)];
}
