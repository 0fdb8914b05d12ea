import { acceptanceRows } from './acceptance.js';
import { holdingRow } from './holding-row.js';
import { type Row, usual, type Workload } from './row.js';
import { cpuFigure, latencyFigures, pacedFigures, trafficRow } from './traffic-row.js';

// The whole matrix. Patterns, qualities of service, batching and protocol versions in all combinations at 64 bytes; sizes, pace and the rest beside them.

const UNDER_WAY_BYTES = 64 * 1024;
const PACED_PER_SECOND = 10_000;
const FAST_SUBSCRIBERS = 20;

const qualities = [0, 1, 2] as const;
const versions = [
  { name: 'v3.1.1', changes: { protocolVersion: 4, properties: false } },
  { name: 'v5-properties', changes: { protocolVersion: 5, properties: true } },
] as const;
const batching = ['batched', 'unbatched'] as const;
type Batching = (typeof batching)[number];

/** Who takes part, as in the rows that were promised. */
const patterns: Readonly<Record<Workload['pattern'], (batched: Batching, qos: number) => Partial<Workload>>> = {
  p2p: (batched, qos) =>
    batched === 'batched' ? { window: qos === 0 ? 1000 : 100 } : { publishers: 100, subscribers: 100, burst: 1, window: 10 },
  'fan-in': (batched) => ({ publishers: batched === 'batched' ? 10 : 100, subscribers: 1, ...burst(batched), window: 50 }),
  'fan-out': (batched) => ({ publishers: 1, subscribers: 100, ...burst(batched), window: 50 }),
  shared: (batched) => ({ publishers: batched === 'batched' ? 10 : 100, subscribers: 10, ...burst(batched), window: 50 }),
};
const burst = (batched: Batching): Partial<Workload> => ({ burst: batched === 'batched' ? 32 : 1 });

export function fullRows(): Row[] {
  return [
    ...combinations(),
    ...sizes(),
    ...paced(),
    ...slow(),
    ...acceptanceRows.filter(({ name }) => name === 'idle'),
    ...storms(),
    ...millions(),
  ];
}

function combinations(): Row[] {
  return (Object.keys(patterns) as Workload['pattern'][]).flatMap((pattern) =>
    qualities.flatMap((qos) =>
      batching.flatMap((batched) =>
        versions.map(({ name, changes }) => {
          const workload: Workload = { ...usual, ...patterns[pattern](batched, qos), ...changes, pattern, qos };
          return trafficRow(`${pattern}/qos${qos}/${batched}/${name}`, `${pattern}, QoS ${qos}, ${batched}, ${name}`, workload, [
            cpuFigure,
          ]);
        }),
      ),
    ),
  );
}

/** As many bytes under way whatever the size of a message. */
export function ofSize(payloadBytes: number): Workload {
  const window = Math.max(1, Math.min(usual.window, Math.floor(UNDER_WAY_BYTES / payloadBytes)));
  return { ...usual, payloadBytes, window, burst: Math.min(usual.burst, window) };
}

function sizes(): Row[] {
  return [16, 256, 1024, 4096, 16_384, 65_536].flatMap((bytes) =>
    ([0, 1] as const).map((qos) => {
      const workload = { ...ofSize(bytes), qos };
      return trafficRow(`payload/${bytes}/qos${qos}`, `p2p, QoS ${qos}, payload ${bytes} bytes`, workload, [cpuFigure]);
    }),
  );
}

function paced(): Row[] {
  return qualities.flatMap((qos) =>
    versions.map(({ name, changes }) => {
      const workload = { ...usual, ...patterns.p2p('unbatched', qos), ...changes, qos, window: 100, messagesPerSecond: PACED_PER_SECOND };
      return trafficRow(`paced/qos${qos}/${name}`, `10,000 messages a second, QoS ${qos}, ${name}`, workload, Object.values(pacedFigures));
    }),
  );
}

/** What one subscriber that reads nothing does to twenty that do. */
function slow(): Row[] {
  return ([0, 1] as const).map((qos) => {
    const workload: Workload = {
      ...usual,
      pattern: 'fan-out',
      publishers: 1,
      subscribers: FAST_SUBSCRIBERS,
      qos,
      burst: 1,
      window: 50,
      stalledSubscribers: 1,
    };
    return trafficRow(`slow/qos${qos}`, `1 to ${FAST_SUBSCRIBERS} and one that reads nothing, QoS ${qos}`, workload, [
      cpuFigure,
      ...latencyFigures,
    ]);
  });
}

function storms(): Row[] {
  return ([4, 5] as const).map((protocolVersion) => {
    const name = protocolVersion === 4 ? 'v3.1.1' : 'v5';
    const load = { protocolVersion, subscriptionsEach: 1 };
    return holdingRow(`storm/${name}`, `9,000 connect and subscribe, ${name}`, { unit: 'connection', load });
  });
}

function millions(): Row[] {
  return [
    holdingRow('million/subscriptions', 'a million subscriptions, 1,000 connections', {
      unit: 'subscription',
      load: { connections: 1000, subscriptionsEach: 1000 },
    }),
    holdingRow('million/retained', 'a million retained messages of 64 bytes', {
      unit: 'message',
      load: { connections: 10, retainedEach: 100_000 },
    }),
  ];
}
