// `pnpm docs:check`: what the documents say can be done. Code is not trusted because somebody wrote it down:
// - every command in a fenced block marked `sh` names scripts, packages and files that exist;
// - every block marked `sh check` is run and must end with 0;
// - every link to a file of the repository leads to one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root, runWithPnpm, workspacePackages } from '../run.mjs';

const packages = workspacePackages(['packages', 'apps', 'tooling']);
const manifests = new Map(packages.map(({ manifest }) => [manifest.name, manifest]));
const rootManifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const pnpmCommands = new Set(['install', 'add', 'remove', 'exec', 'dlx', 'pack', 'publish', 'changeset', 'list', 'why', 'run']);
const problems = [];

function markdownFiles() {
  const below = (folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true })
          .filter((name) => name.endsWith('.md'))
          .map((name) => join(folder, name))
      : [];
  const readmes = packages.map(({ folder }) => `${folder}/README.md`);
  return ['README.md', 'CONTRIBUTING.md', ...below('docs'), ...readmes].filter((file) => existsSync(join(root, file)));
}

/** Fenced blocks as `{ line, information, body }`. */
function fencedBlocks(text) {
  const blocks = [];
  let open;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^(\s*)(`{3,})(.*)$/.exec(line);
    if (fence && open === undefined) open = { line: index + 1, fence: fence[2], information: fence[3].trim(), body: [] };
    else if (fence && open.fence === fence[2] && fence[3] === '') {
      blocks.push(open);
      open = undefined;
    } else open?.body.push(line);
  }
  return blocks;
}

/** What is wrong with one command line, or nothing. */
function problemOf(command) {
  const words = command
    .replace(/\s+#.*$/, '')
    .trim()
    .split(/\s+/);
  const path = words.find((word) => /^(\.\/)?(packages|apps|tooling|docs|\.ci)\//.test(word) && !/[*<>…$]/.test(word));
  if (path !== undefined && !existsSync(join(root, path.replace(/\/dist\/.*$/, '/package.json')))) return `${path} does not exist`;
  if (words[0] === 'npm' && words[1] === 'run' && !(words[2] in rootManifest.scripts)) return `package.json has no script ${words[2]}`;
  if (words[0] === 'npm' && ['start', 'test'].includes(words[1]) && !(words[1] in rootManifest.scripts))
    return `package.json has no script ${words[1]}`;
  if (words[0] !== 'pnpm') return undefined;
  let manifest = rootManifest;
  let rest = words.slice(1);
  if (['--filter', '-F'].includes(rest[0])) {
    if (/[<…]/.test(rest[1])) return undefined;
    manifest = manifests.get(rest[1]);
    if (manifest === undefined) return `there is no package ${rest[1]}`;
    rest = rest.slice(2);
  }
  const script = rest[0] === 'run' ? rest[1] : rest[0];
  if (script === undefined || script.startsWith('-') || pnpmCommands.has(script) || script in (manifest.scripts ?? {})) return undefined;
  return existsSync(join(root, 'node_modules/.bin', script)) ? undefined : `${manifest.name} has no script ${script}`;
}

async function checkBlocks(file, text) {
  for (const { line, information, body } of fencedBlocks(text)) {
    const [language, mark] = information.split(/\s+/);
    if (!['sh', 'bash', 'shell'].includes(language)) continue;
    for (const [index, command] of body.entries()) {
      const problem = command.trim() === '' || command.trim().startsWith('#') ? undefined : problemOf(command);
      if (problem !== undefined) problems.push(`${file}:${line + 1 + index}: ${problem}`);
    }
    if (mark !== 'check') continue;
    const { status, output } = await runWithPnpm(['bash', '-euo', 'pipefail', '-c', body.join('\n')], { timeoutSeconds: 60 });
    if (status !== 0) problems.push(`${file}:${line}: the block ended with ${status}\n${output}`);
  }
}

function checkLinks(file, text) {
  const prose = text
    .replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, (block) => block.replaceAll(/[^\n]/g, ' '))
    .replaceAll(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
  for (const { 1: target, index } of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^([a-z]+:|#)/.test(target)) continue;
    const path = join(root, dirname(file), target.replace(/#.*$/, ''));
    const line = prose.slice(0, index).split('\n').length;
    if (relative(root, path).startsWith('..')) problems.push(`${file}:${line}: ${target} leads out of the repository`);
    else if (!existsSync(path)) problems.push(`${file}:${line}: ${target} does not exist`);
  }
}

const files = markdownFiles();
for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8');
  await checkBlocks(file, text);
  checkLinks(file, text);
}
console.log(`${files.length} documents`);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
