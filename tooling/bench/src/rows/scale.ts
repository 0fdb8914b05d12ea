import { ofSize } from './full.js';
import { type Row, usual, type Workload } from './row.js';
import { cpuFigure, trafficRow } from './traffic-row.js';

/** Rows that differ in one number only. */
export interface Series {
  readonly name: string;
  /** What grows. */
  readonly axis: string;
  readonly points: readonly { readonly x: number; readonly row: Row }[];
}

/** Messages under way in all connections together, where their number grows. */
const UNDER_WAY = 1000;

export const scaleSeries: readonly Series[] = [
  series('subscriptions', 'other subscriptions', [1, 100, 10_000, 100_000, 1_000_000], (count) => ({
    ...usual,
    otherSubscriptions: count,
  })),
  series('topics', 'topics in turn', [10, 1000, 10_000, 100_000, 1_000_000], (count) => ({
    ...usual,
    topicsPerPublisher: count / usual.publishers,
  })),
  series('connections', 'connections', [10, 100, 1000, 9000], (count) => {
    const pairs = count / 2;
    return { ...usual, publishers: pairs, subscribers: pairs, burst: 1, window: Math.max(1, Math.floor(UNDER_WAY / pairs)) };
  }),
  series('payload', 'payload, bytes', [16, 64, 256, 1024, 4096, 16_384, 65_536], ofSize),
];

function series(name: string, axis: string, values: readonly number[], workload: (x: number) => Workload): Series {
  const points = values.map((x) => ({
    x,
    row: trafficRow(`${name}/${x}`, `${axis}: ${x.toLocaleString('en')}`, workload(x), [cpuFigure]),
  }));
  return { name, axis, points };
}
