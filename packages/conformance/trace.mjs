// Which normative statements our server proves: reads the report of the server's conformance run, never comments, for what counts as proved.
//   pnpm trace            runs the suite itself
//   pnpm trace FILE…      reads vitest's JSON reports instead
//   pnpm trace --update   writes what is proved now to trace-baseline.json
// Ends with 1 on an unknown id, a failing test, a statement that was proved once and is not now, and a wrong list of exceptions.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOf, idsInComments, readExceptions, readStatements, statesOf, traceReports } from './trace-reports.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const packages = join(here, '..');
const baselineFile = join(here, 'trace-baseline.json');
const updates = process.argv.includes('--update');

const reportFiles = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const reports = reportFiles.length > 0 ? reportFiles.map(readJson) : [runSuite()];
const statements = readStatements(join(here, 'spec'));
const exceptions = readExceptions(join(here, 'spec'));
const comments = idsInComments(['codec', 'topics', 'session', 'server'].flatMap((name) => sources(join(packages, name, 'src'))));
const { proved, failed, unknown } = traceReports(reports, statements);
const baseline = readJson(baselineFile);

const faults = [...faultsOf(exceptions, statements, proved), ...unknown.map((id) => `unknown statement in a test name: ${id}`)];
for (const [version, ids] of comments) {
  for (const id of ids) if (!statements.get(version).has(id)) faults.push(`unknown statement in a comment: ${version} ${id}`);
}
for (const [version, list] of statements) {
  const ownExceptions = exceptions.filter((exception) => exception.version === version);
  const { holds, excepted, obeyed, silent } = statesOf(
    list,
    proved.get(version),
    comments.get(version),
    new Set(ownExceptions.map(({ id }) => id)),
  );
  const count = holds.length + excepted.length + obeyed.length + silent.length;
  // Rounded down: 100 % is said only of all.
  const percent = Math.floor((1000 * (holds.length + excepted.length)) / count) / 10;
  console.log(`${version}: ${percent} % of the ${count} statements that show on the wire`);
  console.log(`  holds ${holds.length}, excepted ${excepted.length}, obeyed but untested ${obeyed.length}, silent ${silent.length}`);
  for (const { id, reason } of ownExceptions) console.log(`  excepted: ${id}: ${reason}`);
  if (obeyed.length > 0) console.log(`  obeyed but untested: ${obeyed.join(' ')}`);
  if (silent.length > 0) console.log(`  silent: ${silent.join(' ')}`);
  const lost = (baseline[version] ?? []).filter((id) => !proved.get(version).has(id));
  if (failed.get(version).size > 0) faults.push(`${version}, failing: ${[...failed.get(version)].join(' ')}`);
  if (lost.length > 0 && !updates) faults.push(`${version}, proved in trace-baseline.json, but not now: ${lost.join(' ')}`);
}
for (const fault of faults) console.error(fault);
if (updates && faults.length === 0) {
  const content = Object.fromEntries(
    [...proved].map(([version, ids]) => [version, [...statements.get(version).keys()].filter((id) => ids.has(id))]),
  );
  writeFileSync(baselineFile, `${JSON.stringify(content, null, 2)}\n`);
}
process.exit(faults.length === 0 ? 0 : 1);

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The server's conformance run; its own failures are shown by the trace. */
function runSuite() {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-trace-'));
  const file = join(folder, 'report.json');
  try {
    const vitest = join(packages, '..', 'node_modules', 'vitest', 'vitest.mjs');
    const options = { cwd: join(packages, 'server'), stdio: ['ignore', 'ignore', 'inherit'] };
    spawnSync(process.execPath, [vitest, 'run', 'test/conformance-over-tcp.test.ts', '--reporter=json', `--outputFile=${file}`], options);
    return readJson(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}
