import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHistory, overTcp, Workload } from '@si-mqtt/conformance';
import { type Service, startFerretdb, startMariadb, startMysql } from '@si-mqtt/services';
import { afterAll, describe, expect, it } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile, databaseAt, urlOf } from './databases.js';

/** How often the broker is killed on each store; `pnpm crash` asks for more. */
const killsAsked = Number(process.env['SI_KILLS'] ?? 0);
const seed = Number(process.env['SI_SEED'] ?? 1);

const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-kills-'));
const services: Service[] = [];
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  rmSync(folder, { recursive: true, force: true });
});

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
    workload.end();
    await work;
    await workload.settle();
    // Lazy or not: what comes again after a crash has DUP and its packet identifier.
    const { violations, judged } = checkHistory(workload.events);
    expect(violations).toEqual([]);
    expect(judged.plain).toBeGreaterThan(50);
    expect(judged.shared).toBeGreaterThan(10);
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
  { name: 'MariaDB', variable: 'SI_MARIADB_URL', start: startMariadb, driver: 'mysql', kills: [5, 5] },
  { name: 'MySQL', variable: 'SI_MYSQL_URL', start: startMysql, driver: 'mysql', kills: [3, 2] },
  { name: 'a server of the MongoDB kind', variable: 'SI_MONGODB_URL', start: startFerretdb, driver: 'mongodb', kills: [3, 3] },
] as const)('kill -9 of the broker on $name', ({ name, variable, start, driver, kills: killsInCi }) => {
  let url: Promise<string | undefined> | undefined;
  const modes = [
    { lazy: false, kills: killsAsked || killsInCi[0] },
    { lazy: true, kills: killsAsked || killsInCi[1] },
  ];
  const timeout = timeoutOf(killsAsked || Math.max(...killsInCi)) + 60_000;
  it.for(modes)('nothing acknowledged is lost, QoS 2 comes once, lazy: $lazy', { timeout }, async ({ lazy, kills }, context) => {
    const found = await (url ??= urlOf(variable, start, services));
    if (found === undefined) return context.skip(`no ${name}: set ${variable}, or let \`pnpm services\` install it as root`);
    const database = await databaseAt(found, driver, lazy ? 'lazy' : 'eager');
    const storage = `driver = "${driver}"\nurl = "${database}"\nrequire = "anything"\nlazy = ${lazy}\n`;
    await liveThroughKills(`${variable}-${lazy}`, kills, storage);
  });
});
