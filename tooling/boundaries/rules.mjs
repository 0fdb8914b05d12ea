// The layers, as rules for dependency-cruiser. Each rule begins with `(^|/)packages/` or the like, so that it also matches the canary tree,
// which breaks every rule on purpose (see check.mjs). `npm-no-pkg` and its relatives say that a package.json does not name what is imported.

/** What the sources of a package may import from the workspace. Tests may use the same, and `testOnly`. */
const layers = {
  codec: { may: [] },
  topics: { may: [] },
  session: { may: ['codec', 'topics'] },
  server: { may: ['codec', 'topics', 'session'], testOnly: ['conformance'] },
  'cluster-db': { may: ['codec', 'topics', 'session'], testOnly: ['conformance'] },
  'cluster-direct': { may: ['codec', 'topics', 'session'], testOnly: ['conformance'] },
  conformance: { may: ['codec', 'topics', 'session'] },
  'mqtt-packet': { may: ['codec'] },
};
const pure = 'codec|topics|session';

/** Names of the packages that the rules know; one that is missing here is refused by check.mjs. */
export const layerNames = Object.keys(layers);

const layerRules = Object.entries(layers).flatMap(([name, { may, testOnly = [] }]) => {
  const outside = (allowed) => ({ path: '(^|/)packages/[^/]+/', pathNot: `(^|/)packages/(${allowed.join('|')})/` });
  return [
    {
      name: `layer-${name}`,
      comment: `The sources of ${name} may import ${may.length > 0 ? may.join(', ') : 'no other package of the workspace'}.`,
      severity: 'error',
      from: { path: `(^|/)packages/${name}/src/` },
      to: outside([name, ...may]),
    },
    {
      name: `layer-${name}-test`,
      comment: `The tests of ${name} may import ${[name, ...may, ...testOnly].join(', ')}.`,
      severity: 'error',
      from: { path: `(^|/)packages/${name}/`, pathNot: `(^|/)packages/${name}/src/` },
      to: outside([name, ...may, ...testOnly]),
    },
  ];
});

/**
 * @param {string[]} entries regular expressions of the source files that the packages list in `exports`
 * @returns rules for dependency-cruiser's `ruleSet`
 */
export const rules = (entries) => ({
  forbidden: [
    ...layerRules,
    {
      name: 'no-cycle',
      comment:
        'Modules that need each other to run are one module, or one of them knows too much. A type that looks back (a part that names the ' +
        'type of its whole) is no such need; between packages the layers forbid that too.',
      severity: 'error',
      from: { path: '(^|/)(packages|apps|tooling)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import leads nowhere: not installed, not declared in package.json, or not listed in the `exports` of its package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared',
      comment: 'package.json of the importing package must name what it imports.',
      severity: 'error',
      from: { path: '(^|/)(packages|apps)/[^/]+/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'no-undeclared-in-test',
      comment: 'As no-undeclared, for what stands outside `src`; vitest and tsup are installed for everybody at the root.',
      severity: 'error',
      from: { path: '(^|/)(packages|apps)/[^/]+/', pathNot: '(^|/)(packages|apps)/[^/]+/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'], pathNot: 'node_modules/(vitest|tsup)/' },
    },
    {
      name: 'no-development-dependency',
      comment: 'Sources are published, and development dependencies are not installed with them.',
      severity: 'error',
      from: { path: '(^|/)(packages|apps)/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'by-package-name',
      comment: 'Another package is imported by its name, never by a path that leads into it.',
      severity: 'error',
      from: { path: '(?:^|/)(packages|apps|tooling)/([^/]+)/' },
      to: { path: '(^|/)(packages|apps|tooling)/[^/]+/', pathNot: '(^|/)$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'through-exports',
      comment: 'Another package is entered only through the entries that its package.json lists in `exports`.',
      severity: 'error',
      from: { path: '(?:^|/)(packages|apps|tooling)/([^/]+)/' },
      to: { path: '(^|/)(packages|apps)/[^/]+/', pathNot: ['(^|/)$1/$2/', ...entries] },
    },
    {
      name: 'no-source-to-test',
      comment: 'Sources do not import tests.',
      severity: 'error',
      from: { path: '(^|/)(packages|apps)/[^/]+/src/' },
      to: { path: '(^|/)(packages|apps)/[^/]+/(test|bench)/' },
    },
    {
      name: 'no-node-built-in',
      comment: `${pure.replaceAll('|', ', ')} run in browsers, and take time, randomness and bytes as arguments: no Node built-in, not even its types.`,
      severity: 'error',
      from: { path: `(^|/)packages/(${pure})/src/` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-runtime-dependency',
      comment: `${pure.replaceAll('|', ', ')} have no dependencies from outside the workspace.`,
      severity: 'error',
      from: { path: `(^|/)packages/(${pure})/src/` },
      to: { path: 'node_modules/' },
    },
    {
      name: 'conformance-types-only',
      comment: 'conformance judges implementations, so its sources may take only types from codec and topics and the ports from session.',
      severity: 'error',
      from: { path: '(^|/)packages/conformance/src/' },
      to: { path: '(^|/)packages/(codec|topics|session)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'apps-only-from-apps',
      comment: 'An app is the end of the line: no package imports it.',
      severity: 'error',
      from: { path: '(^|/)(packages|tooling)/' },
      to: { path: '(^|/)apps/' },
    },
  ],
});
