import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker } from './brokers/brokers.js';
import { type Row, type Sample, type Timing } from './rows/row.js';

/** What all runs of one row have found. */
export interface RowResult {
  readonly row: Row;
  /** By the broker's name; a broker that failed has the reason instead. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly failures: ReadonlyMap<string, string>;
}

export interface RunPlan {
  readonly brokers: readonly Broker[];
  readonly runs: number;
  readonly timing: Timing;
  /** Told after each measurement. */
  progress(row: Row, run: number, broker: Broker, found: Sample | Error): void;
}

/** Measures one row: the brokers take turns (A B C A B C), each freshly started every time. */
export async function runRow(row: Row, { brokers, runs, timing, progress }: RunPlan): Promise<RowResult> {
  const samples = new Map<string, Sample[]>();
  const failures = new Map<string, string>();
  for (let run = 0; run < runs; run++) {
    for (const broker of brokers) {
      if (!broker.supports(row.setup) || failures.has(broker.name)) continue;
      try {
        const sample = await measureOnce(broker, row, timing);
        samples.set(broker.name, [...(samples.get(broker.name) ?? []), sample]);
        progress(row, run, broker, sample);
      } catch (error) {
        failures.set(broker.name, (error as Error).message);
        progress(row, run, broker, error as Error);
      }
    }
  }
  return { row, samples, failures };
}

async function measureOnce(broker: Broker, row: Row, timing: Timing): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-bench-'));
  try {
    await row.prepare?.();
    const running = await broker.start(folder, row.setup);
    try {
      return await row.measure(running, timing);
    } finally {
      await running.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
