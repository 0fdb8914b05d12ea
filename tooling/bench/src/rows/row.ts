import { type RunningBroker } from '../brokers/broker-process.js';
import { type Setup } from '../brokers/brokers.js';
import { measureTraffic, processesBesideBroker, processesOnEveryCore } from '../generator/generator.js';
import { type Faults } from '../generator/integrity.js';
import { type TrafficLoad } from '../generator/load.js';

/** One number that a row gives for each broker. Less is better, unless a least value was promised. */
export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly goal?: Goal;
}

/** What was promised for this broker. */
export interface Goal {
  /** By another broker's name: at most so many times its figure in the same run. */
  readonly ratioMax?: Readonly<Record<string, number>>;
  readonly valueMax?: number;
  readonly valueMin?: number;
}

/** What one run of a row has found for one broker. */
export interface Sample {
  /** By the figure's key; what cannot be known here is left out. */
  readonly values: Readonly<Record<string, number | undefined>>;
  readonly perSecond?: number;
  /** Cores that the broker used. */
  readonly brokerCores?: number;
  /** Of one core, of the generator's busiest process. */
  readonly generatorShare?: number;
  /** Cores that others used meanwhile. */
  readonly otherCores?: number;
  /** Part of the time in which the machine was slow, where it was watched. */
  readonly slowShare?: number;
  readonly faults?: Faults;
}

export interface Timing {
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Of the generator. */
  readonly processes?: number;
}

/** One workload. A new kind of workload is a new `measure`; how often it runs, and what becomes of the figures, is not its concern. */
export interface Row {
  /** For the command line. */
  readonly name: string;
  readonly title: string;
  readonly setup: Setup;
  readonly figures: readonly Figure[];
  /** Before the broker starts. */
  prepare?(): Promise<void>;
  measure(broker: RunningBroker, timing: Timing): Promise<Sample>;
}

export const CPU_PER_DELIVERY = 'cpuMicrosecondsPerDelivery';
export const LATENCY_P50 = 'latencyP50Microseconds';
export const LATENCY_P99 = 'latencyP99Microseconds';
/** Of a paced load, without the moments in which the machine was slow. */
export const STEADY_P50 = 'steadyLatencyP50Microseconds';
export const STEADY_P99 = 'steadyLatencyP99Microseconds';
export const KILOBYTES_EACH = 'kilobytesEach';
export const CPU_EACH = 'cpuMicrosecondsEach';

/** A load without the broker's address. */
export type Workload = Omit<TrafficLoad, 'host' | 'port'>;

/** What rows have in common unless they say otherwise. */
export const usual: Workload = {
  protocolVersion: 4,
  pattern: 'p2p',
  publishers: 10,
  subscribers: 10,
  qos: 0,
  burst: 32,
  window: 1000,
  payloadBytes: 64,
  properties: false,
};

/**
 * A client pays for the same system calls as the broker. So with as many processes as there are cores beside the broker's, a fast broker waits for
 * its clients and finds one message at a time: what it costs under little load would be measured. With more processes than cores the scheduler gives the clients
 * the larger part of the machine, so that more messages wait, although no broker has a core of its own then. At a given pace nothing has to be kept waiting, and another process would
 * only compete for the cores.
 */
function processesFor({ messagesPerSecond }: Workload): number {
  return messagesPerSecond === undefined ? processesOnEveryCore() : processesBesideBroker();
}

export async function measureWorkload(workload: Workload, broker: RunningBroker, timing: Timing): Promise<Sample> {
  const load = { ...workload, host: broker.host, port: broker.port };
  const processes = timing.processes ?? processesFor(workload);
  const found = await measureTraffic(load, { ...timing, processes, brokerPid: broker.pid });
  return {
    values: {
      [CPU_PER_DELIVERY]: found.cpuMicrosecondsPerDelivery,
      [LATENCY_P50]: found.latencyMicroseconds.p50,
      [LATENCY_P99]: found.latencyMicroseconds.p99,
      [STEADY_P50]: found.steadyLatencyMicroseconds?.p50,
      [STEADY_P99]: found.steadyLatencyMicroseconds?.p99,
    },
    perSecond: found.deliveriesPerSecond,
    brokerCores: found.brokerCores,
    generatorShare: found.generatorShare,
    otherCores: found.otherCores,
    slowShare: found.slowShare,
    faults: found.faults,
  };
}
