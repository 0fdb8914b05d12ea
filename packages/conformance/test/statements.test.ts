import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { nameOf, versionNames, wireTests } from '../src/index.js';
// @ts-expect-error The trace is a plain script.
import { faultsOf, idsInComments, readExceptions, readStatements, statesOf, traceReports } from '../trace-reports.mjs';

interface Statement {
  readonly id: string;
  readonly role: 'server' | 'client' | 'both';
  readonly testable: 'wire' | 'client' | 'doc' | 'internal';
}

interface Exception {
  readonly version: string;
  readonly id: string;
  readonly instead: string;
  readonly reason: string;
}

const spec = fileURLToPath(new URL('../spec', import.meta.url));
const statements = readStatements(spec) as Map<string, Map<string, Statement>>;

test('the lists are whole', () => {
  expect([...statements].map(([version, list]) => [version, list.size])).toEqual([
    ['MQTT 5.0', 251],
    ['MQTT 3.1.1', 141],
    ['MQTT 3.1', 9],
  ]);
});

test('every wire test names statements of its version that show on the wire', () => {
  const wrong = wireTests.flatMap((one) =>
    one.ids.filter((id) => statements.get(versionNames[one.version])?.get(id)?.testable !== 'wire').map((id) => `${id} ${one.title}`),
  );
  expect(wrong).toEqual([]);
});

test('no two tests of a version have the same title', () => {
  const titles = wireTests.map((one) => `${one.version} ${one.title}`);
  expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
});

test('every statement that shows on the wire has a test', () => {
  const named = new Set(wireTests.flatMap(({ version, ids }) => ids.map((id) => `${versionNames[version]} ${id}`)));
  const untested = [...statements].flatMap(([version, list]) =>
    [...list.values()]
      .filter(({ id, testable }) => testable === 'wire' && !named.has(`${version} ${id}`))
      .map(({ id }) => `${version} ${id}`),
  );
  expect(untested).toEqual([]);
});

test('names begin with the ids', () => {
  expect(nameOf({ version: 5, ids: ['MQTT-3.3.4-9', 'MQTT-4.9.0-1'], title: 'quota', needs: [], run: () => Promise.resolve() })).toBe(
    '[MQTT-3.3.4-9] [MQTT-4.9.0-1] quota',
  );
});

function report(...rows: readonly (readonly [version: string, title: string, status: string])[]) {
  return {
    testResults: [{ assertionResults: rows.map(([version, title, status]) => ({ ancestorTitles: ['x', version], title, status })) }],
  };
}

test('the trace counts what passed and nothing else', () => {
  const { proved, failed, unknown } = traceReports(
    [
      report(
        ['MQTT 5.0', '[MQTT-3.3.4-9] [MQTT-4.9.0-1] a', 'passed'],
        ['MQTT 5.0', '[MQTT-4.9.0-2] skipped', 'skipped'],
        ['MQTT 5.0', '[MQTT-4.9.0-3] passed once, failed once', 'passed'],
        ['MQTT 5.0', '[MQTT-4.9.0-3] passed once, failed once', 'failed'],
        ['MQTT 3.1.1', '[MQTT-2.3.1-1] b [MQTT-2.3.1-4]', 'passed'],
        ['MQTT 3.1.1', '[MQTT-4.9.0-2] an id of 5.0', 'passed'],
        ['another suite', '[MQTT-3.1.0-1] c', 'passed'],
      ),
    ],
    statements,
  ) as { proved: Map<string, Set<string>>; failed: Map<string, Set<string>>; unknown: string[] };
  expect([...(proved.get('MQTT 5.0') ?? [])]).toEqual(['MQTT-3.3.4-9', 'MQTT-4.9.0-1']);
  expect([...(proved.get('MQTT 3.1.1') ?? [])].filter((id) => statements.get('MQTT 3.1.1')?.has(id))).toEqual(['MQTT-2.3.1-1']);
  expect([...(failed.get('MQTT 5.0') ?? [])]).toEqual(['MQTT-4.9.0-3']);
  expect(unknown).toEqual(['MQTT 3.1.1 MQTT-4.9.0-2']);
});

test('what holds over one transport only is not proved', () => {
  const file = (suite: string, ...titles: string[]) => ({
    assertionResults: titles.map((title) => ({ ancestorTitles: [suite, 'MQTT 5.0'], title, status: 'passed' })),
  });
  const testResults = [file('TCP', '[MQTT-3.3.4-9] a', '[MQTT-4.9.0-1] b'), file('WebSocket', '[MQTT-3.3.4-9] a')];
  const { proved, suites } = traceReports([{ testResults }], statements) as { proved: Map<string, Set<string>>; suites: string[] };
  expect([[...(proved.get('MQTT 5.0') ?? [])], suites]).toEqual([['MQTT-3.3.4-9'], ['TCP', 'WebSocket']]);
});

test('the trace reads ids in comments by version', () => {
  const found = idsInComments([
    '// [MQTT-3.1.2-24]',
    '// [v3.1.1 MQTT-3.1.3-8] and [MQTT-1.5.4-1, v3.1.1 MQTT-1.5.3-1]',
    'no MQTT-9.9.9-9',
  ]) as Map<string, Set<string>>;
  expect([...(found.get('MQTT 5.0') ?? [])]).toEqual(['MQTT-3.1.2-24', 'MQTT-1.5.4-1']);
  expect([...(found.get('MQTT 3.1.1') ?? [])]).toEqual(['MQTT-3.1.3-8', 'MQTT-1.5.3-1']);
});

const exception: Exception = { version: 'MQTT 5.0', id: 'MQTT-3.3.4-5', instead: 'MQTT-3.3.4-4', reason: 'one copy for all' };
const provedBy = (...ids: readonly string[]) => new Map([['MQTT 5.0', new Set(ids)]]);

test('our exceptions are few, and each has a reason', () => {
  const exceptions = readExceptions(spec) as Exception[];
  expect(faultsOf(exceptions, statements, provedBy(...exceptions.map(({ instead }) => instead)))).toEqual([]);
});

test.each([
  ['is proved, and has to go', [exception], ['MQTT-3.3.4-4', 'MQTT-3.3.4-5']],
  ['the alternative MQTT-3.3.4-4 is not proved', [exception], []],
  ['is no statement that shows on the wire', [{ ...exception, id: 'MQTT-3.1.2-20' }], ['MQTT-3.3.4-4']],
  ['is no statement that shows on the wire', [{ ...exception, id: 'MQTT-9.9.9-9' }], ['MQTT-3.3.4-4']],
  ['has no reason', [{ ...exception, reason: '' }], ['MQTT-3.3.4-4']],
  ['11 exceptions are more than 10', Array.from({ length: 11 }, (_, n) => ({ ...exception, id: `MQTT-3.1.2-${n + 1}`, instead: '' })), []],
])('the trace fails on an exception that %s', (fault, exceptions, proved) => {
  expect(faultsOf(exceptions, statements, provedBy(...proved))).toEqual([expect.stringContaining(fault)]);
});

test('exceptions for one choice between alternatives count as one', () => {
  const same = Array.from({ length: 11 }, (_, n) => ({ ...exception, id: `MQTT-3.1.2-${n + 1}` }));
  expect(faultsOf(same, statements, provedBy('MQTT-3.3.4-4'))).toEqual([]);
});

test('the trace sorts what shows on the wire, whoever has the duty', () => {
  const rows = ['wire', 'wire', 'wire', 'wire', 'client', 'doc'].map((testable, n) => ({ id: `${n}`, role: 'client', testable }));
  const list = new Map(rows.map((row) => [row.id, row]));
  expect(statesOf(list, new Set(['0']), new Set(['0', '1', '2']), new Set(['1']))).toEqual({
    holds: ['0'],
    excepted: ['1'],
    obeyed: ['2'],
    silent: ['3'],
  });
});
