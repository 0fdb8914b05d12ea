import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overTcp, Workload } from '@si-mqtt/conformance';
import { type Killable, type Service, startFerretdb, startMariadb, startMysql } from '@si-mqtt/services';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile, databaseAt, type ServerDriver } from './databases.js';
import { judged } from './judged.js';

/** How often each server is killed. */
const kills = Number(process.env['SI_KILLS'] ?? 5);
const seed = Number(process.env['SI_SEED'] ?? 1);
const installed = '`pnpm services` installs it as root';

/** The broker lives on under a random workload while its database is killed and started again; what the clients saw is judged at the end. */
async function liveThroughServerKills(service: Service, driver: ServerDriver, server: Killable): Promise<void> {
  onTestFinished(() => service.stop());
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-server-kills-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const url = await databaseAt(service.url, driver);
  const storage = `driver = "${driver}"\nurl = "${url}"\nrequire = "anything"\nrefuseAfterSeconds = 1\n`;
  const broker = await BrokerProcess.start(configurationFile(folder, 'c', storage));
  onTestFinished(() => broker.kill());
  const workload = new Workload({ connects: [overTcp(broker.port)], seed });
  const work = workload.run(Infinity);
  const commits = () => broker.metric('si_mqtt_store_commits_total');
  for (let count = 0; count < kills; count++) {
    const before = await commits();
    await expect.poll(commits, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    await new Promise((resolve) => setTimeout(resolve, (count * 97) % 200));
    await server.kill();
    // Once long enough for new work to be refused.
    if (count === 1) await expect.poll(() => broker.isReady(), { timeout: 10_000 }).toBe(false);
    await server.restart();
  }
  await expect.poll(() => broker.isReady(), { timeout: 20_000 }).toBe(true);
  const { plain, shared } = await judged(workload, work, broker);
  expect(await broker.metric('si_mqtt_store_retries_total')).toBeGreaterThan(0);
  expect(plain).toBeGreaterThan(20);
  expect(shared).toBeGreaterThan(5);
}

describe('kill -9 of the database under a broker: nothing acknowledged is lost, QoS 2 comes once, and work goes on by itself', () => {
  const timeout = 60_000 + kills * 20_000;

  it.for([
    { name: 'MariaDB', start: startMariadb },
    { name: 'MySQL', start: startMysql },
  ])('$name', { timeout }, async ({ name, start }, context) => {
    const service = await start();
    if (service === undefined) return context.skip(`no ${name}: ${installed}`);
    await liveThroughServerKills(service, 'mysql', service);
  });

  it.for(['FerretDB', 'PostgreSQL behind FerretDB'])('%s', { timeout }, async (name, context) => {
    const service = await startFerretdb();
    if (service === undefined) return context.skip(`no FerretDB: ${installed}`);
    await liveThroughServerKills(service, 'mongodb', name === 'FerretDB' ? service : service.database);
  });
});
