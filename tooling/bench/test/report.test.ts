import { expect, test } from 'vitest';
import { type RunningBroker } from '../src/brokers/broker-process.js';
import { type Broker } from '../src/brokers/brokers.js';
import { noFaults } from '../src/generator/integrity.js';
import { baselineOf, worse } from '../src/report/baseline.js';
import { brokenPromises, figureTable, legend, throughputTable } from '../src/report/comparison.js';
import { replaceSection, sectionOf } from '../src/report/document.js';
import { type Report, reportRow } from '../src/report/report.js';
import { number, rate, toMarkdown, toText } from '../src/report/table.js';
import { type Row } from '../src/rows/row.js';
import { runRow } from '../src/run.js';
import { costFigure, reportWith, resultWith } from './report.js';

const report = reportWith({ kept: { 'si-mqtt': 1, mosquitto: 10, aedes: 20 }, broken: { 'si-mqtt': 3, mosquitto: 10 } });

test('the table has medians, ratios and whether the promise was kept', () => {
  expect(figureTable(report)).toEqual([
    ['workload', 'figure', 'si-mqtt', 'mosquitto', 'aedes', '÷ mosquitto', '÷ aedes', 'promised'],
    ['kept', 'cost, µs', '1.00', '10.0', '20.0', '0.10', '0.050', 'kept: ≤ 0.20 × mosquitto'],
    ['broken', 'cost, µs', '3.00', '10.0', '–', '0.30', '–', 'NOT KEPT: ≤ 0.20 × mosquitto'],
  ]);
  expect(brokenPromises(report)).toEqual(['broken: cost: ≤ 0.20 × mosquitto']);
});

test('figures that do not count, or not quite, are marked and explained', () => {
  const marked: Report = {
    ...report,
    rows: [
      {
        ...report.rows[0],
        brokers: {
          'si-mqtt': resultWith(1, { generatorShare: 0.97 }),
          mosquitto: resultWith(10, { faults: { ...noFaults(), lost: 3, corrupted: 1 } }),
          aedes: resultWith(20, { medians: {}, failure: 'it ended\nwith 1', otherCores: 0.5 }),
        },
      },
    ],
  };
  expect(figureTable(marked)[1].slice(2, 5)).toEqual(['1.00*', '10.0!', 'failed']);
  const lines = legend(marked).join('\n');
  expect(lines).toContain('* a process of the generator was above 95 %');
  expect(lines).toContain('~ other programs');
  expect(lines).toContain('mosquitto: 3 lost, 1 corrupted (kept)');
  expect(lines).toContain('aedes: it ended (kept)');
});

test('the throughput table says who was busy', () => {
  expect(throughputTable(report)[1]).toContain('1.00 M');
  expect(throughputTable(report)[1]).toContain('100 % / 50 %');
});

test('a worse ratio is told, a slightly worse one and a better one are not', () => {
  const baseline = baselineOf(report);
  expect(baseline.ratios['kept']).toEqual({ cost: { mosquitto: 0.1, aedes: 0.05 } });
  expect(worse(report, baseline)).toEqual([]);
  const later = reportWith({
    kept: { 'si-mqtt': 1.2, mosquitto: 10, aedes: 22 },
    broken: { 'si-mqtt': 1, mosquitto: 10 },
    new: { 'si-mqtt': 9, mosquitto: 1 },
  });
  expect(worse(later, baseline)).toEqual(['kept, cost: 0.12 × mosquitto, was 0.10 (+20 %)']);
});

test('a section of the document is replaced, and the rest stays', () => {
  const text = 'before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter';
  const once = replaceSection(text, 'a', 'new');
  expect(once).toBe('before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter');
  expect(replaceSection(once, 'a', 'new')).toBe(once);
  expect(() => replaceSection(text, 'b', 'new')).toThrow('bench:b');
  expect(sectionOf(report, [figureTable, throughputTable], legend)).toContain('2 cores of a processor');
});

test('tables for terminals and documents', () => {
  const table = [
    ['a', 'b'],
    ['long', '1|2'],
  ];
  expect(toText(table)).toBe('a       b\nlong  1|2');
  expect(toMarkdown(table)).toBe('| a    | b    |\n| ---- | ---- |\n| long | 1\\|2 |');
});

test('numbers are as long as they are exact', () => {
  expect([0.0512, 0.512, 5.12, 51.2, 512, 51_234, undefined].map(number)).toEqual(['0.051', '0.51', '5.12', '51.2', '512', '51,234', '–']);
  expect([1_234_567, 123_456, 1234, undefined].map(rate)).toEqual(['1.23 M', '123 k', '1234', '–']);
});

test('brokers take turns, a median is made of their runs, and one that fails stops nobody', async () => {
  const calls: string[] = [];
  const values: Record<string, number[]> = { a: [5, 1, 3], b: [20, 10, 30] };
  const running = (name: string): RunningBroker => ({ host: name, port: 1, stop: () => Promise.resolve(void calls.push(`stop ${name}`)) });
  const broker = (name: string, ok = true): Broker => ({
    name,
    version: '1',
    supports: () => true,
    start: () => (ok ? Promise.resolve(running(name)) : Promise.reject(new Error('no such program'))),
  });
  const row: Row = {
    name: 'row',
    title: 'a row',
    setup: 'memory',
    figures: [costFigure],
    measure: ({ host }) => {
      calls.push(host);
      return Promise.resolve({ values: { cost: values[host].shift() }, perSecond: 1, generatorShare: 0.1 });
    },
  };
  const plan = {
    brokers: [broker('a'), broker('b'), broker('c', false)],
    runs: 3,
    timing: { warmSeconds: 0, seconds: 0 },
    progress: () => undefined,
  };
  const result = reportRow(await runRow(row, plan));
  expect(calls.filter((call) => call.length === 1)).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  expect(calls.slice(0, 2)).toEqual(['a', 'stop a']);
  expect([result.brokers['a'].medians, result.brokers['b'].medians]).toEqual([{ cost: 3 }, { cost: 20 }]);
  expect(result.brokers['c'].failure).toBe('no such program');
});
