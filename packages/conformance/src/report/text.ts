import { exchangeText } from '../wire/exchange.js';
import { asked, count, type Report, type TestReport, type VerdictName, type VersionReport, verdictText, verdictTexts } from './report.js';

const idWidth = 16;
const verdictWidth = 23;

/** For a terminal: every statement with its verdict, then what is broken in full, what was not judged, and the numbers. */
export function textReport(report: Report): string {
  const { versions } = report;
  const parts = [
    ...versions.map(statements),
    ...versions.flatMap((version) => version.tests.filter(({ verdict }) => verdict === 'broken').map((test) => broken(test, version))),
    ...versions.flatMap(({ version, tests }) => [unjudged(version, tests, 'notConfigurable'), unjudged(version, tests, 'notObserved')]),
    summary(report),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function statements({ version, statements: list }: VersionReport): string {
  const rows = list.map(
    (statement) => `  ${statement.id.padEnd(idWidth)} ${verdictText(statement).padEnd(verdictWidth)} ${statement.asks}`,
  );
  return [`MQTT ${version}`, ...rows].join('\n');
}

export function indented(text: string, by: string): string {
  return text.replaceAll(/^/gm, by);
}

function broken(test: TestReport, version: VersionReport): string {
  return [
    `broken: ${test.title} (MQTT ${version.version})`,
    '  the specification asks',
    ...asked(test, version).map(({ id, asks }) => `    ${id}: ${asks}`),
    '  what is wrong',
    indented(test.reason ?? '', '    '),
    '  what was sent (→) and what came (←)',
    indented(exchangeText(test.exchange ?? []), '    '),
  ].join('\n');
}

/** Tests without a verdict, by what they lack. */
export function byReason(tests: readonly TestReport[], verdict: VerdictName): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { reason = '', ids, verdict: own } of tests) {
    if (own === verdict) found.set(reason, [...new Set([...(found.get(reason) ?? []), ...ids])]);
  }
  return found;
}

function unjudged(version: string, tests: readonly TestReport[], verdict: VerdictName): string {
  const rows = [...byReason(tests, verdict)].flatMap(([reason, ids]) => [`  ${reason}`, `    ${ids.join(' ')}`]);
  return rows.length === 0 ? '' : [`${verdictTexts[verdict]} (MQTT ${version})`, ...rows].join('\n');
}

function summary(report: Report): string {
  const names = ['holds', 'broken', 'notConfigurable', 'notObserved'] as const;
  const head = ['statements', ...names.map((name) => verdictTexts[name])];
  const rows = report.versions.map((version) => [
    `MQTT ${version.version}`,
    ...[version.statements.length, ...names.map((name) => count(version, name))].map((number, index) =>
      String(number).padStart(head[index].length),
    ),
  ]);
  return [
    `${report.target}, judged by ${report.tool} in ${report.seconds} s`,
    `  ${[''.padEnd(11), ...head].join('  ')}`,
    ...rows.map(([name, ...numbers]) => `  ${[name.padEnd(11), ...numbers].join('  ')}`),
    ...(report.incomplete === undefined ? [] : [`incomplete: ${report.incomplete}`]),
  ].join('\n');
}
