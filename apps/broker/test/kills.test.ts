import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overTcp, Workload } from '@si-mqtt/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile, databaseOn } from './databases.js';
import { judged } from './judged.js';

/** How often the broker is killed on each store; `pnpm crash` asks for more. */
const killsAsked = Number(process.env['SI_KILLS'] ?? 0);
const seed = Number(process.env['SI_SEED'] ?? 1);

const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-kills-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A random workload goes on while the broker is killed and started again; what its clients saw is judged at the end. */
async function liveThroughKills(name: string, kills: number, storage: string): Promise<void> {
  const file = configurationFile(folder, name, storage);
  let broker = await BrokerProcess.start(file);
  try {
    const workload = new Workload({ connects: [() => overTcp(broker.port)()], seed });
    const work = workload.run(Infinity);
    for (let count = 0; count < kills; count++) {
      await somethingHappens(workload, 200 + ((count * 97) % 400));
      workload.recorder.note({ note: 'crashed' });
      await broker.kill();
      broker = await BrokerProcess.start(file);
    }
    await somethingHappens(workload, 200);
    // Lazy or not: what comes again after a crash has DUP and its packet identifier.
    const { plain, shared } = await judged(workload, work, broker);
    expect(plain).toBeGreaterThan(50);
    expect(shared).toBeGreaterThan(10);
  } finally {
    await broker.kill();
  }
}

/** At least for so long, and enough of it however slow the machine is. */
async function somethingHappens({ events }: Workload, milliseconds: number): Promise<void> {
  const begun = events.length;
  do await new Promise((resolve) => setTimeout(resolve, milliseconds));
  while (events.length < begun + 500);
}

const timeoutOf = (kills: number) => 60_000 + kills * 20_000;

describe('kill -9 of the broker: nothing acknowledged is lost, QoS 2 comes once, on', () => {
  const kills = killsAsked || 5;
  it.each([
    { durability: 'flushed', lazy: false },
    { durability: 'flushed', lazy: true },
    { durability: 'synced', lazy: false },
    { durability: 'synced', lazy: true },
  ])('SQLite, $durability, lazy: $lazy', { timeout: timeoutOf(kills) }, ({ durability, lazy }) => {
    const name = `${durability}-${lazy}`;
    return liveThroughKills(name, kills, `path = "${join(folder, name)}.db"\ndurability = "${durability}"\nlazy = ${lazy}\n`);
  });
});

describe.each([
  { name: 'MariaDB', kills: [5, 5] },
  { name: 'MySQL', kills: [3, 2] },
  { name: 'MongoDB', kills: [3, 3] },
] as const)('kill -9 of the broker on $name', ({ name, kills: killsInCi }) => {
  const modes = [
    { lazy: false, kills: killsAsked || killsInCi[0] },
    { lazy: true, kills: killsAsked || killsInCi[1] },
  ];
  const timeout = timeoutOf(killsAsked || Math.max(...killsInCi)) + 60_000;
  it.for(modes)('nothing acknowledged is lost, QoS 2 comes once, lazy: $lazy', { timeout }, async ({ lazy, kills }, context) => {
    const { driver, url } = await databaseOn(name, context, lazy ? 'lazy' : 'eager');
    const storage = `driver = "${driver}"\nurl = "${url}"\nrequire = "anything"\nlazy = ${lazy}\n`;
    await liveThroughKills(`${name}-${lazy}`, kills, storage);
  });
});
