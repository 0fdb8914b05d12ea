import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type StartBroker, startMosquitto, startSiMqtt } from './brokers.js';
import { type Load, type Measurement } from './point-to-point.js';

// `pnpm bench:quick`: processor time per delivery of this broker, as a ratio to mosquitto's in the same run. Times of different machines say
// nothing about each other; ratios do. The brokers alternate, and the median counts.

interface Row {
  readonly name: string;
  readonly pairs: number;
  readonly burst: number;
  readonly window: number;
  /** The ratio that was promised for it. */
  readonly ratioMax: number;
}

const rows: readonly Row[] = [
  { name: 'p2p QoS 0 batched: 10 pairs, 32 messages per write', pairs: 10, burst: 32, window: 1000, ratioMax: 0.25 },
  { name: 'p2p QoS 0 unbatched: 100 pairs, 1 message per write', pairs: 100, burst: 1, window: 10, ratioMax: 0.75 },
];
const PAYLOAD_BYTES = 64;
const WARM_SECONDS = 1;

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    ours: { type: 'string', default: `${process.execPath} ${fromHere('../../../apps/broker/dist/main.js')} --config {config}` },
    output: { type: 'string', default: fromHere('../../../.cache/bench-quick.json') },
  },
});

/** Starts a fresh broker, lets the generator's own process load it, and stops it. */
async function measure(start: StartBroker, row: Row, folder: string): Promise<Measurement> {
  const broker = await start(folder);
  try {
    const load: Load = {
      host: '127.0.0.1',
      port: broker.port,
      pairs: row.pairs,
      burst: row.burst,
      window: row.window,
      payloadBytes: PAYLOAD_BYTES,
      warmSeconds: WARM_SECONDS,
      seconds: Number(options.seconds),
      brokerPid: broker.pid,
    };
    // Not the synchronous kind: somebody has to read what the broker writes meanwhile, or it would block on a full pipe.
    const timeout = (Number(options.seconds) + 90) * 1000;
    const { stdout } = await promisify(execFile)(process.execPath, [fromHere('./load.js'), JSON.stringify(load)], { timeout });
    return JSON.parse(stdout) as Measurement;
  } finally {
    await broker.stop();
  }
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const cpu = (runs: readonly Measurement[]): number => median(runs.map((run) => run.brokerCpuMicrosecondsPerDelivery));
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

async function compare(row: Row, folder: string) {
  const brokers: Record<string, StartBroker> = { mosquitto: startMosquitto, 'si-mqtt': startSiMqtt(options.ours) };
  const runs: Record<string, Measurement[]> = { mosquitto: [], 'si-mqtt': [] };
  print(row.name);
  for (let run = 0; run < Number(options.runs); run++) {
    for (const [name, start] of Object.entries(brokers)) {
      const found = await measure(start, row, folder);
      runs[name].push(found);
      const figures = [
        `${found.brokerCpuMicrosecondsPerDelivery.toFixed(2).padStart(7)} µs`,
        `${Math.round(found.deliveriesPerSecond / 1000)} k/s`.padStart(8),
        `broker ${Math.round(found.brokerCpuShare * 100)} %`.padStart(13),
        `generator ${Math.round(found.generatorCpuShare * 100)} %`.padStart(15),
      ];
      print(
        `  ${name.padEnd(10)}${figures.join('  ')}${found.lost > 0 ? `  lost ${found.lost}` : ''}${found.outOfOrder > 0 ? `  out of order ${found.outOfOrder}` : ''}`,
      );
    }
  }
  const ratio = cpu(runs['si-mqtt']) / cpu(runs['mosquitto']);
  const medians = `mosquitto ${cpu(runs['mosquitto']).toFixed(2)} µs, si-mqtt ${cpu(runs['si-mqtt']).toFixed(2)} µs`;
  print(
    `  median     ${medians}, ratio ${ratio.toFixed(3)} (promised: at most ${row.ratioMax}) ${ratio <= row.ratioMax ? 'kept' : 'NOT KEPT'}\n`,
  );
  return { ...row, ratio, runs };
}

const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-bench-'));
try {
  const results = [];
  for (const row of rows) results.push(await compare(row, folder));
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
  const output = resolve(options.output);
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, `${JSON.stringify({ date: new Date().toISOString(), machine, payloadBytes: PAYLOAD_BYTES, results }, null, 2)}\n`);
  print(`written to ${output}`);
  const broken = results.some(({ runs }) =>
    Object.values(runs)
      .flat()
      .some(({ lost, outOfOrder }) => lost > 0 || outOfOrder > 0),
  );
  if (broken) throw new Error('messages were lost or out of order: the figures above do not count');
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
