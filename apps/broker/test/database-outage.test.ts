import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HistoryRecorder, overTcp, Workload, WorkloadClient } from '@si-mqtt/conformance';
import { type Service, startFerretdb, startMariadb, startMysql } from '@si-mqtt/services';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { CutProxy } from './cut-proxy.js';
import { configurationFile, databaseAt, type ServerDriver } from './databases.js';
import { judged } from './judged.js';

const MIB = 1024 * 1024;
const pendingBytesMax = MIB;
const quotaExceeded = 0x97;
const outstanding = 100;
const pressers = 8;
const payloadBytes = 16_384;
/** Whoever is being read when the bound is reached is read to the end of its turn, and once more. */
const overrunMax = pressers * 4 * 65_536;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Publishers that have as much outstanding as they may, more than may wait for the store, and a subscriber that takes it. What was taken before
 * the outage is answered after it, and answers keep their order: so these wait, and are refused nothing.
 */
class Pressure {
  private readonly recorder: HistoryRecorder;
  private readonly running: Promise<void>[] = [];
  private isOver = false;

  constructor(recorder: HistoryRecorder) {
    this.recorder = recorder;
  }

  async begin(client: (name: string, keepsSession: boolean) => Promise<WorkloadClient>): Promise<void> {
    const taker = await client('taker', true);
    await taker.subscribe('load/#', 1, false);
    for (let n = 0; n < pressers; n++) this.running.push(this.press(await client(`presser${n}`, false), `load/${n}`));
  }

  private async press(client: WorkloadClient, topic: string): Promise<void> {
    while (!this.isOver) {
      await Promise.all(Array.from({ length: outstanding }, () => client.publish(topic, 1, { bytes: payloadBytes })));
      await pause(1000);
    }
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  /** Publications of theirs that are acknowledged. */
  get acknowledged(): number {
    return outcomes(this.recorder, 'ok').length;
  }
}

function outcomes(recorder: HistoryRecorder, outcome: 'ok' | 'fail'): (number | undefined)[] {
  const own = new Set<number>();
  const found: (number | undefined)[] = [];
  for (const event of recorder.events) {
    if (event.type === 'invoke' && event.call.call === 'publish' && event.call.topic.startsWith('load/')) own.add(event.operation);
    else if (event.type === outcome && own.has(event.operation)) found.push(event.result.reasonCode);
  }
  return found;
}

interface Outage {
  readonly begin: () => void;
  readonly end: () => void;
  readonly seconds: number;
}

interface Scene {
  readonly broker: BrokerProcess;
  readonly recorder: HistoryRecorder;
  readonly pressure: Pressure;
  /** Has nothing in flight. */
  readonly speaker: WorkloadClient;
  readonly refuseAfterSeconds: number;
}

/** Nobody is told what is not true, memory keeps to its bound, what need not be stored goes on; then all of it resumes. */
async function liveThrough(outage: Outage, { broker, recorder, pressure, speaker, refuseAfterSeconds }: Scene): Promise<void> {
  const memory = () => broker.metric('process_resident_memory_bytes');
  const before = await memory();
  const begun = Date.now();
  const until = (seconds: number) => pause(begun + seconds * 1000 - Date.now());
  outage.begin();
  // Answers that were on their way.
  await until(1.5);
  const { acknowledged } = pressure;
  await until(refuseAfterSeconds * 0.7);
  expect(pressure.acknowledged, 'acknowledged without the database').toBe(acknowledged);
  await expect.poll(() => broker.isReady(), { timeout: refuseAfterSeconds * 1000 + 3000 }).toBe(false);
  await speaker.publish('load/refused', 1);
  expect(outcomes(recorder, 'fail').at(-1)).toBe(quotaExceeded);
  while (Date.now() < begun + outage.seconds * 1000) {
    const heard = quickReceived(recorder);
    await speaker.publish('quick', 0);
    await expect.poll(() => quickReceived(recorder), { timeout: 10_000 }).toBe(heard + 1);
    expect(await broker.metric('si_mqtt_store_pending_bytes')).toBeLessThan(pendingBytesMax + overrunMax);
    expect((await memory()) - before, 'bytes of memory').toBeLessThan(150 * MIB);
    await pause(1000);
  }
  expect(pressure.acknowledged, 'still').toBe(acknowledged);
  outage.end();
  await expect.poll(() => broker.isReady(), { timeout: 30_000 }).toBe(true);
  await expect.poll(() => pressure.acknowledged, { timeout: 30_000 }).toBeGreaterThan(acknowledged + outstanding * pressers);
}

function quickReceived({ events }: HistoryRecorder): number {
  return events.filter((event) => event.type === 'note' && event.note.note === 'received' && event.note.topic === 'quick').length;
}

/** A broker on the service, which is stopped first, and then cut off. */
async function outages(
  service: Service,
  driver: ServerDriver,
  refuseAfterSeconds: number,
  seconds: { readonly stopped: number; readonly cut: number },
): Promise<void> {
  onTestFinished(() => service.stop());
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-outage-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { proxy, url } = await CutProxy.to(await databaseAt(service.url, driver));
  onTestFinished(() => proxy.close());
  const limits = `pendingBytesMax = ${pendingBytesMax}\nrefuseAfterSeconds = ${refuseAfterSeconds}`;
  const broker = await BrokerProcess.start(
    configurationFile(folder, 'c', `driver = "${driver}"\nurl = "${url}"\nrequire = "anything"\n${limits}`),
  );
  onTestFinished(() => broker.kill());
  const connect = overTcp(broker.port);
  const workload = new Workload({ connects: [connect], seed: 3 });
  const { recorder } = workload;
  const work = workload.run(Infinity);
  const client = async (name: string, keepsSession: boolean) => {
    const made = new WorkloadClient(name, 5, recorder);
    expect(await made.connect(connect, { cleanStart: false, keepsSession })).toBe(true);
    return made;
  };
  const pressure = new Pressure(recorder);
  await pressure.begin(client);
  const listener = await client('listener', false);
  await listener.subscribe('quick', 0, false);
  const scene = { broker, recorder, pressure, speaker: await client('speaker', false), refuseAfterSeconds };
  await expect.poll(() => pressure.acknowledged, { timeout: 20_000 }).toBeGreaterThan(outstanding * pressers);

  const signal = (name: NodeJS.Signals) => () => void process.kill(service.pid, name);
  onTestFinished(signal('SIGCONT'));
  await liveThrough({ begin: signal('SIGSTOP'), end: signal('SIGCONT'), seconds: seconds.stopped }, scene);
  await liveThrough({ begin: () => proxy.cut(), end: () => proxy.mend(), seconds: seconds.cut }, scene);

  await pressure.end();
  const { plain } = await judged(workload, work, broker);
  expect(plain).toBeGreaterThan(outstanding * pressers * 3);
}

describe('a database that does not answer, and then cannot be reached: nothing is lost, memory is bounded, and work goes on by itself', () => {
  it.for([
    { name: 'MariaDB, for 60 seconds', start: startMariadb, driver: 'mysql', refuseAfterSeconds: 10, seconds: { stopped: 60, cut: 15 } },
    { name: 'MySQL', start: startMysql, driver: 'mysql', refuseAfterSeconds: 3, seconds: { stopped: 8, cut: 6 } },
    { name: 'FerretDB', start: startFerretdb, driver: 'mongodb', refuseAfterSeconds: 3, seconds: { stopped: 8, cut: 6 } },
  ] as const)('$name', { timeout: 240_000 }, async ({ name, start, driver, refuseAfterSeconds, seconds }, context) => {
    const service = await start();
    if (service === undefined) return context.skip(`no ${name}: \`pnpm services\` installs it as root`);
    await outages(service, driver, refuseAfterSeconds, seconds);
  });
});
