// Which normative statements our server proves: reads the report of the server's conformance run, never comments, for what counts as proved.
//   pnpm trace            runs the suite itself
//   pnpm trace FILE…      reads vitest's JSON reports instead
//   pnpm trace --update   writes what is proved now to trace-baseline.json
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { idsInComments, readStatements, traceReports } from './trace-reports.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const packages = join(here, '..');
const baselineFile = join(here, 'trace-baseline.json');
const minimum = { 'MQTT 5.0': 150, 'MQTT 3.1.1': 80, 'MQTT 3.1': 0 };

const reportFiles = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const reports = reportFiles.length > 0 ? reportFiles.map(readJson) : [runSuite()];
const statements = readStatements(join(here, 'spec'));
const comments = idsInComments(['codec', 'topics', 'session', 'server'].flatMap((name) => sources(join(packages, name, 'src'))));
const { proved, failed, unknown } = traceReports(reports, statements);

let isRight = unknown.length === 0;
for (const id of unknown) console.error(`unknown statement in a test name: ${id}`);
for (const [version, ids] of comments) {
  for (const id of ids) {
    if (statements.get(version).has(id)) continue;
    isRight = false;
    console.error(`unknown statement in a comment: ${version} ${id}`);
  }
}
const baseline = readJson(baselineFile);
for (const [version, list] of statements) {
  const binding = [...list.values()].filter(({ role, testable }) => testable === 'wire' && role !== 'client');
  const states = { proved: [], obeyed: [], silent: [] };
  for (const { id } of binding) {
    states[proved.get(version).has(id) ? 'proved' : comments.get(version).has(id) ? 'obeyed' : 'silent'].push(id);
  }
  const all = proved.get(version);
  console.log(
    `${version}: ${all.size} of ${list.size} statements proved; of the ${binding.length} that bind a server and show on the wire:`,
  );
  console.log(`  proved ${states.proved.length}, obeyed but untested ${states.obeyed.length}, silent ${states.silent.length}`);
  if (states.obeyed.length > 0) console.log(`  obeyed but untested: ${states.obeyed.join(' ')}`);
  if (states.silent.length > 0) console.log(`  silent: ${states.silent.join(' ')}`);
  const lost = (baseline[version] ?? []).filter((id) => !all.has(id));
  if (failed.get(version).size > 0) console.error(`  failing: ${[...failed.get(version)].join(' ')}`);
  if (lost.length > 0) console.error(`  proved in trace-baseline.json, but not now: ${lost.join(' ')}`);
  if (all.size < minimum[version]) console.error(`  fewer than ${minimum[version]} statements are proved`);
  if (!process.argv.includes('--update') && lost.length > 0) isRight = false;
  if (all.size < minimum[version] || failed.get(version).size > 0) isRight = false;
}
if (process.argv.includes('--update') && isRight) {
  const content = Object.fromEntries(
    [...proved].map(([version, ids]) => [version, [...statements.get(version).keys()].filter((id) => ids.has(id))]),
  );
  writeFileSync(baselineFile, `${JSON.stringify(content, null, 2)}\n`);
}
process.exit(isRight ? 0 : 1);

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
    spawnSync(process.execPath, [vitest, 'run', 'test/conformance.test.ts', '--reporter=json', `--outputFile=${file}`], options);
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
