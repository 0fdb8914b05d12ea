// Adds up the reports that the vitest runs left in a folder: `node tooling/ci/count.mjs FOLDER [FAILED_SUITE…]`.
// Ends with the line `N passed, N failed, N skipped`; every named suite that failed outside vitest counts as one more failure, and so does
// a package with tests that left no report. A skipped test is a failure of the run, because every suite is meant to run here; the few
// that cannot are named below with their reason.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, workspacePackages } from '../run.mjs';

const [folder, ...failedSuites] = process.argv.slice(2);
const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
const reports = names.map((name) => ({ name, report: JSON.parse(readFileSync(join(folder, name), 'utf8')) }));

/** Of each failure, so that the end of the output says what happened. */
const failureCharacters = 2000;

/** Tests that may be skipped here, and why. */
const allowedSkips = [
  { test: /^SingleNode /, why: 'a cluster of one has no other nodes to test' },
  {
    test: /^conformance over .+ MQTT 5\.0 \[MQTT-3\.3\.4-5\]/,
    why: 'the specification offers two ways, and the server takes the other one (packages/conformance/spec/exceptions.tsv)',
  },
  {
    test: /^conformance of the broker with its state in SQLite /,
    why: 'it needs another configuration, and runs in packages/server with its state in memory',
  },
  {
    test: /^mosquitto breaks|^the example of the README judges mosquitto/,
    why: 'they are about mosquitto 2.0.11, and another version is installed here',
  },
  {
    test: /a file without permission is not overlooked$|a file that may not be written is one line$/,
    why: 'root may read and write every file',
  },
];

let passed = 0;
let notAllowed = 0;
let failed = failedSuites.length;
let skipped = 0;
/** Printed last, because of a long output often only the end is kept. */
const failures = [];
for (const { report } of reports) {
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, message, assertionResults } of report.testResults) {
    for (const { fullName, status: outcome, failureMessages } of assertionResults) {
      if (outcome === 'passed') continue;
      const allowed = outcome === 'failed' ? undefined : allowedSkips.find(({ test }) => test.test(fullName));
      if (outcome !== 'failed' && allowed === undefined) notAllowed += 1;
      const line = `${outcome}: ${fullName} (${allowed?.why ?? name})`;
      if (outcome === 'failed')
        failures.push([line, ...(failureMessages ?? [])].map((text) => text.slice(0, failureCharacters)).join('\n'));
      else console.log(line);
    }
    // A file that could not even be loaded has no tests that could fail.
    if (status === 'failed' && !assertionResults.some((result) => result.status === 'failed')) {
      failed += 1;
      failures.push(`failed: ${name}: ${message.slice(0, failureCharacters)}`);
    }
  }
}
printTimes('conformance', /packages\/conformance\/|\/conformance[\w-]*\.test\.ts$/);
for (const suite of failedSuites) console.log(`failed: ${suite}`);
for (const { folder: path, manifest } of workspacePackages(['packages', 'apps', 'tooling'])) {
  if (!manifest.scripts?.test?.includes('vitest')) continue;
  if (reports.some(({ name }) => name.startsWith(`${path.replaceAll('/', '-')}.`))) continue;
  failed += 1;
  console.log(`failed: ${manifest.name} left no report`);
}
for (const failure of failures) console.log(failure);
if (notAllowed > 0) console.log(`${notAllowed} tests were skipped that must run here`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || notAllowed > 0 || passed === 0 ? 1 : 0);

/** The time of each test file whose path matches, and of all together. Files of one package run side by side. */
function printTimes(title, path) {
  const files = reports.flatMap(({ report }) => report.testResults).filter(({ name }) => path.test(name));
  let total = 0;
  for (const { name, startTime, endTime } of files) {
    total += endTime - startTime;
    console.log(`${((endTime - startTime) / 1000).toFixed(1).padStart(6)} s  ${relative(root, name)}`);
  }
  console.log(`${(total / 1000).toFixed(1).padStart(6)} s  ${title}, ${files.length} files`);
}
