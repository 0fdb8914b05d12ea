import { cpus, release } from 'node:os';
import { type Broker } from '../brokers/brokers.js';
import { GENERATOR_SHARE_MAX } from '../generator/generator.js';
import { addFaults, type Faults, isFaulty, noFaults } from '../generator/integrity.js';
import { type Figure, type Sample } from '../rows/row.js';
import { type RowResult } from '../run.js';
import { median } from '../statistics.js';

/** One run of the command, as it is written to a file and read again. */
export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly kernel: string; readonly node: string };
  /** Name and version, ours first. */
  readonly brokers: readonly { readonly name: string; readonly version: string }[];
  readonly runs: number;
  readonly seconds: number;
  readonly rows: readonly ReportRow[];
}

export interface ReportRow {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** By the broker's name. */
  readonly brokers: Readonly<Record<string, BrokerResult>>;
}

export interface BrokerResult {
  /** Medians, by the figure's key. */
  readonly medians: Readonly<Record<string, number>>;
  readonly perSecond?: number;
  /** Cores that the broker used. */
  readonly brokerCores?: number;
  /** The highest of all runs: one core is 1. */
  readonly generatorShare?: number;
  /** Cores that others used. */
  readonly otherCores?: number;
  /** Part of the time in which the machine was slow. */
  readonly slowShare?: number;
  /** Of all runs together. */
  readonly faults: Faults;
  /** Why there are no figures. */
  readonly failure?: string;
  readonly samples: readonly Sample[];
}

export function reportRow({ row, samples, failures }: RowResult): ReportRow {
  const names = new Set([...samples.keys(), ...failures.keys()]);
  const brokers = [...names].map((name) => [name, brokerResult(row.figures, samples.get(name) ?? [], failures.get(name))] as const);
  return { name: row.name, title: row.title, figures: row.figures, brokers: Object.fromEntries(brokers) };
}

function brokerResult(figures: readonly Figure[], samples: readonly Sample[], failure: string | undefined): BrokerResult {
  const medians: Record<string, number> = {};
  for (const { key } of figures) {
    const value = medianOf(samples.map(({ values }) => values[key]));
    if (value !== undefined) medians[key] = value;
  }
  const faults = noFaults();
  for (const sample of samples) if (sample.faults) addFaults(faults, sample.faults);
  const shares = samples.flatMap(({ generatorShare }) => generatorShare ?? []);
  return {
    medians,
    perSecond: medianOf(samples.map(({ perSecond }) => perSecond)),
    brokerCores: medianOf(samples.map(({ brokerCores }) => brokerCores)),
    generatorShare: shares.length > 0 ? Math.max(...shares) : undefined,
    otherCores: medianOf(samples.map(({ otherCores }) => otherCores)),
    slowShare: medianOf(samples.map(({ slowShare }) => slowShare)),
    faults,
    failure,
    samples,
  };
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.flatMap((value) => value ?? []);
  return known.length > 0 ? median(known) : undefined;
}

/** How many times the other broker's figure the one broker's is. */
export function ratio(row: ReportRow, key: string, broker: string, other: string): number | undefined {
  const value = row.brokers[broker]?.medians[key];
  const base = row.brokers[other]?.medians[key];
  return value === undefined || !base ? undefined : value / base;
}

/** Whether the generator may have bounded what the row shows for this broker. */
export const isGeneratorBound = (result: BrokerResult): boolean => (result.generatorShare ?? 0) > GENERATOR_SHARE_MAX;

/** Cores that other programs may use without being noticed in the figures. */
const OTHER_CORES_MAX = 0.1;

/** Whether the machine was not quiet, in the median of the runs. */
export const isDisturbed = (result: BrokerResult): boolean => (result.otherCores ?? 0) > OTHER_CORES_MAX;

/** What did not arrive as it should, in words, if anything. */
export function faultText(faults: Faults): string | undefined {
  if (!isFaulty(faults)) return undefined;
  const counts = Object.entries(faults).filter(([, count]) => count > 0);
  return counts.map(([name, count]) => `${count} ${name}`).join(', ');
}

export function machine(): Report['machine'] {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, kernel: release(), node: process.version };
}

export const brokersOf = (brokers: readonly Broker[]): Report['brokers'] => brokers.map(({ name, version }) => ({ name, version }));
