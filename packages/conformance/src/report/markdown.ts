import { exchangeText } from '../wire/exchange.js';
import { asked, count, type Report, type TestReport, type VersionReport, verdictText } from './report.js';
import { byReason } from './text.js';

function escaped(text: string): string {
  return text.replaceAll(/[\\`*_|<>[\]]/g, '\\$&').replaceAll('\n', ' ');
}

/** What GitHub takes as one issue is 65,536 characters. */
const charactersMax = 60_000;

/** For an issue of the broker's project: what is broken in full, the rest in short. The more is broken, the shorter are the exchanges. */
export function markdownReport(report: Report): string {
  for (const steps of [12, 6, 3]) {
    const text = withSteps(report, steps);
    if (text.length <= charactersMax) return text;
  }
  return withSteps(report, 1);
}

function withSteps(report: Report, steps: number): string {
  const parts = [
    `# MQTT conformance of ${escaped(report.target)}`,
    `Judged by ${report.tool} on ${report.startedAt.slice(0, 10)}, in ${report.seconds} seconds.${
      report.incomplete === undefined ? '' : ` **Incomplete**: ${escaped(report.incomplete)}`
    }`,
    summary(report),
    ...report.versions.flatMap((version) =>
      version.tests.filter(({ verdict }) => verdict === 'broken').map((test) => broken(test, version, steps)),
    ),
    ...report.versions.map(unjudged),
    ...report.versions.map(held),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function summary({ versions }: Report): string {
  return [
    '| | statements | hold | broken | not configurable here | not observed |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...versions.map((version) => {
      const { statements } = version;
      const numbers = (['holds', 'broken', 'notConfigurable', 'notObserved'] as const).map((name) => count(version, name));
      return `| MQTT ${[version.version, statements.length, ...numbers].join(' | ')} |`;
    }),
  ].join('\n');
}

function broken(test: TestReport, version: VersionReport, steps: number): string {
  const { exchange = [] } = test;
  const earlier = Math.max(0, exchange.length - steps);
  return [
    `## Broken: ${escaped(test.title)} (MQTT ${version.version})`,
    asked(test, version)
      .map(({ id, asks }) => `- **${id}**: ${escaped(asks)}`)
      .join('\n'),
    `What is wrong: ${escaped(test.reason ?? '')}`,
    `\`\`\`text\n${earlier === 0 ? '' : `… ${earlier} steps before\n`}${exchangeText(exchange.slice(-steps))}\n\`\`\``,
  ].join('\n\n');
}

function unjudged({ version, tests }: VersionReport): string {
  const rows = (['notConfigurable', 'notObserved'] as const).flatMap((verdict) =>
    [...byReason(tests, verdict)].map(([reason, ids]) => `| ${escaped(reason)} | ${ids.join(', ')} |`),
  );
  return rows.length === 0 ? '' : [`## Not judged (MQTT ${version})\n`, '| why | statements |', '| --- | --- |', ...rows].join('\n');
}

function held({ version, statements }: VersionReport): string {
  const ids = statements.filter(({ verdict }) => verdict === 'holds').map(({ id }) => id);
  return ids.length === 0 ? '' : `## Holds (MQTT ${version})\n\n${ids.join(', ')}`;
}

/** A table with every statement of a report, for documents: nothing in it changes from run to run unless a verdict does. */
export function statementTables(report: Report): string {
  return report.versions
    .map(({ version, statements }) =>
      [
        `## MQTT ${version}\n`,
        '| statement | verdict | what it asks |',
        '| --- | --- | --- |',
        ...statements.map((statement) => `| ${statement.id} | ${verdictText(statement)} | ${escaped(statement.asks)} |`),
      ].join('\n'),
    )
    .join('\n\n');
}
