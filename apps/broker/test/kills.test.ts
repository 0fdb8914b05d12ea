import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HistoryEvent, overTcp, Workload } from '@si-mqtt/conformance';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile, databaseOn, type ServerName } from './databases.js';
import { judged } from './judged.js';

/** How often the broker is killed on each store; `pnpm crash` asks for more. */
const killsAsked = Number(process.env['SI_KILLS'] ?? 0);
const seed = Number(process.env['SI_SEED'] ?? 1);

const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-kills-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Store {
  readonly name: string;
  /** In CI: eager, lazy. */
  readonly kills: readonly [number, number];
  /** What the configuration says of it, on a new database that has this name. */
  readonly storage: (context: TestContext, name: string) => string | Promise<string>;
}

function sqlite(durability: 'flushed' | 'synced'): Store {
  const storage = (_: TestContext, name: string) => `path = "${join(folder, `${durability}-${name}`)}.db"\ndurability = "${durability}"\n`;
  return { name: `SQLite ${durability}`, kills: [5, 5], storage };
}

function server(server: ServerName, kills: readonly [number, number]): Store {
  const storage = async (context: TestContext, name: string) => {
    const { driver, url } = await databaseOn(server, context, name);
    return `driver = "${driver}"\nurl = "${url}"\nrequire = "anything"\n`;
  };
  return { name: server, kills, storage };
}

const stores = [sqlite('flushed'), sqlite('synced'), server('MariaDB', [5, 5]), server('MySQL', [3, 2]), server('MongoDB', [3, 3])];

/** A random workload goes on while the broker is killed and started again; what its clients saw is judged at the end. Gives a line about it. */
async function liveThroughKills(file: string, kills: number): Promise<string> {
  const begun = Date.now();
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
    const { messages, plain, shared, wills, retained } = await judged(workload, work, broker);
    expect(plain).toBeGreaterThan(50);
    expect(shared).toBeGreaterThan(10);
    const due = `${plain} to sessions, ${shared} to groups, ${wills} of wills and ${retained} of retained messages`;
    return `${kills} kills in ${Math.round((Date.now() - begun) / 1000)} s, ${messages} messages; deliveries that were due: ${due}`;
  } finally {
    await broker.kill();
  }
}

/** At least for so long, and until so much was promised that there is something to lose, however slow the store is. */
async function somethingHappens({ events }: Workload, milliseconds: number): Promise<void> {
  const begun = events.length;
  do await new Promise((resolve) => setTimeout(resolve, milliseconds));
  while (acknowledged(events.slice(begun)) < 60);
}

/** Publications that the broker has taken responsibility for. */
function acknowledged(events: readonly HistoryEvent[]): number {
  const asked = new Set<number>();
  let count = 0;
  for (const event of events) {
    if (event.type === 'invoke' && event.call.call === 'publish' && event.call.qos > 0 && !event.call.retain) asked.add(event.operation);
    else if (event.type === 'ok' && asked.has(event.operation)) count++;
  }
  return count;
}

describe.each(stores)('kill -9 of the broker on $name', ({ name: store, kills: [eager, lazy], storage }) => {
  const modes = [
    { mode: 'eager', kills: killsAsked || eager },
    { mode: 'lazy', kills: killsAsked || lazy },
  ];
  const timeout = 120_000 + (killsAsked || Math.max(eager, lazy)) * 20_000;
  it.for(modes)('nothing acknowledged is lost, QoS 2 comes once, $mode', { timeout }, async ({ mode, kills }, context) => {
    const settings = `${await storage(context, mode)}lazy = ${mode === 'lazy'}\n`;
    const said = await liveThroughKills(configurationFile(folder, `${store} ${mode}`, settings), kills);
    await context.annotate(said);
  });
});
