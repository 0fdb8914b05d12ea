import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { busySecondsOfMachine, canReadUsage, type Usage, usageOfTree } from '../process-tree.js';
import { Histogram } from './histogram.js';
import { addFaults, type Faults, judgeGroup, noFaults } from './integrity.js';
import { fanOf, type HoldingLoad, type TrafficLoad } from './load.js';
import { type TrafficResult, type TrafficSnapshot } from './traffic.js';
import { type Answer, type Request } from './worker.js';

/** How long, and of which broker. */
export interface Conditions {
  /** Load before the measurement begins. */
  readonly warmSeconds: number;
  readonly seconds: number;
  /** The broker's process; what it has started counts too. Absent for a broker elsewhere. */
  readonly brokerPid?: number;
  /** Processes that generate; by default as many as the machine has cores beside the broker's, at most four. */
  readonly processes?: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface TrafficMeasurement {
  readonly deliveriesPerSecond: number;
  /** User and system time of the broker's processes, divided by the deliveries; absent where it cannot be known. */
  readonly cpuMicrosecondsPerDelivery?: number;
  /** 1 is one core. */
  readonly brokerCores?: number;
  readonly brokerResidentBytes?: number;
  /** Of one core, of that generator process that was busiest. */
  readonly generatorShare: number;
  /** Cores that others used meanwhile, who should have been quiet. */
  readonly otherCores?: number;
  readonly latencyMicroseconds: Percentiles;
  /** Without the moments in which the machine was slow; absent where it was not watched, or slow for most of the time. */
  readonly steadyLatencyMicroseconds?: Percentiles;
  /** Part of the time that was left out of these. */
  readonly slowShare?: number;
  readonly faults: Faults;
}

export interface HoldingMeasurement {
  readonly seconds: number;
  /** What it took, all together; absent where it cannot be known. */
  readonly usage?: Usage;
}

const PROCESSES_MAX = 4;
const SETTLE_SECONDS = 2;
/** A generator that was busier than this may have bounded what was measured. */
export const GENERATOR_SHARE_MAX = 0.95;
/** Connections that one process holds: systems often permit 20,000 open files. */
const CONNECTIONS_PER_PROCESS_MAX = 3000;

/** One for each core beside the broker's, at most four. */
export const processesBesideBroker = (): number => Math.max(1, Math.min(PROCESSES_MAX, cpus().length - 1));

/** One more than there are cores, at most four. */
export const processesOnEveryCore = (): number => Math.min(PROCESSES_MAX, cpus().length + 1);

/** Loads a broker from processes of their own, and measures meanwhile. @throws Error if the broker refuses, closes or does not answer */
export async function measureTraffic(load: TrafficLoad, conditions: Conditions): Promise<TrafficMeasurement> {
  const processes = Math.min(conditions.processes ?? processesBesideBroker(), load.publishers + load.subscribers);
  const crew = new Crew(processes);
  try {
    const ports = await crew.askAll<number>((process) => ({ ask: 'traffic', load, share: { process, processes } }));
    await crew.askAll(() => ({ ask: 'open', ports }));
    await crew.askAll(() => ({ ask: 'start' }));
    await pause(conditions.warmSeconds * 1000);
    const from = await crew.askAll<TrafficSnapshot>(() => ({ ask: 'snapshot' }));
    const usageFrom = usageOf(conditions.brokerPid);
    const busyFrom = busySeconds();
    const begun = performance.now();
    await pause(conditions.seconds * 1000);
    const to = await crew.askAll<TrafficSnapshot>(() => ({ ask: 'snapshot' }));
    const usageTo = usageOf(conditions.brokerPid);
    const busyCores = busyFrom && ((busySeconds()! - busyFrom) * 1000) / (performance.now() - begun);
    const results = await crew.askAll<TrafficResult>(() => ({ ask: 'stop' }));
    const rates = ratesOf(from, to, usageFrom, usageTo);
    const otherCores = busyCores && Math.max(0, busyCores - (rates.brokerCores ?? 0) - rates.generatorCores);
    return { ...rates, otherCores, ...latenciesOf(results), faults: judge(load, results) };
  } finally {
    await crew.dismiss();
  }
}

/** Has a freshly started broker hold what the load says, and measures what that has cost. */
export async function measureHolding(load: HoldingLoad, brokerPid: number | undefined): Promise<HoldingMeasurement> {
  const processes = Math.ceil(load.connections / CONNECTIONS_PER_PROCESS_MAX);
  const crew = new Crew(processes);
  try {
    await crew.askAll((process) => ({ ask: 'holding', load, share: { process, processes } }));
    const from = usageOf(brokerPid);
    const begun = performance.now();
    await crew.askAll(() => ({ ask: 'open', ports: [] }));
    const seconds = (performance.now() - begun) / 1000;
    // What the broker does after its last answer belongs to it, too.
    await pause(SETTLE_SECONDS * 1000);
    const to = usageOf(brokerPid);
    const usage = from && to && { cpuSeconds: to.cpuSeconds - from.cpuSeconds, residentBytes: to.residentBytes - from.residentBytes };
    return { seconds, usage };
  } finally {
    await crew.dismiss();
  }
}

export interface BacklogRound {
  /** Messages a second that were published to absent sessions, from the first connection to the last acknowledgement. */
  readonly enqueuedPerSecond: number;
  /** Messages a second that their clients got when they came back, from the first connection until all have left. */
  readonly drainedPerSecond: number;
  readonly faults: Faults;
}

/**
 * Has a broker queue messages for sessions whose clients are away, and deliver them, several times.
 * @param settled called after each round
 */
export async function measureBacklog(
  load: TrafficLoad,
  messagesEach: number,
  rounds: number,
  settled: () => Promise<void>,
): Promise<BacklogRound[]> {
  const crew = new Crew(processesBesideBroker());
  const messages = load.publishers * messagesEach;
  const found: BacklogRound[] = [];
  try {
    await crew.askAll((process, processes) => ({ ask: 'backlog', load, messagesEach, share: { process, processes } }));
    await crew.askAll(() => ({ ask: 'open', ports: [] }));
    for (let round = 0; round < rounds; round++) {
      const begun = performance.now();
      await crew.askAll(() => ({ ask: 'fill' }));
      const filled = performance.now();
      const results = await crew.askAll<Faults>(() => ({ ask: 'drain' }));
      const drained = performance.now();
      const faults = noFaults();
      for (const result of results) addFaults(faults, result);
      found.push({
        enqueuedPerSecond: (messages * 1000) / (filled - begun),
        drainedPerSecond: (messages * 1000) / (drained - filled),
        faults,
      });
      await settled();
    }
    return found;
  } finally {
    await crew.dismiss();
  }
}

/** What all processes together have seen go wrong. */
export function judge(load: TrafficLoad, results: readonly TrafficResult[]): Faults {
  const faults = noFaults();
  for (const result of results) addFaults(faults, result.faults);
  for (let publisher = 0; publisher < load.publishers; publisher++) {
    const published = total(results.map((result) => result.published[publisher]));
    if (load.pattern === 'shared') {
      const groups = results.map((result) => result.groups[publisher]);
      const tally = { received: total(groups.map(({ received }) => received)), sum: total(groups.map(({ sum }) => sum)) | 0 };
      addFaults(faults, judgeGroup(tally, published));
    } else {
      faults.lost += Math.max(0, published * fanOf(load) - total(results.map((result) => result.settled[publisher])));
    }
  }
  return faults;
}

function ratesOf(
  from: readonly TrafficSnapshot[],
  to: readonly TrafficSnapshot[],
  usageFrom: Usage | undefined,
  usageTo: Usage | undefined,
): Omit<TrafficMeasurement, keyof MeasuredLatencies | 'faults'> & { readonly generatorCores: number } {
  const each = (value: (snapshot: TrafficSnapshot) => number): number[] =>
    to.map((snapshot, index) => value(snapshot) - value(from[index]));
  const deliveries = total(each((snapshot) => snapshot.deliveries));
  if (deliveries === 0) throw new Error('nothing was delivered');
  const seconds = each((snapshot) => snapshot.milliseconds / 1000);
  const shares = each((snapshot) => snapshot.cpuSeconds).map((cpu, index) => cpu / seconds[index]);
  const cpu = usageFrom && usageTo && usageTo.cpuSeconds - usageFrom.cpuSeconds;
  return {
    deliveriesPerSecond: deliveries / Math.max(...seconds),
    cpuMicrosecondsPerDelivery: cpu && (cpu * 1e6) / deliveries,
    brokerCores: cpu && cpu / Math.max(...seconds),
    brokerResidentBytes: usageTo?.residentBytes,
    generatorShare: Math.max(...shares),
    generatorCores: total(shares),
  };
}

/** Of a machine that was slow for longer there are no latencies that say something about a broker. */
const SLOW_SHARE_MAX = 0.6;

type MeasuredLatencies = Pick<TrafficMeasurement, 'latencyMicroseconds' | 'steadyLatencyMicroseconds' | 'slowShare'>;

function latenciesOf(results: readonly TrafficResult[]): MeasuredLatencies {
  const latencyMicroseconds = percentilesOf(results.map(({ latency }) => latency.all));
  const watched = results.flatMap(({ latency: { steady, slowShare } }) => (steady && slowShare !== undefined ? { steady, slowShare } : []));
  if (watched.length === 0) return { latencyMicroseconds };
  const slowShare = total(watched.map((process) => process.slowShare)) / watched.length;
  if (slowShare > SLOW_SHARE_MAX) return { latencyMicroseconds, slowShare };
  return { latencyMicroseconds, steadyLatencyMicroseconds: percentilesOf(watched.map(({ steady }) => steady)), slowShare };
}

function percentilesOf(parts: readonly (readonly number[])[]): Percentiles {
  const histogram = new Histogram();
  for (const counts of parts) histogram.add(counts);
  return { p50: histogram.percentile(0.5), p99: histogram.percentile(0.99), p999: histogram.percentile(0.999) };
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

const busySeconds = (): number | undefined => (canReadUsage ? busySecondsOfMachine() : undefined);

const usageOf = (pid: number | undefined): Usage | undefined => (pid === undefined || !canReadUsage ? undefined : usageOfTree(pid));

const workerFile = fileURLToPath(new URL('./worker.js', import.meta.url));

/** The generator's processes. */
class Crew {
  readonly #children: readonly ChildProcess[];

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () => fork(workerFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** Asks all at the same time, and waits for all answers. */
  askAll<Value>(request: (process: number, processes: number) => Request): Promise<Value[]> {
    return Promise.all(this.#children.map((child, process) => ask<Value>(child, request(process, this.#children.length))));
  }

  /** Lets the processes go, and waits for their end: they must not disturb what is measured next. */
  async dismiss(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (!child.connected) return;
        child.disconnect();
        await once(child, 'exit');
      }),
    );
  }
}

function ask<Value>(child: ChildProcess, request: Request): Promise<Value> {
  return new Promise((resolve, reject) => {
    const answered = (answer: Answer): void => {
      child.off('exit', ended);
      if (answer.failure === undefined) resolve(answer.value as Value);
      else reject(new Error(answer.failure));
    };
    const ended = (code: number | null): void => {
      child.off('message', answered);
      reject(new Error(`a process of the generator ended with ${code}`));
    };
    child.once('message', answered).once('exit', ended);
    child.send(request);
  });
}
