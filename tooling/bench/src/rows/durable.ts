import { setTimeout as pause } from 'node:timers/promises';
import { type RunningBroker } from '../brokers/broker-process.js';
import { type Backend } from '../brokers/databases.js';
import { measureBacklog, measureTraffic } from '../generator/generator.js';
import { addFaults, noFaults } from '../generator/integrity.js';
import { type CommitCounts, commitCountsOf, millisecondsWithin } from './commit-counts.js';
import { CPU_PER_DELIVERY, type Figure, type Row, type Sample, type Timing, usual, type Workload } from './row.js';

// QoS 1 to persistent sessions, acknowledged when the database has it. The parameters are part of what was promised: change none.

const PAIRS = 50;
const OUTSTANDING = 100;
const SESSION_EXPIRY_SECONDS = 3600;
/** Well below the 10,000 messages that a session's queue holds by default. */
const BACKLOG_EACH = 4000;
const ROUNDS = 2;
/** What has been acknowledged is removed a moment later, and what that leaves free is given back bit by bit. */
const SETTLE_SECONDS_MAX = 30;
const LOOK_MILLISECONDS = 3000;
const MEGABYTE = 1024 * 1024;
/** Files may grow by so much. */
const GROWTH_MAX = 64;
/** What a second round adds, but for the fluctuations of a write-ahead log. */
const SECOND_GROWTH_MAX = 16;

const workload: Workload = {
  ...usual,
  protocolVersion: 5,
  publishers: PAIRS,
  subscribers: PAIRS,
  qos: 1,
  window: OUTSTANDING,
  sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
};

/** Messages a second: both subscribers there, and clients that were away. */
interface Promised {
  readonly online?: number;
  readonly offline?: number;
}

const promised: Readonly<Record<string, Promised>> = {
  'sqlite-flushed': { online: 50_000, offline: 20_000 },
  'sqlite-synced': { offline: 20_000 },
  mariadb: { online: 30_000, offline: 10_000 },
};

export function durableRow(backend: Backend): Row {
  const { online, offline } = promised[backend.name] ?? {};
  const least = (valueMin: number | undefined): Pick<Figure, 'goal'> => (valueMin === undefined ? {} : { goal: { valueMin } });
  const figures: Figure[] = [
    { key: 'online', label: 'acknowledged and delivered', unit: 'messages/s', ...least(online) },
    { key: CPU_PER_DELIVERY, label: 'CPU per message', unit: 'µs' },
    { key: 'commitP50', label: 'commit, median', unit: 'ms' },
    { key: 'commitP99', label: 'commit, 99 %', unit: 'ms' },
    { key: 'messagesPerCommit', label: 'messages per commit', unit: '' },
    { key: 'enqueued', label: 'queued for absent clients', unit: 'messages/s', ...least(offline) },
    { key: 'drained', label: 'fetched when they came back', unit: 'messages/s', ...least(offline) },
    { key: 'growth', label: 'database larger than at the start', unit: 'MB', goal: { valueMax: GROWTH_MAX } },
    { key: 'secondGrowth', label: 'larger after a second round', unit: 'MB', goal: { valueMax: SECOND_GROWTH_MAX } },
    { key: 'rowsLeft', label: 'rows of messages left', unit: '', goal: { valueMax: 0 } },
  ];
  return {
    name: `durable/${backend.name}`,
    title: backend.title,
    setup: backend,
    figures,
    prepare: () => backend.prepare(),
    measure: (broker, timing) => measureDurable(backend, broker, timing),
  };
}

async function measureDurable(backend: Backend, broker: RunningBroker, timing: Timing): Promise<Sample> {
  const { folder, host, port } = broker;
  if (folder === undefined) throw new Error('what a broker elsewhere stores cannot be seen from here');
  const sizes = [await backend.bytes(folder)];
  const settled = async (): Promise<void> => {
    const deadline = performance.now() + SETTLE_SECONDS_MAX * 1000;
    for (let before = Number.POSITIVE_INFINITY; performance.now() < deadline; ) {
      await pause(LOOK_MILLISECONDS);
      const bytes = await backend.bytes(folder);
      if (bytes >= before) break;
      before = bytes;
    }
    sizes.push(await backend.bytes(folder));
  };
  const before = await commitsOf(broker);
  const online = await measureTraffic({ ...workload, host, port }, { ...timing, brokerPid: broker.pid });
  const commits = before.since(await commitsOf(broker));
  const backlog = await measureBacklog({ ...workload, host, port }, BACKLOG_EACH, ROUNDS, settled);
  await broker.stop();
  const rowsLeft = await backend.messageRows(folder);
  const faults = noFaults();
  for (const round of [online, ...backlog]) addFaults(faults, round.faults);
  const [start, first, second] = sizes;
  return {
    values: {
      online: online.deliveriesPerSecond,
      [CPU_PER_DELIVERY]: online.cpuMicrosecondsPerDelivery,
      commitP50: millisecondsWithin(commits, 0.5),
      commitP99: millisecondsWithin(commits, 0.99),
      messagesPerCommit: (online.deliveriesPerSecond * (timing.seconds + timing.warmSeconds)) / commits.total,
      enqueued: Math.min(...backlog.map(({ enqueuedPerSecond }) => enqueuedPerSecond)),
      drained: Math.min(...backlog.map(({ drainedPerSecond }) => drainedPerSecond)),
      growth: (first - start) / MEGABYTE,
      secondGrowth: (second - first) / MEGABYTE,
      rowsLeft,
    },
    perSecond: online.deliveriesPerSecond,
    brokerCores: online.brokerCores,
    generatorShare: online.generatorShare,
    otherCores: online.otherCores,
    faults,
  };
}

async function commitsOf({ metricsUrl }: RunningBroker): Promise<CommitCounts> {
  if (metricsUrl === undefined) throw new Error('only the metrics of si-mqtt say how long a commit takes');
  return commitCountsOf(await (await fetch(metricsUrl)).text());
}
