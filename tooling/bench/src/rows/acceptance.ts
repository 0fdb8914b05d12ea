import { measureConnections } from '../generator/generator.js';
import {
  BYTES_PER_CONNECTION,
  CPU_PER_CONNECTION,
  CPU_PER_DELIVERY,
  type Goal,
  LATENCY_P50,
  LATENCY_P99,
  measureWorkload,
  type Row,
  usual,
  type Workload,
} from './row.js';

// The rows that this broker is judged by. Their parameters are part of what was promised: change none.

const WINDOW_UNBATCHED = 10;
const WINDOW_ACKNOWLEDGED = 100;
const WINDOW_FAN = 50;
const CONNECTIONS = 9000;
const PACED_PER_SECOND = 10_000;
/** As a ratio to aedes: in rows where many messages share a system call, and in the others. */
const AEDES_BATCHED = 1 / 8;
const AEDES_UNBATCHED = 1 / 3;

const pairs = (count: number): Pick<Workload, 'publishers' | 'subscribers'> => ({ publishers: count, subscribers: count });
const unbatched = { ...pairs(100), burst: 1, window: WINDOW_UNBATCHED };

export const acceptanceRows: readonly Row[] = [
  delivery('p2p-qos0-batched', 'QoS 0, 10 pairs, 32 messages per write', {}, 0.1, AEDES_BATCHED),
  delivery('p2p-qos0-unbatched', 'QoS 0, 100 pairs, 1 message per write', unbatched, 0.55, AEDES_UNBATCHED),
  delivery(
    'fan-in',
    'QoS 0, 100 publishers to 1 subscriber',
    { pattern: 'fan-in', publishers: 100, subscribers: 1, burst: 1, window: WINDOW_FAN },
    0.5,
    AEDES_UNBATCHED,
  ),
  delivery(
    'fan-out',
    'QoS 0, 1 publisher to 100 subscribers',
    { pattern: 'fan-out', publishers: 1, subscribers: 100, burst: 1, window: WINDOW_FAN },
    0.14,
    AEDES_BATCHED,
  ),
  delivery('p2p-qos1-batched', 'QoS 1, 10 pairs, 32 messages per write', { qos: 1, window: WINDOW_ACKNOWLEDGED }, 0.12, AEDES_BATCHED),
  delivery('p2p-qos1-unbatched', 'QoS 1, 100 pairs, 1 message per write', { ...unbatched, qos: 1 }, 0.4, AEDES_UNBATCHED),
  delivery('p2p-qos2-batched', 'QoS 2, 10 pairs, 32 messages per write', { qos: 2, window: WINDOW_ACKNOWLEDGED }, 0.12, AEDES_BATCHED),
  paced('paced-qos0', 'QoS 0, 100 pairs, 10,000 messages a second', 0),
  paced('paced-qos1', 'QoS 1, 100 pairs, 10,000 messages a second', 1),
  connections('idle', '9,000 idle connections', {
    memory: { valueMax: 6 },
    cpu: { ratioMax: { mosquitto: 8 } },
  }),
];

/** Processor time for each delivery, as a ratio to mosquitto's and to aedes'. */
function delivery(name: string, title: string, changes: Partial<Workload>, mosquitto: number, aedes: number): Row {
  const workload = { ...usual, ...changes };
  return {
    name,
    title,
    setup: 'memory',
    figures: [{ key: CPU_PER_DELIVERY, label: 'CPU per delivery', unit: 'µs', goal: { ratioMax: { mosquitto, aedes } } }],
    measure: (broker, timing) => measureWorkload(workload, broker, timing),
  };
}

function paced(name: string, title: string, qos: 0 | 1): Row {
  const workload: Workload = { ...usual, ...unbatched, qos, window: WINDOW_ACKNOWLEDGED, messagesPerSecond: PACED_PER_SECOND };
  return {
    name,
    title,
    setup: 'memory',
    figures: [
      { key: LATENCY_P50, label: 'latency, median', unit: 'µs' },
      { key: LATENCY_P99, label: 'latency, 99 %', unit: 'µs', goal: { ratioMax: { mosquitto: 4 }, valueMax: 2000 } },
    ],
    measure: (broker, timing) => measureWorkload(workload, broker, timing),
  };
}

export function connections(name: string, title: string, { memory, cpu, count = CONNECTIONS, subscribe = false }: ConnectionsRow): Row {
  return {
    name,
    title,
    setup: 'memory',
    figures: [
      { key: BYTES_PER_CONNECTION, label: 'memory per connection', unit: 'kB', goal: memory },
      { key: CPU_PER_CONNECTION, label: 'CPU per connect', unit: 'µs', goal: cpu },
    ],
    async measure({ host, port, pid }) {
      const found = await measureConnections({ host, port, protocolVersion: 4, connections: count, subscribe }, pid);
      const bytes = found.residentBytesPerConnection;
      return {
        values: { [BYTES_PER_CONNECTION]: bytes && bytes / 1024, [CPU_PER_CONNECTION]: found.cpuMicrosecondsPerConnection },
        perSecond: found.connectionsPerSecond,
      };
    },
  };
}

interface ConnectionsRow {
  readonly memory?: Goal;
  readonly cpu?: Goal;
  readonly count?: number;
  /** Whether each has a subscription of its own. */
  readonly subscribe?: boolean;
}
