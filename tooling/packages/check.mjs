// `pnpm packages:check`: every package has the same skeleton, and what would be published is sound: publint and are-the-types-wrong read
// the packed tarballs, not the sources. Lines that begin with `note:` are advice and do not fail.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { local, root, run } from '../run.mjs';
import { packAll, publishable } from './pack.mjs';

const ENTRY_LINES_MAX = 60;
const FILE_LINES_MAX = 400;
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const problems = [];

const lineCount = (text) => text.trimEnd().split('\n').length;
const below = (folder, ending) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith(ending))
        .map((name) => join(folder, name))
    : [];

function checkSkeleton({ folder, path, manifest }) {
  const problem = (text) => problems.push(`${folder}: ${text}`);
  for (const name of ['README.md', 'LICENSE', 'src/index.ts', 'test', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts']) {
    if (!existsSync(join(path, name))) problem(`${name} is missing`);
  }
  if (manifest.engines?.node !== engines.node) problem(`engines.node is not ${engines.node}, as at the root`);
  if (manifest.type !== 'module') problem('"type" is not "module"');
  for (const name of ['build', 'typecheck', 'lint', 'test', 'transit'])
    if (!(name in manifest.scripts)) problem(`there is no script ${name}`);
  const published = Object.keys(manifest.publishConfig?.exports ?? {});
  if (published.join() !== Object.keys(manifest.exports).join()) problem('publishConfig.exports and exports have different entries');
  const tests = below(join(path, 'test'), '.test.ts');
  if (tests.length === 0) problem('there are no tests');
  else if (!below(join(path, 'test'), '.ts').some((file) => readFileSync(file, 'utf8').includes('README.md'))) {
    problem('no test runs the example of README.md (a file in test/ must read it)');
  }
  checkEntry(path, problem);
  for (const file of below(join(path, 'src'), '.ts')) {
    const lines = lineCount(readFileSync(file, 'utf8'));
    if (lines > FILE_LINES_MAX) console.log(`note: ${file.slice(root.length + 1)} has ${lines} lines; would two names say more?`);
  }
}

function checkEntry(path, problem) {
  const file = join(path, 'src/index.ts');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!/^export /m.test(text)) problem('src/index.ts exports nothing');
  if (lineCount(text) > ENTRY_LINES_MAX) problem(`src/index.ts has ${lineCount(text)} lines, more than ${ENTRY_LINES_MAX}`);
  if (/^export (default|\*)/m.test(text)) problem('src/index.ts must list what it exports: no `export default`, no `export *`');
}

async function checkTarball({ folder, tarball }) {
  const publint = await run(local('publint'), ['run', tarball, '--strict'], { timeoutSeconds: 60 });
  if (publint.status !== 0) problems.push(`${folder}: publint --strict\n${publint.output}`);
  const attw = await run(local('attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], { timeoutSeconds: 60 });
  if (attw.status !== 0) problems.push(`${folder}: attw --profile esm-only\n${attw.output}`);
}

const temporary = mkdtempSync(join(tmpdir(), 'si-mqtt-packages-'));
try {
  for (const item of publishable()) checkSkeleton(item);
  const packed = await packAll(temporary);
  for (const item of packed) await checkTarball(item);
  console.log(`${packed.length} packages`);
} catch (error) {
  problems.push(error.message);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
