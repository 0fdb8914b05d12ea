import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Report, statementTables } from '../src/index.js';
import { Command } from './command-process.js';

/** Another broker, which the suite judges in every build; docs/conformance-mosquitto.md says why each failure is one. */
const version = '2.0.11';
const program = '/usr/sbin/mosquitto';
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const document = readFileSync(new URL('../../../docs/conformance-mosquitto.md', import.meta.url), 'utf8');

const installed = await new Promise<string>((resolve) => {
  // It prints its version with the help, and ends with 3.
  execFile(program, ['-h'], (_error, output) => resolve(/version (\S+)/.exec(output)?.[1] ?? 'none'));
});

const users = [
  { userName: 'alice', password: 'wonderland' },
  { userName: 'bob', password: 'builder' },
] as const;
const children: ChildProcess[] = [];
let folder: string;
let command: Command;

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function start(name: string, lines: readonly string[], port: number): Promise<void> {
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, lines.join('\n'));
  children.push(spawn(program, ['-c', file], { stdio: 'ignore' }));
  await listening(port);
}

async function listening(port: number): Promise<void> {
  for (let listens = false; !listens; await sleep(20)) {
    listens = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'si-mqtt-mosquitto-'));
  // mosquitto gives up root and must still be able to read here.
  chmodSync(folder, 0o755);
  command = await Command.bundled();
});

afterAll(async () => {
  for (const child of children) {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  }
  command.remove();
  rmSync(folder, { recursive: true });
});

/** Starts mosquitto with all that it can be configured for, and gives a target file and a URL. */
async function startMosquitto(): Promise<{ targetFile: string; url: string }> {
  const [port, webSocketPort, lowQosPort, noAliasPort, noRetainPort] = await freePorts(5);
  const [rules, passwords, targetFile] = ['rules', 'passwords', 'target.json'].map((name) => join(folder, name));
  const ownRules = users.map(({ userName }) => `user ${userName}\ntopic readwrite #\n`);
  writeFileSync(rules, ['topic readwrite #\ntopic readwrite $si-conformance/#\ntopic deny si-denied/#\n', ...ownRules].join('\n'));
  writeFileSync(passwords, '');
  for (const { userName, password } of users) execFileSync('mosquitto_passwd', ['-b', passwords, userName, password], { stdio: 'ignore' });
  chmodSync(passwords, 0o644);
  const listeners = [
    `listener ${port} 127.0.0.1`,
    `listener ${webSocketPort} 127.0.0.1\nprotocol websockets`,
    `listener ${lowQosPort} 127.0.0.1\nmax_qos 1`,
    `listener ${noAliasPort} 127.0.0.1\nmax_topic_alias 0`,
  ];
  await start('main', ['allow_anonymous true', `acl_file ${rules}`, `password_file ${passwords}`, ...listeners], port);
  await start('no-retain', ['allow_anonymous true', 'retain_available false', `listener ${noRetainPort} 127.0.0.1`], noRetainPort);
  const target = {
    name: `mosquitto ${version}`,
    settings: { deniedPublishTopic: 'si-denied/topic', users, webSocketUrl: `ws://127.0.0.1:${webSocketPort}/` },
    variants: {
      lowMaximumQos: `mqtt://127.0.0.1:${lowQosPort}`,
      topicAliasUnavailable: `mqtt://127.0.0.1:${noAliasPort}`,
      retainUnavailable: `mqtt://127.0.0.1:${noRetainPort}`,
    },
  };
  writeFileSync(targetFile, JSON.stringify(target));
  return { targetFile, url: `mqtt://127.0.0.1:${port}` };
}

/** The first two columns of the document's tables: what is broken, and the statements. */
function documented(): string[] {
  const rows: string[] = [];
  let heading = '';
  for (const line of document.split('\n')) {
    if (line.startsWith('## ')) heading = line.slice(3);
    const [, title, ids] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (line.startsWith('| ') && !['test', '---'].includes(title)) rows.push(`${heading}: ${title} (${ids})`);
  }
  return rows.sort();
}

const introduction = `# What the suite finds in mosquitto ${version}

Written by \`pnpm --filter @si-mqtt/conformance exec vitest run test/mosquitto.test.ts --update\`; without \`--update\` the same test fails
when a verdict changes. [docs/conformance-mosquitto.md](../../../docs/conformance-mosquitto.md) judges each failure by hand.

`;

const skips = installed === version ? false : `mosquitto is ${installed} here`;

test('mosquitto breaks what the document says, and nothing else, in less than five minutes', { timeout: 300_000 }, async (context) => {
  if (skips !== false) context.skip(skips);
  const { targetFile, url } = await startMosquitto();
  const report = join(folder, 'report.json');
  const { code, stderr } = await command.run('--target', targetFile, '--concurrency', '8', '--json', report, url);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  const found = JSON.parse(readFileSync(report, 'utf8')) as Report;
  expect(found.incomplete).toBeUndefined();
  expect(found.seconds).toBeLessThan(300);
  const broken = found.versions.flatMap(({ version: of, tests }) =>
    tests
      .filter(({ verdict }) => verdict === 'broken')
      .map(({ title, ids }) => `MQTT ${of}: ${title} (${ids.map((id) => id.replace('MQTT-', '')).join(', ')})`),
  );
  expect(broken.sort()).toEqual(documented());
  await expect(`${introduction}${statementTables(found)}\n`).toMatchFileSnapshot(`../results/mosquitto-${version}.md`);
});

/** The words of a command line; quotes of the shell keep words together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]);
}

test('the example of the README judges mosquitto and prints what is there', async (context) => {
  if (skips !== false) context.skip(skips);
  const [, server, client, printed] = /```sh\nmosquitto (.*)\nnpx @si-mqtt\/conformance (.*)\n```[^]*?```text\n([^]*?)```/.exec(readme)!;
  const [port] = await freePorts(1);
  expect(server).toBe('-p 18830');
  // A port of the command line makes a listener for this machine only.
  children.push(spawn(program, ['-p', `${port}`], { stdio: 'ignore' }));
  await listening(port);
  const { code, stdout } = await command.run(...wordsOf(client.replace('18830', `${port}`)));
  expect(code).toBe(1);
  const expected = printed
    .replace('18830', `${port}`)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('…', '.*');
  expect(stdout).toMatch(new RegExp(`^${expected}$`));
});
