// The part of the trace that needs no run: statement lists, exceptions, comments, reports.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const lists = { 'MQTT 5.0': 'mqtt5-statements.tsv', 'MQTT 3.1.1': 'mqtt311-statements.tsv', 'MQTT 3.1': 'mqtt31-differences.tsv' };
const exceptionsMax = 10;

function readRows(file) {
  const rows = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => row.split('\t'));
}

/** Version name → id → row. */
export function readStatements(folder) {
  return new Map(
    Object.entries(lists).map(([version, file]) => [
      version,
      new Map(readRows(join(folder, file)).map(([id, role, testable, gist]) => [id, { id, role, testable, gist }])),
    ]),
  );
}

/** Statements that our server cannot show, each with the reason; `instead` is the alternative that it takes where the specification offers one. */
export function readExceptions(folder) {
  return readRows(join(folder, 'exceptions.tsv')).map(([version, id, instead, reason]) => ({ version, id, instead, reason }));
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
 * What vitest's JSON reports prove. A statement is proved if in each suite, that is over each transport, a test that names it passed, and
 * none that names it failed; skipped ones count for nothing. `unknown` lists ids that are in no list.
 */
export function traceReports(reports, statements) {
  const passed = new Map([...statements.keys()].map((version) => [version, new Map()]));
  const failed = new Map([...statements.keys()].map((version) => [version, new Set()]));
  const [unknown, suites] = [new Set(), new Set()];
  for (const test of reports.flatMap((report) => report.testResults).flatMap((file) => file.assertionResults)) {
    const version = test.ancestorTitles.find((title) => statements.has(title));
    if (version === undefined) continue;
    const [suite] = test.ancestorTitles;
    suites.add(suite);
    const [head] = /^(?:\[[^\]]+\] )+/.exec(test.title) ?? [''];
    for (const [, id] of head.matchAll(/\[([^\]]+)\]/g)) {
      if (!statements.get(version).has(id)) unknown.add(`${version} ${id}`);
      if (test.status === 'failed') failed.get(version).add(id);
      if (test.status !== 'passed') continue;
      const of = passed.get(version);
      of.set(id, (of.get(id) ?? new Set()).add(suite));
    }
  }
  const proved = new Map(
    [...passed].map(([version, of]) => {
      const everywhere = [...of].filter(([id, where]) => where.size === suites.size && !failed.get(version).has(id));
      return [version, new Set(everywhere.map(([id]) => id))];
    }),
  );
  return { proved, failed, unknown: [...unknown], suites: [...suites] };
}

/** What is wrong with the list of exceptions, as sentences. It is short, and an entry goes when its statement can be shown. */
export function faultsOf(exceptions, statements, proved) {
  const faults = [];
  // Exceptions that stand for the same choice between alternatives count as one.
  const counted = new Set(exceptions.map(({ version, id, instead }) => `${version} ${instead || id}`));
  if (counted.size > exceptionsMax) faults.push(`${counted.size} exceptions are more than ${exceptionsMax}`);
  for (const { version, id, instead, reason } of exceptions) {
    const named = `the exception ${version} ${id}`;
    if (statements.get(version)?.get(id)?.testable !== 'wire') faults.push(`${named} is no statement that shows on the wire`);
    else if (proved.get(version).has(id)) faults.push(`${named} is proved, and has to go`);
    if (instead && !proved.get(version)?.has(instead)) faults.push(`${named}: the alternative ${instead} is not proved`);
    if (!reason) faults.push(`${named} has no reason`);
  }
  return faults;
}

/** The statements of one version that show on the wire, by what is known of them; breaches of a client's duties show by the server's reaction. */
export function statesOf(list, proved, comments, excepted) {
  const states = { holds: [], excepted: [], obeyed: [], silent: [] };
  for (const { id, testable } of list.values()) {
    if (testable !== 'wire') continue;
    states[proved.has(id) ? 'holds' : excepted.has(id) ? 'excepted' : comments.has(id) ? 'obeyed' : 'silent'].push(id);
  }
  return states;
}
