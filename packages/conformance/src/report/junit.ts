import { exchangeText } from '../wire/exchange.js';
import { asked, type Report, type TestReport, type VersionReport } from './report.js';

/** XML text: what XML 1.0 cannot hold becomes U+FFFD. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A test counts as failed only if it shows a mandatory statement broken, as the exit code does. */
function fails(test: TestReport, version: VersionReport): boolean {
  return test.verdict === 'broken' && asked(test, version).some(({ mandatory }) => mandatory);
}

/** JUnit's XML, as continuous integration reads it: a suite for each version, a case for each test. */
export function junitReport(report: Report): string {
  const counts = (versions: readonly VersionReport[]) => {
    const tests = versions.flatMap((version) => version.tests.map((test) => ({ test, version })));
    const failures = tests.filter(({ test, version }) => fails(test, version)).length;
    const skipped = tests.filter(({ test }) => test.verdict !== 'holds').length - failures;
    return `tests="${tests.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escaped(`MQTT conformance of ${report.target}`)}" ${counts(report.versions)} time="${report.seconds}">`,
    ...report.versions.flatMap((version) => [
      `  <testsuite name="MQTT ${version.version}" ${counts([version])} timestamp="${report.startedAt.slice(0, 19)}">`,
      ...version.tests.map((test) => testCase(test, version)),
      '  </testsuite>',
    ]),
    '</testsuites>\n',
  ].join('\n');
}

function testCase(test: TestReport, version: VersionReport): string {
  const name = `${test.ids.map((id) => `[${id}]`).join(' ')} ${test.title}`;
  const start = `    <testcase classname="MQTT ${version.version}" name="${escaped(name)}" time="${test.milliseconds / 1000}"`;
  if (test.verdict === 'holds') return `${start}/>`;
  const message = escaped(test.reason ?? '');
  const content = fails(test, version)
    ? `<failure message="${message}">${escaped(details(test, version))}</failure>`
    : `<skipped message="${test.verdict === 'broken' ? `not mandatory: ${message}` : message}"/>`;
  return `${start}>${content}</testcase>`;
}

function details(test: TestReport, version: VersionReport): string {
  const lines = asked(test, version).map(({ id, asks }) => `${id}: ${asks}`);
  return [...lines, test.reason ?? '', exchangeText(test.exchange ?? [])].join('\n');
}
