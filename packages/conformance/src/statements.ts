import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type WireTest } from './wire-test.js';

/** A statement of the specification, as the lists in `spec/` have it. */
export interface Statement {
  readonly version: WireTest['version'];
  readonly id: string;
  /** What the specification asks, in short. */
  readonly asks: string;
  /** False: a habit of this project where the specification of MQTT 3.1 asks for nothing. */
  readonly mandatory: boolean;
}

const lists: Readonly<Record<WireTest['version'], string>> = {
  3: 'mqtt31-differences.tsv',
  4: 'mqtt311-statements.tsv',
  5: 'mqtt5-statements.tsv',
};

/** This package's folder, from its sources as well as from what was built of them. */
function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'spec', lists[5]))) {
    if (folder === dirname(folder)) throw new Error(`assertion failed: no lists of statements above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
  return folder;
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** The statements of a version that show on the wire, in the order of the specification. */
export function wireStatements(version: WireTest['version']): Statement[] {
  const [head, ...rows] = readFileSync(join(packageFolder(), 'spec', lists[version]), 'utf8')
    .trim()
    .split('\n');
  const columns = head.split('\t');
  return rows
    .map((row) => {
      const cells = row.split('\t');
      return Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? '']));
    })
    .filter(({ testable }) => testable === 'wire')
    .map(({ id, gist, force }) => ({ version, id, asks: gist, mandatory: force !== 'own' }));
}
