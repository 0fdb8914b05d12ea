import { expect, test } from 'vitest';
import { markdownReport } from '../src/report/markdown.js';
import { type Report, type TestReport } from '../src/report/report.js';

const step = { connection: 1, direction: 'sent', hexadecimal: 'c0 00', meaning: ['PINGREQ'] } as const;

/** A report in which `count` tests are broken, each with `steps` steps. */
function reportOf(count: number, steps: number): Report {
  const tests: TestReport[] = Array.from({ length: count }, (_, index) => ({
    ids: ['MQTT-3.12.4-1'],
    title: `test ${index} of * and | and <b>`,
    verdict: 'broken',
    milliseconds: 1,
    reason: 'nothing came',
    exchange: Array.from({ length: steps }, () => step),
  }));
  const statements = [{ id: 'MQTT-3.12.4-1', asks: 'PINGREQ is answered', mandatory: true, verdict: 'broken' as const }];
  return { tool: 't', target: 'a_b', startedAt: '2026-01-02T03:04:05Z', seconds: 1, versions: [{ version: '5.0', statements, tests }] };
}

test('shows the last steps, and how many there were before', () => {
  const text = markdownReport(reportOf(1, 20));
  expect(text.match(/PINGREQ$/gm)).toHaveLength(12);
  expect(text).toContain('```text\n… 8 steps before\n1 → PINGREQ\n');
});

test('takes names as text', () => {
  const text = markdownReport(reportOf(1, 1));
  expect(text).toContain('# MQTT conformance of a\\_b\n');
  expect(text).toContain('## Broken: test 0 of \\* and \\| and \\<b\\> (MQTT 5.0)');
});

test('fits into one issue, however much is broken', () => {
  for (const count of [1, 100, 200, 250]) expect(markdownReport(reportOf(count, 24)).length, `${count}`).toBeLessThan(65_536);
});
