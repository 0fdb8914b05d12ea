// `pnpm boundaries`: the layers of this repository, checked by dependency-cruiser, and the checker itself, checked by a canary: a small tree
// that breaks every rule on purpose. The canary matters because a cruise that sees nothing passes.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { root } from '../run.mjs';
import { layerNames, rules } from './rules.mjs';

const canary = join(root, 'tooling/boundaries/canary');
const SOURCE_CONDITION = '@si-mqtt/source';
const WORKSPACE_RULE = 'no-undeclared-workspace-package';
const problems = [];

/** Folders of `parent/*` under `base` that have a package.json, with that. */
function packagesUnder(base, parents) {
  return parents.flatMap((parent) =>
    (existsSync(join(base, parent)) ? readdirSync(join(base, parent)) : [])
      .map((name) => `${parent}/${name}`)
      .filter((folder) => existsSync(join(base, folder, 'package.json')))
      .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(base, folder, 'package.json'), 'utf8')) })),
  );
}

const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The source file of every entry in `exports`, as a regular expression. */
const entriesOf = (packages) =>
  packages.flatMap(({ folder, manifest }) =>
    Object.values(manifest.exports ?? {}).map((entry) => `(^|/)${escape(join(folder, entry[SOURCE_CONDITION]))}$`),
  );

/** Cruises the packages under `base`: the sources that were seen, and the violations. */
async function cruiseTree(base, packages) {
  const folders = packages.flatMap(({ folder }) => ['src', 'test', 'bench'].map((part) => `${folder}/${part}`));
  const { output } = await cruise(
    folders.filter((folder) => existsSync(join(base, folder))),
    {
      baseDir: base,
      validate: true,
      ruleSet: rules(entriesOf(packages)),
      // Followed no further, but still seen as the target of an import; `exclude` would hide it.
      doNotFollow: { path: ['(^|/)node_modules/', '(^|/)dist/'] },
      // What a test copies to another folder and runs there has the dependencies of that folder.
      exclude: { path: '(^|/)test/(fixtures|project)/' },
      // Imports of types are imports.
      tsPreCompilationDeps: true,
    },
    { conditionNames: [SOURCE_CONDITION, 'node', 'import', 'types', 'default'], exportsFields: ['exports'] },
  );
  const undeclared = undeclaredWorkspacePackages(packages, output.modules);
  return { sources: output.modules.map((module) => module.source), violations: [...output.summary.violations, ...undeclared] };
}

/** dependency-cruiser does not say whether a linked workspace package is a dependency or only one for development; sources need the first. */
function undeclaredWorkspacePackages(packages, modules) {
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  return packages.flatMap(({ folder, manifest }) => {
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies, [manifest.name]: '' };
    return modules
      .filter(({ source }) => source.startsWith(`${folder}/src/`))
      .flatMap(({ source, dependencies }) =>
        dependencies.map(({ module }) => ({ from: source, to: module.split('/').slice(0, 2).join('/') })),
      )
      .filter(({ to }) => names.has(to) && !(to in declared))
      .map((violation) => ({ rule: { name: WORKSPACE_RULE }, ...violation }));
  });
}

async function checkWorkspace() {
  const packages = packagesUnder(root, ['packages', 'apps', 'tooling']);
  const { sources, violations } = await cruiseTree(root, packages);
  for (const { rule, from, to } of violations) problems.push(`${rule.name}: ${from} → ${to}`);
  for (const { folder } of packages.filter((item) => existsSync(join(root, item.folder, 'src')))) {
    const count = sources.filter((source) => source.startsWith(`${folder}/src/`)).length;
    if (count === 0) problems.push(`no module of ${folder}/src was seen`);
    if (folder.startsWith('packages/') && !layerNames.includes(basename(folder))) problems.push(`rules.mjs does not know ${folder}`);
    console.log(`${String(count).padStart(4)} modules  ${folder}/src`);
  }
  checkDevelopmentDependencies(packages);
}

/** codec, topics and session never depend on conformance, not even for development: turbo refuses the cycle. */
function checkDevelopmentDependencies(packages) {
  for (const { folder, manifest } of packages.filter(({ folder }) => /\/(codec|topics|session)$/.test(folder))) {
    if ('@si-mqtt/conformance' in { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }) {
      problems.push(`${folder}/package.json depends on @si-mqtt/conformance`);
    }
  }
}

/** Links what the canary's packages declare, as pnpm does for the real ones. */
function linkCanary(packages) {
  for (const { folder, manifest } of packages) {
    const modules = join(canary, folder, 'node_modules');
    rmSync(modules, { recursive: true, force: true });
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      const target = packages.find((candidate) => candidate.manifest.name === name);
      if (target === undefined) continue;
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(canary, target.folder), join(modules, name), 'dir');
    }
  }
}

/** Every file of the canary must break exactly the rules that its line `// breaks: …` names, and every rule must be broken somewhere. */
async function checkCanary() {
  const packages = packagesUnder(canary, ['packages', 'apps']);
  linkCanary(packages);
  const { sources, violations } = await cruiseTree(canary, packages);
  const broken = (source) => [...new Set(violations.filter(({ from }) => from === source).map(({ rule }) => rule.name))].sort();
  const all = new Set();
  for (const source of sources.filter((candidate) => /^(packages|apps)\//.test(candidate))) {
    const line = /^\/\/ breaks: ?(.*)$/m.exec(readFileSync(join(canary, source), 'utf8'))?.[1] ?? '';
    const expected = line.split(', ').filter(Boolean).sort();
    for (const name of expected) all.add(name);
    if (expected.join() !== broken(source).join()) {
      problems.push(`canary ${source}: expected [${expected.join(', ')}], found [${broken(source).join(', ')}]`);
    }
  }
  const names = [...rules([]).forbidden.map(({ name }) => name), WORKSPACE_RULE];
  for (const name of names) if (!all.has(name)) problems.push(`no canary breaks ${name}`);
  console.log(`${String(violations.length).padStart(4)} violations in the canary, ${all.size} rules`);
}

await checkWorkspace();
await checkCanary();
if (problems.length > 0) {
  console.error(`\n${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  process.exit(1);
}
