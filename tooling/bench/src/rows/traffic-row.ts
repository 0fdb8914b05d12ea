import {
  CPU_PER_DELIVERY,
  type Figure,
  LATENCY_P50,
  LATENCY_P99,
  measureWorkload,
  type Row,
  STEADY_P50,
  STEADY_P99,
  type Workload,
} from './row.js';

export const cpuFigure: Figure = { key: CPU_PER_DELIVERY, label: 'CPU per delivery', unit: 'µs' };
export const latencyFigures: readonly Figure[] = [
  { key: LATENCY_P50, label: 'latency, median', unit: 'µs' },
  { key: LATENCY_P99, label: 'latency, 99 %', unit: 'µs' },
];

/** At a given pace. */
export const pacedFigures: Readonly<Record<'median' | 'p99' | 'p99AtAnyTime', Figure>> = {
  median: { key: STEADY_P50, label: 'latency, median', unit: 'µs' },
  p99: { key: STEADY_P99, label: 'latency, 99 %', unit: 'µs' },
  /** The machine's slow moments included. */
  p99AtAnyTime: { key: LATENCY_P99, label: 'latency, 99 % at any time', unit: 'µs' },
};

/** A row in memory about one closed loop. */
export function trafficRow(name: string, title: string, workload: Workload, figures: readonly Figure[]): Row {
  return { name, title, setup: 'memory', figures, measure: (broker, timing) => measureWorkload(workload, broker, timing) };
}
