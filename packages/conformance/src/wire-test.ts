import { type Need } from './target.js';
import { type Version } from './wire/requests.js';
import { type WireContext } from './wire-context.js';

/** One proof of one or more statements, as data. */
export interface WireTest {
  readonly version: Version;
  /** Statement ids of `spec/`, e.g. `MQTT-3.3.4-9`. */
  readonly ids: readonly string[];
  readonly title: string;
  readonly needs: readonly Need[];
  /** Resolves if the statements hold. */
  readonly run: (context: WireContext) => Promise<void>;
}

type Run = WireTest['run'];

/** The name that reports show: `[id] [id] title`. */
export function nameOf(test: WireTest): string {
  return `${test.ids.map((id) => `[${id}]`).join(' ')} ${test.title}`;
}

export const versionNames: Readonly<Record<Version, string>> = { 3: 'MQTT 3.1', 4: 'MQTT 3.1.1', 5: 'MQTT 5.0' };

/** A test of 5.0; `ids` are section numbers with the statement's own, such as `3.3.4-9 3.3.4-10`. */
export function v5(ids: string, title: string, run: Run, ...needs: readonly Need[]): WireTest {
  return { version: 5, ids: expand(ids), title, needs, run };
}

/** A test of 3.1.1. */
export function v311(ids: string, title: string, run: Run, ...needs: readonly Need[]): WireTest {
  return { version: 4, ids: expand(ids), title, needs, run };
}

/** A test of 3.1, by numbers of `spec/mqtt31-differences.tsv`. */
export function v31(numbers: string, title: string, run: Run, ...needs: readonly Need[]): WireTest {
  return { version: 3, ids: numbers.split(' ').map((number) => `SI-3.1-${number}`), title, needs, run };
}

/** The same test for 5.0 and 3.1.1, which number their statements differently. */
export function both(ids5: string, ids311: string, title: string, run: Run, ...needs: readonly Need[]): WireTest[] {
  return [v5(ids5, title, run, ...needs), v311(ids311, title, run, ...needs)];
}

function expand(ids: string): string[] {
  return ids.split(' ').map((id) => `MQTT-${id}`);
}
