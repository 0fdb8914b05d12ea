import { holdingRow } from './holding-row.js';
import { type Row, usual, type Workload } from './row.js';
import { cpuFigure, pacedFigures, trafficRow } from './traffic-row.js';

// The rows that this broker is judged by. Their parameters are part of what was promised: change none.

const WINDOW_UNBATCHED = 10;
const WINDOW_ACKNOWLEDGED = 100;
const WINDOW_FAN = 50;
const PACED_PER_SECOND = 10_000;
/** As a ratio to aedes: in rows where many messages share a system call, and in the others. */
const AEDES_BATCHED = 1 / 8;
const AEDES_UNBATCHED = 1 / 3;

const unbatched = { publishers: 100, subscribers: 100, burst: 1, window: WINDOW_UNBATCHED };
const fanIn = { pattern: 'fan-in', publishers: 100, subscribers: 1, burst: 1, window: WINDOW_FAN } as const;
const fanOut = { pattern: 'fan-out', publishers: 1, subscribers: 100, burst: 1, window: WINDOW_FAN } as const;
const acknowledged = { window: WINDOW_ACKNOWLEDGED };

export const acceptanceRows: readonly Row[] = [
  delivery('p2p-qos0-batched', 'QoS 0, 10 pairs, 32 messages per write', {}, 0.1, AEDES_BATCHED),
  delivery('p2p-qos0-unbatched', 'QoS 0, 100 pairs, 1 message per write', unbatched, 0.55, AEDES_UNBATCHED),
  delivery('fan-in', 'QoS 0, 100 publishers to 1 subscriber', fanIn, 0.5, AEDES_UNBATCHED),
  delivery('fan-out', 'QoS 0, 1 publisher to 100 subscribers', fanOut, 0.14, AEDES_BATCHED),
  delivery('p2p-qos1-batched', 'QoS 1, 10 pairs, 32 messages per write', { qos: 1, ...acknowledged }, 0.12, AEDES_BATCHED),
  delivery('p2p-qos1-unbatched', 'QoS 1, 100 pairs, 1 message per write', { qos: 1, ...unbatched }, 0.4, AEDES_UNBATCHED),
  delivery('p2p-qos2-batched', 'QoS 2, 10 pairs, 32 messages per write', { qos: 2, ...acknowledged }, 0.12, AEDES_BATCHED),
  paced('paced-qos0', 'QoS 0, 100 pairs, 10,000 messages a second', 0),
  paced('paced-qos1', 'QoS 1, 100 pairs, 10,000 messages a second', 1),
  holdingRow('idle', '9,000 idle connections', {
    unit: 'connection',
    memory: { valueMax: 6 },
    cpu: { ratioMax: { mosquitto: 8 } },
    load: {},
  }),
];

/** Processor time for each delivery, as a ratio to mosquitto's and to aedes'. */
function delivery(name: string, title: string, changes: Partial<Workload>, mosquitto: number, aedes: number): Row {
  return trafficRow(name, title, { ...usual, ...changes }, [{ ...cpuFigure, goal: { ratioMax: { mosquitto, aedes } } }]);
}

function paced(name: string, title: string, qos: 0 | 1): Row {
  const workload: Workload = { ...usual, ...unbatched, ...acknowledged, qos, messagesPerSecond: PACED_PER_SECOND };
  const { median, p99, p99AtAnyTime } = pacedFigures;
  const ratioMax = { mosquitto: 4 };
  const figures = [median, { ...p99, goal: { ratioMax, valueMax: 2000 } }, { ...p99AtAnyTime, goal: { ratioMax } }];
  return trafficRow(name, title, workload, figures);
}
