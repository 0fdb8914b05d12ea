// Which normative statements our server proves: reads the report of the server's conformance run, never comments, for what counts as proved.
//   pnpm trace            runs the suite itself, over TCP and WebSocket
//   pnpm trace FILE…      reads vitest's JSON reports instead
// Ends with 1 unless every statement that shows on the wire holds or is excepted; on a failing test, an unknown id, a wrong list of exceptions, too.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOf, idsInComments, readExceptions, readStatements, statesOf, traceReports } from './trace-reports.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const packages = join(here, '..');

const reportFiles = process.argv.slice(2);
const reports = reportFiles.length > 0 ? reportFiles.map(readJson) : [runSuite()];
const statements = readStatements(join(here, 'spec'));
const exceptions = readExceptions(join(here, 'spec'));
const comments = idsInComments(['codec', 'topics', 'session', 'server'].flatMap((name) => sources(join(packages, name, 'src'))));
const { proved, failed, unknown, suites } = traceReports(reports, statements);

const faults = [...faultsOf(exceptions, statements, proved), ...unknown.map((id) => `unknown statement in a test name: ${id}`)];
for (const [version, ids] of comments) {
  for (const id of ids) if (!statements.get(version).has(id)) faults.push(`unknown statement in a comment: ${version} ${id}`);
}
console.log(suites.join(', '));
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
  if (failed.get(version).size > 0) faults.push(`${version}, failing: ${[...failed.get(version)].join(' ')}`);
  if (obeyed.length + silent.length > 0) faults.push(`${version}, neither proved nor excepted: ${[...obeyed, ...silent].join(' ')}`);
}
for (const fault of faults) console.error(fault);
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
    const files = ['tcp', 'websocket'].map((transport) => `test/conformance-over-${transport}.test.ts`);
    const options = { cwd: join(packages, 'server'), stdio: ['ignore', 'ignore', 'inherit'] };
    spawnSync(process.execPath, [vitest, 'run', ...files, '--reporter=json', `--outputFile=${file}`], options);
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
