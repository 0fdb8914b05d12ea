import { expect, test } from 'vitest';
import { type Verdict, type WireTest } from '../src/index.js';
import { junitReport } from '../src/report/junit.js';
import { isBroken, makeReport, type Report } from '../src/report/report.js';
import { textReport } from '../src/report/text.js';
import { elementsOf } from './well-formed.js';

const holds: Verdict = { verdict: 'holds' };
const unseen: Verdict = { verdict: 'notObserved', reason: 'no occasion' };
const lacking: Verdict = { verdict: 'notConfigurable', reason: 'the target has no users' };
const broken: Verdict = { verdict: 'broken', reason: 'a\u0001b & <c> "d"', exchange: [], error: new Error() };

/** A report of tests with these statements and verdicts; undefined did not run. */
function reportOf(version: WireTest['version'], ...rows: readonly (readonly [ids: string, verdict: Verdict | undefined])[]): Report {
  const tests = rows.map(
    ([ids], index): WireTest => ({ version, ids: ids.split(' '), title: `test ${index}`, needs: [], run: () => Promise.resolve() }),
  );
  const results = rows.flatMap(([, verdict], index) => (verdict === undefined ? [] : [{ test: tests[index], verdict, milliseconds: 5 }]));
  return makeReport({ tool: 't', target: 'x', startedAt: '2026-01-02T03:04:05Z', seconds: 1, tests, results, isWhole: false });
}

const verdictsOf = ({ versions }: Report) => versions[0].statements.map(({ id, verdict }) => `${id} ${verdict}`);

test('a statement is broken if one test is, holds if one does, and otherwise is what is known', () => {
  const report = reportOf(
    4,
    ['MQTT-3.12.4-1 MQTT-3.10.4-4', holds],
    ['MQTT-3.12.4-1', broken],
    ['MQTT-3.10.4-4', lacking],
    ['MQTT-3.10.4-5', lacking],
    ['MQTT-3.10.4-5', unseen],
    ['MQTT-3.10.4-6', lacking],
    ['MQTT-3.14.1-1', undefined],
  );
  expect(verdictsOf(report)).toEqual([
    'MQTT-3.10.4-4 holds',
    'MQTT-3.10.4-5 notObserved',
    'MQTT-3.10.4-6 notConfigurable',
    'MQTT-3.12.4-1 broken',
    'MQTT-3.14.1-1 notObserved',
  ]);
  expect(isBroken(report)).toBe(true);
});

test('what is no more than a habit of ours breaks nothing', () => {
  const report = reportOf(3, ['SI-3.1-6', broken], ['SI-3.1-9', holds]);
  expect(verdictsOf(report)).toEqual(['SI-3.1-6 broken', 'SI-3.1-9 holds']);
  expect(isBroken(report)).toBe(false);
  expect(textReport(report)).toMatch(/SI-3\.1-6 +broken, not mandatory/);
  expect(junitReport(report)).toContain('tests="2" failures="0" errors="0" skipped="1"');
});

test('JUnit XML is well-formed whatever a reason contains', () => {
  const xml = junitReport(reportOf(4, ['MQTT-3.12.4-1', broken], ['MQTT-3.10.4-4', unseen]));
  expect(elementsOf(xml)).toEqual(['testsuites', 'testsuite', 'testcase', 'failure', 'testcase', 'skipped']);
  expect(xml).toContain('<failure message="a\ufffdb &amp; &lt;c&gt; &quot;d&quot;">');
});
