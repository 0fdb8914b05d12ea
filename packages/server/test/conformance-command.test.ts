import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Report, statementTables } from '@si-mqtt/conformance';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConformanceCommand, ended } from './conformance-command.js';
import { type ConformanceServers, startServers } from './conformance-target.js';
import { fixture } from './listeners/support.js';

let command: ConformanceCommand;
let servers: ConformanceServers;
let folder: string;
let targetFile: string;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  command = await ConformanceCommand.bundled();
  servers = await startServers();
  folder = await mkdtemp(join(tmpdir(), 'si-mqtt-conformance-command-'));
  targetFile = file('target.json');
  await writeFile(targetFile, JSON.stringify({ name: 'si-mqtt', settings: servers.settings, variants: servers.variantUrls }));
});

afterAll(async () => {
  await servers.stop();
  command.remove();
  await rm(folder, { recursive: true });
});

/** The table that the package's README links to. `vitest run test/conformance-command.test.ts --update` writes it. */
const results = '../../conformance/results/si-mqtt.md';

const introduction = `# What the suite finds in si-mqtt

Every statement that shows on the wire, judged on one node of this repository with everything that the suites ask for switched on.
Written by \`pnpm --filter @si-mqtt/server exec vitest run test/conformance-command.test.ts --update\`; without \`--update\` the same test
fails when a verdict changes.

`;

test('our server: everything holds, in less than five minutes, and the published table says so', { timeout: 300_000 }, async () => {
  // Behind a prefix, which vitest's runs of the suite do without.
  const options = ['--target', targetFile, '--topic-prefix', 'some/tenant/', '--json', file('report.json')];
  const { code, stdout, stderr } = await command.run(...options, servers.urlOf('tcp'));
  const report = JSON.parse(await readFile(file('report.json'), 'utf8')) as Report;
  const broken = report.versions.flatMap(({ tests }) => tests).filter(({ verdict }) => verdict === 'broken');
  expect(broken.map(({ title, reason }) => `${title}: ${reason}`)).toEqual([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^MQTT 5\.0\n {2}MQTT-1\.5\.4-1 +holds/);
  expect(report.versions.map(({ version }) => version)).toEqual(['5.0', '3.1.1', '3.1']);
  expect(report.seconds).toBeLessThan(300);
  await expect(`${introduction}${statementTables(report)}\n`).toMatchFileSnapshot(results);
});

describe('over', () => {
  for (const [listener, options] of [
    ['tcp', []],
    ['tls', ['--ca', fixture('ca.pem')]],
    ['tls', ['--insecure']],
    ['tls', ['--insecure', '--cert', fixture('client.pem'), '--key', fixture('client-key.pem')]],
    ['websocket', []],
    ['secure-websocket', ['--ca', fixture('ca.pem')]],
  ] as const) {
    test(`${[listener, ...options.filter((option) => option.startsWith('--'))].join(' ')} it judges as well`, async () => {
      const filters = ['--filter', '3.12.4-1', '--filter', '3.8.4-1', '--filter', '6.0.0-'];
      const { code, stdout } = await command.run(...filters, ...options, servers.urlOf(listener).replace('127.0.0.1', 'localhost'));
      expect(code).toBe(0);
      expect(stdout).toMatch(/MQTT-3\.12\.4-1 +holds/);
      expect(stdout).toMatch(listener.endsWith('websocket') ? /MQTT-6\.0\.0-1 +holds/ : /MQTT-6\.0\.0-1 +not configurable here/);
    });
  }

  test('TLS it refuses a certificate that it cannot trust, in one line', async () => {
    const { code, stderr } = await command.run('--filter', '3.12.4-1', servers.urlOf('tls'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^si-mqtt-conformance: mqtts:.*: no connection: (self-signed|unable to verify).*\n$/);
  });
});

test('users: the wrong password is one line, the right one judges', async () => {
  const [{ userName, password }] = servers.settings.users!;
  const wrong = await command.run('--username', userName, '--password', 'wrong', servers.urlOf('tcp'));
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/^si-mqtt-conformance: .*: it refuses CONNECT with 0x86 Bad User Name or Password \(--username.*\n$/);
  const right = await command.run('--username', userName, '--password', password, '--filter', '3.12.4-1', servers.urlOf('tcp'));
  expect(right.code).toBe(0);
  expect(right.stdout).toMatch(/MQTT-3\.12\.4-1 +holds/);
});

test('topics that are denied are found out before the run', async () => {
  const { code, stderr } = await command.run('--topic-prefix', 'si-denied/', '--filter', '3.12.4-1', servers.urlOf('tcp'));
  expect(code).toBe(2);
  expect(stderr).toMatch(/: no message of MQTT 5\.0 comes through on topics like si-denied\/si…/);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`after ${signal} no session and no retained message is left`, async () => {
    // These tests keep sessions and retained messages for seconds.
    const child = command.start('--filter', 'retained message expires', '--filter', 'Session Expiry Interval', servers.urlOf('tcp'));
    const end = ended(child);
    await vi.waitFor(
      async () => {
        expect((await servers.server.retainedMessages('#')).messages).not.toEqual([]);
        expect(servers.server.clients().some(({ connected }) => !connected)).toBe(true);
      },
      { timeout: 10_000, interval: 5 },
    );
    child.kill(signal);
    const { code, stderr, stdout } = await end;
    expect({ code, stdout }).toEqual({ code: signal === 'SIGINT' ? 130 : 143, stdout: '' });
    expect(stderr).toContain('what they left on the broker is removed');
    const subscriber = await connectAsync(servers.urlOf('tcp'), { protocolVersion: 5, reconnectPeriod: 0 });
    const topics: string[] = [];
    subscriber.on('message', (topic) => topics.push(topic));
    await subscriber.subscribeAsync('#', { qos: 1 });
    await subscriber.publishAsync('last', '', { qos: 1 });
    await vi.waitFor(() => expect(topics).toEqual(['last']));
    await subscriber.endAsync();
    await vi.waitFor(() => expect(servers.server.clients()).toEqual([]));
  });
}
