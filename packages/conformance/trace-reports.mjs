// The part of the trace that needs no run: statement lists, comments, reports.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const lists = { 'MQTT 5.0': 'mqtt5-statements.tsv', 'MQTT 3.1.1': 'mqtt311-statements.tsv', 'MQTT 3.1': 'mqtt31-differences.tsv' };

/** Version name → id → row. */
export function readStatements(folder) {
  return new Map(
    Object.entries(lists).map(([version, file]) => {
      const rows = readFileSync(join(folder, file), 'utf8').trim().split('\n').slice(1);
      return [
        version,
        new Map(
          rows.map((row) => {
            const [id, role, testable, gist] = row.split('\t');
            return [id, { id, role, testable, gist }];
          }),
        ),
      ];
    }),
  );
}

/** Version name → ids that stand in brackets in the sources; `v3.1.1` in the same brackets tells the version, 5.0 is meant without. */
export function idsInComments(texts) {
  const found = new Map(Object.keys(lists).map((version) => [version, new Set()]));
  for (const text of texts) {
    for (const [, content] of text.matchAll(/\[([^[\]]*(?:MQTT|SI)-\d[^[\]]*)\]/g)) {
      for (const part of content.split(',')) {
        const [id] = /MQTT-\d+\.\d+\.\d+-\d+|SI-3\.1-\d+/.exec(part) ?? [];
        if (id === undefined) continue;
        found.get(id.startsWith('SI') ? 'MQTT 3.1' : part.includes('v3.1.1') ? 'MQTT 3.1.1' : 'MQTT 5.0').add(id);
      }
    }
  }
  return found;
}

/**
 * What vitest's JSON reports prove. A statement is proved if a test that names it passed and none that names it failed; skipped ones count
 * for nothing. `unknown` lists ids that are in no list.
 */
export function traceReports(reports, statements) {
  const passed = new Map([...statements.keys()].map((version) => [version, new Set()]));
  const failed = new Map([...statements.keys()].map((version) => [version, new Set()]));
  const unknown = new Set();
  for (const test of reports.flatMap((report) => report.testResults).flatMap((file) => file.assertionResults)) {
    const version = test.ancestorTitles.find((title) => statements.has(title));
    if (version === undefined) continue;
    const [head] = /^(?:\[[^\]]+\] )+/.exec(test.title) ?? [''];
    for (const [, id] of head.matchAll(/\[([^\]]+)\]/g)) {
      if (!statements.get(version).has(id)) unknown.add(`${version} ${id}`);
      if (test.status === 'passed') passed.get(version).add(id);
      if (test.status === 'failed') failed.get(version).add(id);
    }
  }
  const proved = new Map([...passed].map(([version, ids]) => [version, new Set([...ids].filter((id) => !failed.get(version).has(id)))]));
  return { proved, failed, unknown: [...unknown] };
}
