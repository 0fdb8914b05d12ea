import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Message, type SessionKey } from '@si-mqtt/session';
import { type LogStore, openMongoLogStore, openMysqlLogStore, openSqliteLogStore, StoreJournal } from '../src/index.js';
import { realEnv } from '../test/real-env.js';

/**
 * `pnpm --filter @si-mqtt/cluster-db bench`: what a journal does on each store, as the server drives it: publications of 64 bytes for 50 persistent
 * subscribers, recorded turn by turn. First the subscribers are there and acknowledge each message when it is committed; then they are away, and take what
 * waits when they come back. SQLite always; servers by SI_MARIADB_URL, SI_MYSQL_URL, SI_MONGODB_URL with a database that the user may use.
 * LAZY=1 measures only the first part, with lazy QoS 1.
 */
const seconds = Number(process.env['SECONDS'] ?? 5);
const lazy = process.env['LAZY'] === '1';
const sessionsCount = 50;
const messagesPerTurn = 20;
/** Messages recorded and not committed, as publishers with a receive maximum leave them. */
const outstandingMax = 5000;
const payload = new Uint8Array(64).fill(0x61);

interface Target {
  readonly name: string;
  readonly open: () => Promise<LogStore>;
  readonly files?: () => Promise<number>;
}

async function measure({ name, open, files }: Target): Promise<void> {
  const store = await open();
  const journal = new StoreJournal(store, realEnv, { watchMilliseconds: 0, lazy });
  let waiting: (() => void) | undefined;
  let turnBegan = false;
  await journal.start({
    restoreSession: () => undefined,
    restoreRetained: () => undefined,
    restoreGroup: () => undefined,
    turnBegan: () => {
      turnBegan = true;
    },
    committed: () => waiting?.(),
    conditionChanged: () => undefined,
    refused: () => undefined,
    fenced: (reason) => {
      throw new Error(reason);
    },
  });
  const sessions: SessionKey[] = Array.from({ length: sessionsCount }, (_, index) => {
    const session = { clientId: `subscriber ${index}`, incarnation: journal.nextIncarnation() };
    journal.connected(session, { userName: undefined, protocolVersion: 5, sessionExpiryInterval: 3600, will: undefined });
    return session;
  });
  journal.endTurn();
  let position = journal.firstPosition;
  const turn = (work: (session: SessionKey) => void) => {
    for (let i = 0; i < messagesPerTurn; i += 1) {
      work(sessions[position % sessionsCount]);
      position += 1;
    }
    if (turnBegan) journal.endTurn();
    turnBegan = false;
  };
  const enqueue = (session: SessionKey, packetId = 0) => {
    const message = Message.of(
      { topicName: 'bench/topic', payload, qos: 1, retain: false },
      { clientId: 'publisher', userName: undefined },
      1,
    );
    journal.enqueued(session, {
      position,
      message,
      qos: 1,
      retain: false,
      subscriptionIdentifiers: undefined,
      sharedSubscription: undefined,
      packetId,
    });
    journal.divide();
  };
  /** Sent and not acknowledged, in order. */
  const sent: { readonly batch: number; readonly session: SessionKey; readonly position: number }[] = [];
  const outstanding = () => (sent.length > 0 ? sent.length : journal.work.pendingOperations);
  const acknowledge = () => {
    const { committedBatch } = journal;
    const arrived = sent.findIndex(({ batch }) => batch > committedBatch);
    for (const { session, position: at } of sent.splice(0, arrived < 0 ? sent.length : arrived)) journal.finished(session, at);
  };
  const send = (session: SessionKey) => {
    sent.push({ batch: journal.openBatch, session, position });
    enqueue(session, 1 + (Math.floor(position / sessionsCount) % 60_000));
  };
  const run = async (work: (session: SessionKey) => void, until: () => boolean) => {
    const before = { position, cpu: process.cpuUsage(), time: performance.now(), commits: journal.work.commits };
    while (!until()) {
      acknowledge();
      turn(work);
      if (outstanding() > outstandingMax) await new Promise<void>((resolve) => (waiting = resolve));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    const elapsed = (performance.now() - before.time) / 1000;
    const { user, system } = process.cpuUsage(before.cpu);
    const done = position - before.position;
    const commits = journal.work.commits - before.commits;
    return {
      perSecond: Math.round(done / elapsed),
      cpuPerMessage: (user + system) / done,
      commits: Math.round(commits / elapsed),
      done,
      elapsed,
    };
  };
  const timed = () => {
    const end = performance.now() + seconds * 1000;
    return () => performance.now() > end;
  };
  const online = await run(send, timed());
  while (sent.length > 0) {
    acknowledge();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  tell(name, lazy ? 'online, lazy' : 'online', online);
  if (lazy) {
    await journal.stop();
    return;
  }
  const first = position;
  const offline = await run((session) => enqueue(session), timed());
  tell(name, 'offline', offline);
  const last = position;
  position = first;
  const begun = performance.now();
  await run(
    (session) => journal.finished(session, position),
    () => position >= last,
  );
  // Nothing waits for removals, but a stop finishes them.
  await journal.stop();
  const drained = Math.round(offline.done / ((performance.now() - begun) / 1000));
  const size = files === undefined ? 0 : await files();
  process.stdout.write(
    `${name.padEnd(16)} drain ${String(drained).padStart(7)}/s${size === 0 ? '' : `; ${(size / (1 << 20)).toFixed(0)} MiB`}\n`,
  );
}

interface Figures {
  readonly perSecond: number;
  readonly commits: number;
  readonly cpuPerMessage: number;
}

function tell(name: string, what: string, { perSecond, commits, cpuPerMessage }: Figures): void {
  process.stdout.write(
    `${name.padEnd(16)} ${what.padEnd(12)} ${String(perSecond).padStart(7)}/s, ${commits} commits/s, ${cpuPerMessage.toFixed(1)} µs CPU\n`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-bench-'));
const sizeOf = async (path: string) => {
  const sizes = await Promise.all(
    [path, `${path}-wal`].map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};
const targets: Target[] = (['flushed', 'synced'] as const).map((durability) => {
  const path = join(folder, durability, 'store.db');
  return { name: `SQLite ${durability}`, open: () => openSqliteLogStore({ path, durability, reserveBytes: 0 }), files: () => sizeOf(path) };
});
const { SI_MARIADB_URL: mariadb, SI_MYSQL_URL: mysql, SI_MONGODB_URL: mongodb } = process.env;
const inDatabase = (url: string) =>
  Object.assign(new URL(url), { pathname: new URL(url).pathname.length > 1 ? new URL(url).pathname : '/si_bench' }).href;
if (mariadb) targets.push({ name: 'MariaDB', open: () => openMysqlLogStore({ url: inDatabase(mariadb) }) });
if (mysql) targets.push({ name: 'MySQL', open: () => openMysqlLogStore({ url: inDatabase(mysql) }) });
if (mongodb) targets.push({ name: 'MongoDB protocol', open: () => openMongoLogStore({ url: inDatabase(mongodb) }) });
for (const target of targets) await measure(target);
await rm(folder, { recursive: true });
