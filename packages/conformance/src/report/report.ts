import { type TestResult } from '../run-wire-tests.js';
import { type Statement, wireStatements } from '../statements.js';
import { type ExchangeStep } from '../wire/exchange.js';
import { versionNames, type WireTest } from '../wire-test.js';

export type VerdictName = 'holds' | 'broken' | 'notConfigurable' | 'notObserved';

export interface TestReport {
  readonly ids: readonly string[];
  readonly title: string;
  readonly verdict: VerdictName;
  readonly milliseconds: number;
  /** What was expected, what the target lacks, or why nothing could be seen. */
  readonly reason?: string;
  /** Of a broken test: what was sent, and what came. */
  readonly exchange?: readonly ExchangeStep[];
}

export interface StatementReport extends Pick<Statement, 'id' | 'asks' | 'mandatory'> {
  readonly verdict: VerdictName;
}

export interface VersionReport {
  /** `3.1`, `3.1.1` or `5.0`. */
  readonly version: string;
  readonly statements: readonly StatementReport[];
  readonly tests: readonly TestReport[];
}

/** What a run found; its JSON form is what `--json` writes. */
export interface Report {
  /** Name and version of this package. */
  readonly tool: string;
  readonly target: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Why not every test ran. */
  readonly incomplete?: string;
  readonly versions: readonly VersionReport[];
}

export interface RunFacts extends Omit<Report, 'versions'> {
  readonly tests: readonly WireTest[];
  readonly results: readonly TestResult[];
  /** False: only some tests were asked for, and the statements that no test names are left out. */
  readonly isWhole: boolean;
}

/** Sorts the results by version, and derives the statements' verdicts from those of the tests that name them. */
export function makeReport(facts: RunFacts): Report {
  const { tests, results, isWhole, ...rest } = facts;
  const versions = ([5, 4, 3] as const).filter((version) => tests.some((test) => test.version === version));
  return {
    ...rest,
    versions: versions.map((version) => {
      const found = tests.filter((test) => test.version === version).map((test) => testReport(test, results, facts.incomplete));
      const statements = wireStatements(version).map(({ id, asks, mandatory }) => {
        const naming = found.filter(({ ids }) => ids.includes(id));
        return { id, asks, mandatory, verdict: combined(naming), isNamed: naming.length > 0 };
      });
      return {
        version: versionNames[version].replace('MQTT ', ''),
        statements: statements.filter(({ isNamed }) => isNamed || isWhole).map(({ isNamed: _, ...statement }) => statement),
        tests: found,
      };
    }),
  };
}

function testReport(test: WireTest, results: readonly TestResult[], incomplete: string | undefined): TestReport {
  const result = results.find((one) => one.test === test);
  const { ids, title } = test;
  if (result === undefined) return { ids, title, verdict: 'notObserved', milliseconds: 0, reason: `did not run: ${incomplete ?? ''}` };
  const { verdict, milliseconds } = result;
  if (verdict.verdict === 'holds') return { ids, title, verdict: 'holds', milliseconds };
  const { reason } = verdict;
  if (verdict.verdict !== 'broken') return { ids, title, verdict: verdict.verdict, milliseconds, reason };
  return { ids, title, verdict: 'broken', milliseconds, reason, exchange: verdict.exchange };
}

/** One test that is broken breaks the statement; otherwise one that holds is enough. No test at all: nothing was observed. */
function combined(tests: readonly TestReport[]): VerdictName {
  const order: readonly VerdictName[] = ['broken', 'holds', 'notObserved', 'notConfigurable'];
  return order.find((verdict) => tests.some((test) => test.verdict === verdict)) ?? 'notObserved';
}

/** The verdicts in words. */
export const verdictTexts: Readonly<Record<VerdictName, string>> = {
  holds: 'holds',
  broken: 'broken',
  notConfigurable: 'not configurable here',
  notObserved: 'not observed',
};

export function verdictText({ verdict, mandatory }: StatementReport): string {
  return verdict === 'broken' && !mandatory ? 'broken, not mandatory' : verdictTexts[verdict];
}

export function count(version: VersionReport, verdict: VerdictName): number {
  return version.statements.filter((statement) => statement.verdict === verdict).length;
}

/** Whether a mandatory statement is broken. */
export function isBroken({ versions }: Report): boolean {
  return versions.some(({ statements }) => statements.some(({ verdict, mandatory }) => verdict === 'broken' && mandatory));
}

/** What the ids of a test ask for. */
export function asked({ ids }: TestReport, { statements }: VersionReport): StatementReport[] {
  return ids.flatMap((id) => statements.find((statement) => statement.id === id) ?? []);
}
