import { noFaults } from '../src/generator/integrity.js';
import { type BrokerResult, type Report } from '../src/report/report.js';
import { type Figure, type Sample } from '../src/rows/row.js';

export const costFigure: Figure = { key: 'cost', label: 'cost', unit: 'µs', goal: { ratioMax: { mosquitto: 0.2 } } };

export function resultWith(cost: number, changes: Partial<BrokerResult> = {}): BrokerResult {
  const samples: Sample[] = [];
  return { medians: { cost }, perSecond: 1e6 / cost, brokerCores: 1, generatorShare: 0.5, faults: noFaults(), samples, ...changes };
}

/** A report with one figure for each row and broker. */
export function reportWith(rows: Readonly<Record<string, Readonly<Record<string, number>>>>): Report {
  return {
    date: '2026-01-02T03:04:05.000Z',
    command: 'npm run bench',
    machine: { cpu: 'a processor', cores: 2, kernel: '6.1', node: 'v20.19.0' },
    brokers: ['si-mqtt', 'mosquitto', 'aedes'].map((name) => ({ name, version: '1.0' })),
    runs: 3,
    seconds: 2,
    rows: Object.entries(rows).map(([name, costs]) => ({
      name,
      title: name,
      figures: [costFigure],
      brokers: Object.fromEntries(Object.entries(costs).map(([broker, cost]) => [broker, resultWith(cost)])),
    })),
  };
}
