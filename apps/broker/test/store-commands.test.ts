import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSqliteLogStore } from '@si-mqtt/cluster-db';
import { connectAsync } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { databaseOn } from './databases.js';
import { CommandRun } from './host.js';
import { folderWith } from './load.js';

const listener =
  '[admin]\nenabled = false\n[log]\nformat = "json"\n[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';
const sqlite = 'path = "store.db"\nreserveBytes = 4096\n';

/** A command as `si-mqtt` would carry it out, in a folder with `c.toml`. */
async function command(folder: string, ...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = new CommandRun(['-c', 'c.toml', ...argv], folder);
  const code = await run.exitCode;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

async function json(folder: string, ...argv: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await command(folder, ...argv, '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function folderFor(storage: string): string {
  const folder = folderWith({});
  // The working folder is where the tests run, not this one.
  const own = storage.replace('path = "', `path = "${folder}/`);
  writeFileSync(join(folder, 'c.toml'), `${listener}[storage]\n${own}`);
  return folder;
}

async function started(folder: string): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(join(folder, 'c.toml'));
  onTestFinished(() => broker.kill().catch(() => undefined));
  return broker;
}

/** `here` is connected, `away` has three messages of QoS 1 and a shared subscription with one. */
async function live({ port }: BrokerProcess): Promise<void> {
  const url = `mqtt://127.0.0.1:${port}`;
  const session = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } } as const;
  const away = await connectAsync(url, { ...session, clientId: 'away' });
  await away.subscribeAsync(['greenhouse/#', 'b'], { qos: 1 });
  await away.subscribeAsync('$share/workers/jobs', { qos: 1 });
  await away.endAsync();
  const here = await connectAsync(url, { ...session, clientId: 'here' });
  onTestFinished(() => here.endAsync(true));
  await here.subscribeAsync('elsewhere', { qos: 2 });
  for (const topic of ['greenhouse/1', 'b', 'greenhouse/2']) {
    await here.publishAsync(topic, `payload of ${topic}`, { qos: 1, properties: { messageExpiryInterval: 600 } });
  }
  await here.publishAsync('jobs', 'work', { qos: 1 });
}

describe('what the store has, while the broker runs, and after a kill -9', () => {
  it('sessions, and what waits for one', { timeout: 60_000 }, async () => {
    const folder = folderFor(sqlite);
    const broker = await started(folder);
    await live(broker);
    for (const isRunning of [true, false]) {
      if (!isRunning) await broker.kill();
      const sessions = await json(folder, 'sessions');
      expect(sessions.sort((a, b) => String(a['clientId']).localeCompare(String(b['clientId'])))).toEqual([
        {
          clientId: 'away',
          userName: null,
          connected: false,
          protocolVersion: 5,
          queuedMessages: 3,
          queuedBytes: expect.any(Number),
          subscriptions: expect.arrayContaining([
            { topicFilter: '$share/workers/jobs', qos: 1 },
            { topicFilter: 'greenhouse/#', qos: 1 },
          ]),
          hasWill: false,
          sessionExpiryInterval: 3600,
          expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        },
        expect.objectContaining({ clientId: 'here', connected: true, queuedMessages: 0, queuedBytes: 0, expiresAt: null }),
      ]);
      const { stdout } = await command(folder, 'sessions');
      expect(stdout).toMatch(/^CONNECTED {2}QUEUED {2}BYTES {2}SUBSCRIPTIONS {2}EXPIRES +CLIENT\n/);
      expect(stdout).toMatch(/^no +3 +\d+ +3 {2}\d{4}-\S+Z {2}away$/m);
      expect(stdout).toMatch(/^yes +0 +0 +1 {2}- +here$/m);

      const queue = await json(folder, 'queue', 'away');
      expect(queue.map(({ topicName }) => topicName)).toEqual(['greenhouse/1', 'b', 'greenhouse/2']);
      expect(queue[0]).toEqual({
        position: expect.any(Number),
        state: 'queued',
        packetId: null,
        qos: 1,
        bytes: expect.any(Number),
        topicName: 'greenhouse/1',
        publisher: 'here',
        receivedAt: expect.stringMatching(/Z$/),
        expiresAt: expect.stringMatching(/Z$/),
        sharedSubscription: null,
      });
      const table = await command(folder, 'queue', 'away');
      expect(table.stdout).toMatch(/^ *POSITION {2}STATE +QOS {2}BYTES +AGE {2}EXPIRES +TOPIC\n/);
      expect(table.stdout).toMatch(/^ *\d+ {2}queued +1 +\d+ +\d+ s {2}\S+Z {2}greenhouse\/1$/m);
      expect(table.stdout, 'never a payload unless it is asked for').not.toContain('payload of');
      expect((await command(folder, 'queue', 'away', '--payload')).stdout).toMatch(/ b +"payload of b"$/m);
      const [first] = await json(folder, 'queue', 'away', '--payload');
      expect(Buffer.from(String(first['payload']), 'base64').toString()).toBe('payload of greenhouse/1');
      expect(await json(folder, 'queue', '$share/workers/jobs', '--shared')).toEqual([
        expect.objectContaining({ topicName: 'jobs', sharedSubscription: '$share/workers/jobs' }),
      ]);
    }
  });

  it('as the README says', { timeout: 60_000 }, async () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const lines = [...readme.matchAll(/^si-mqtt ((?:sessions|queue|backup)\b[^#\n]*)/gm)].map(([, line]) => line.trim());
    expect(lines).toHaveLength(5);
    const folder = folderFor(sqlite);
    const broker = await started(folder);
    const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { clean: false, clientId: 'sensor-7' });
    onTestFinished(() => client.endAsync(true));
    for (const line of lines) {
      const argv = line.split(' ').map((word) => word.replaceAll("'", '').replace('/var/backups', folder));
      expect(await command(folder, ...argv), line).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/\n$/) });
    }
  });

  it('page by page', { timeout: 60_000 }, async () => {
    const folder = folderFor(sqlite);
    await live(await started(folder));
    const first = await command(folder, 'sessions', '--limit', '1', '--json');
    expect(first.stderr).toMatch(/^there are more: si-mqtt sessions --after "(away|here)"\n$/);
    const { clientId } = JSON.parse(first.stdout) as { clientId: string };
    const [second, ...others] = await json(folder, 'sessions', '--after', clientId);
    expect(others).toEqual([]);
    expect([clientId, second['clientId']].sort()).toEqual(['away', 'here']);
    const [, { position }] = await json(folder, 'queue', 'away');
    expect((await json(folder, 'queue', 'away', '--after', String(position))).map(({ topicName }) => topicName)).toEqual(['greenhouse/2']);
  });

  it('of what is not there: one line, exit 2', { timeout: 60_000 }, async () => {
    const folder = folderFor(sqlite);
    const nothing = await command(folder, 'sessions');
    expect(nothing).toMatchObject({ code: 2, stdout: '' });
    expect(nothing.stderr).toMatch(/^c\.toml:\d+:1: .*store\.db does not exist: start the broker first, or correct storage\.path\n$/);
    expect(readdirSync(folder), 'and nothing is made').toEqual(['c.toml']);
    await (await openSqliteLogStore({ path: join(folder, 'store.db'), reserveBytes: 4096 })).close();
    expect((await command(folder, 'sessions')).stdout).toMatch(/^CONNECTED .+\n$/);
    expect(await command(folder, 'queue', 'nobody\n')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'there is no session of "nobody ": look at the names with "si-mqtt sessions"\n',
    });
    expect(await command(folder, 'queue', 'x', '--limit', '0')).toMatchObject({ code: 2, stdout: '' });
    expect(await command(folderFor('driver = "memory"\n'), 'sessions')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^c\.toml:\d+:1: with storage\.driver = "memory" nothing is stored: /),
    });
  });

  it('into a pipe whose reader goes away, from the command itself', { timeout: 60_000 }, async () => {
    const folder = folderFor(sqlite);
    const broker = await started(folder);
    await live(broker);
    const words = [process.execPath, ...BrokerProcess.command, '-c', join(folder, 'c.toml'), 'sessions'];
    const line = `${words.map((word) => `'${word}'`).join(' ')} | true; exit "\${PIPESTATUS[0]}"`;
    await expect(promisify(execFile)('bash', ['-c', line])).resolves.toEqual({ stdout: '', stderr: '' });
  });
});

describe('a backup', () => {
  it('of a broker that runs is a store with all that was acknowledged, for its owner only, over no other file', {
    timeout: 60_000,
  }, async () => {
    const folder = folderFor(sqlite);
    const broker = await started(folder);
    await live(broker);
    const target = join(folder, "it's a backup.db");
    expect(await command(folder, 'backup', target)).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^wrote .+\/it's a backup\.db, \d+ bytes\n$/),
      stderr: '',
    });
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(await command(folder, 'backup', target)).toEqual({
      code: 2,
      stdout: '',
      stderr: `${target} is there already: write the backup to another file, or remove this one first\n`,
    });
    expect((await command(folder, 'backup', join(folder, 'none', 'b.db'))).stderr).toMatch(
      /^cannot write the backup .*, it does not exist/,
    );
    await live(broker);
    expect(await broker.stop(), 'the broker went on').toBe(0);
    const restored = folderFor(sqlite.replace('store.db', 'restored.db'));
    writeFileSync(join(restored, 'c.toml'), `${listener}[storage]\npath = "${target}"\nreserveBytes = 4096\n`);
    expect((await json(restored, 'queue', 'away')).map(({ topicName }) => topicName)).toEqual(['greenhouse/1', 'b', 'greenhouse/2']);
    const again = await started(restored);
    expect(await again.stop(), 'a broker takes it as its store').toBe(0);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('a migration', () => {
  it('makes a database, has nothing to do then, and does not touch one in use', { timeout: 60_000 }, async () => {
    const folder = folderFor(sqlite);
    expect(await command(folder, 'migrate')).toEqual({ code: 0, stdout: 'made a database with schema version 1\n', stderr: '' });
    expect(await command(folder, 'migrate')).toMatchObject({
      code: 0,
      stdout: 'the database has schema version 1: there is nothing to do\n',
    });
    const broker = await started(folder);
    expect(await command(folder, 'migrate')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^c\.toml:\d+:1: .*store\.db is in use by another broker: /),
    });
    await broker.stop();
  });
});

describe.each([
  { name: 'MariaDB', tool: '"mysqldump --single-transaction"' },
  { name: 'MongoDB', tool: '"mongodump"' },
] as const)('with the store on $name', ({ name, tool }) => {
  it('the same commands', { timeout: 120_000 }, async (context) => {
    const { driver, url: own } = await databaseOn(name, context);
    const storage = `driver = "${driver}"\nrequire = "anything"\n`;
    const folder = folderFor(`${storage}url = "${own}"\n`);
    const empty = await command(folder, 'sessions');
    expect(empty.code).toBe(2);
    expect(empty.stderr).toMatch(
      /^c\.toml:\d+:1: the database has no tables of si-mqtt: start the broker on it first, or correct its name\n$/,
    );
    expect(await command(folder, 'migrate')).toMatchObject({ code: 0, stdout: 'made a database with schema version 1\n' });
    await live(await started(folder));
    expect(await command(folder, 'migrate'), 'while a broker runs').toMatchObject({ code: 0 });
    const nowhere = `${driver}://127.0.0.1:1/si`;
    const key = driver === 'mysql' ? `writeUrls = ["${nowhere}"]` : `url = "${nowhere}?serverSelectionTimeoutMS=300"`;
    const replicas = folderFor(`${storage}${key}\nreadUrls = ["${nowhere}", "${own}"]\n`);
    for (const looking of [folder, replicas]) {
      const sessions = await json(looking, 'sessions');
      expect(sessions.map(({ clientId }) => clientId).sort()).toEqual(['away', 'here']);
      expect(sessions.find(({ clientId }) => clientId === 'away')).toMatchObject({ queuedMessages: 3, connected: false });
      expect((await json(looking, 'queue', 'away')).map(({ topicName }) => topicName)).toEqual(['greenhouse/1', 'b', 'greenhouse/2']);
    }
    expect((await command(replicas, 'migrate')).stderr).toMatch(/the database cannot be used \(.*\): start it, or correct its URL\n$/);
    const refused = await command(folder, 'backup', 'b.db');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`a backup of this database is made with its own tool, while the broker runs: use ${tool}`);
  });
});
