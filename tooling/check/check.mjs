// `pnpm check`: everything but the tests, with the time of each step. Ends with 1 if a step failed, and says what to do about it.
// `pnpm check lint boundaries` runs only the steps that are named.
import { local, root, run, runWithPnpm } from '../run.mjs';

const node = (script) => () => run(process.execPath, [`${root}/${script}`]);
const steps = [
  { name: 'format', start: () => run(local('biome'), ['check', '.']), advice: 'pnpm format   (writes formatting and import order)' },
  { name: 'lint', start: () => runWithPnpm(['turbo', 'run', 'lint', '--continue']), advice: 'pnpm --filter <package> lint' },
  { name: 'typecheck', start: () => runWithPnpm(['turbo', 'run', 'typecheck', '--continue']), advice: 'pnpm --filter <package> typecheck' },
  {
    name: 'boundaries',
    start: node('tooling/boundaries/check.mjs'),
    advice: 'read the comments of tooling/boundaries/rules.mjs, then pnpm boundaries',
  },
  { name: 'unused', start: () => run(local('knip'), []), advice: 'remove what nobody uses, or name it in knip.json; then pnpm unused' },
  { name: 'docs', start: node('tooling/docs/check.mjs'), advice: 'mend the file that is named; then pnpm docs:check' },
  { name: 'packages', start: node('tooling/packages/check.mjs'), advice: 'mend the package that is named; then pnpm packages:check' },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}; there are: ${steps.map((step) => step.name).join(', ')}`);
  process.exit(2);
}

const failed = [];
let total = 0;
for (const step of steps) {
  if (wanted.length > 0 && !wanted.includes(step.name)) continue;
  const { status, output, seconds } = await step.start();
  total += seconds;
  console.log(`${status === 0 ? 'passed' : 'FAILED'}  ${step.name.padEnd(12)}${seconds.toFixed(1).padStart(6)} s`);
  const remarks = output.split('\n').filter((line) => line.startsWith('note: '));
  if (status !== 0) console.log(`\n${output.trimEnd()}\n`);
  else if (remarks.length > 0) console.log(remarks.map((line) => `        ${line}`).join('\n'));
  if (status !== 0) failed.push(step);
}
console.log(`${'total'.padEnd(20)}${total.toFixed(1).padStart(6)} s`);
if (failed.length > 0) {
  console.log(`\n${failed.length} of the steps failed. What to do:`);
  for (const step of failed) console.log(`  ${step.name.padEnd(12)}${step.advice}`);
  process.exit(1);
}
