import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Broker } from './brokers/brokers.js';
import { type Options, readOptions, usage } from './options.js';
import { brokenPromises, figureTable, legend, throughputTable } from './report/comparison.js';
import { brokersOf, disqualification, machine, type Report, reportRow } from './report/report.js';
import { number, rate, toText } from './report/table.js';
import { acceptanceRows } from './rows/acceptance.js';
import { type Row, type Sample } from './rows/row.js';
import { runRow } from './run.js';

// `npm run bench`: see `usage`.

const WARM_SECONDS = 1;
const RUNS = 3;
const SECONDS = 3;
const ACCEPT_RUNS = 5;
const ACCEPT_SECONDS = 5;

const print = (line = ''): boolean => process.stdout.write(`${line}\n`);

async function measureRows(rows: readonly Row[], options: Options, runs: number, seconds: number): Promise<Report> {
  const timing = { warmSeconds: WARM_SECONDS, seconds, processes: options.processes };
  const report = {
    date: new Date().toISOString(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    machine: machine(),
    brokers: brokersOf(options.brokers),
    runs,
    seconds,
  };
  for (const { name, version } of report.brokers) print(`${name}: ${version}`);
  const results = [];
  for (const row of rows) {
    print(`\n${row.name}: ${row.title}`);
    results.push(reportRow(await runRow(row, { brokers: options.brokers, runs, timing, progress })));
  }
  return { ...report, rows: results };
}

function progress(row: Row, run: number, { name }: Broker, found: Sample | Error): void {
  if (found instanceof Error) {
    print(`  ${run + 1}  ${name.padEnd(12)}failed: ${found.message}`);
    return;
  }
  const figures = row.figures.map(({ key, label, unit }) => `${label} ${number(found.values[key])} ${unit}`);
  const shares = found.generatorShare === undefined ? [] : [`broker ${share(found.brokerCores)}, generator ${share(found.generatorShare)}`];
  const fault = found.faults && disqualification({ faults: found.faults, medians: {}, samples: [] });
  print(`  ${run + 1}  ${name.padEnd(12)}${[...figures, `${rate(found.perSecond)}/s`, ...shares, ...(fault ? [fault] : [])].join('  ')}`);
}

const share = (cores: number | undefined): string => (cores === undefined ? 'not here' : `${Math.round(cores * 100)} %`);

function show(report: Report): void {
  print(`\n${toText(figureTable(report))}\n`);
  print(`${toText(throughputTable(report))}\n`);
  for (const line of legend(report)) print(line);
  const broken = brokenPromises(report);
  if (broken.length > 0) print(`\nNot kept:\n${broken.map((line) => `  ${line}`).join('\n')}`);
}

function write(report: Report, name: string): void {
  const file = fileURLToPath(new URL(`../../../.cache/bench/${name}.json`, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  print(`\nwritten to ${file}`);
}

function rowsNamed(names: readonly string[]): Row[] {
  const found = acceptanceRows.filter(({ name }) => names.some((wanted) => name.startsWith(wanted)));
  if (found.length === 0) throw new Error(`no row begins with ${names.join(' or ')}; npm run bench -- list`);
  return found;
}

async function carryOut(options: Options): Promise<void> {
  switch (options.mode) {
    case 'default':
      return measureAndShow(acceptanceRows, options, 'bench');
    case 'accept':
      return measureAndShow(
        acceptanceRows,
        { ...options, runs: options.runs ?? ACCEPT_RUNS, seconds: options.seconds ?? ACCEPT_SECONDS },
        'accept',
      );
    case 'row':
      return measureAndShow(rowsNamed(options.operands), options, 'row');
    case 'list':
      for (const { name, title } of acceptanceRows) print(`${name.padEnd(22)}${title}`);
      return;
    case 'help':
      print(usage);
      return;
    default:
      throw new Error(`unknown: ${options.mode}\n\n${usage}`);
  }
}

async function measureAndShow(rows: readonly Row[], options: Options, name: string): Promise<void> {
  const report = await measureRows(rows, options, options.runs ?? RUNS, options.seconds ?? SECONDS);
  show(report);
  write(report, name);
}

try {
  await carryOut(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
