import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../src/command/run-command.js';
import { type Report } from '../src/report/report.js';
import { badServers } from './bad-servers.js';
import { Command, type Ended, ended } from './command-process.js';
import { MiniBroker } from './mini-broker.js';
import { elementsOf } from './well-formed.js';

const anywhere = 'mqtt://127.0.0.1:1';
let command: Command;
let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  command = await Command.bundled();
  folder = mkdtempSync(join(tmpdir(), 'si-mqtt-command-'));
});

afterAll(() => {
  command.remove();
  rmSync(folder, { recursive: true });
});

/** The command within this process: what needs no signal needs no process of its own. */
async function run(...argv: readonly string[]): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (output[name] += text) });
  const code = await runCommand({ argv, stdout: stream('stdout'), stderr: stream('stderr'), signal: new AbortController().signal });
  return { code, ...output };
}

/** The command fails with one line that says this. */
async function expectMistake(args: readonly string[], says: string | RegExp): Promise<void> {
  const { code, stdout, stderr } = await run(...args);
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^si-mqtt-conformance: .*\n$/);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
}

test('the command of the package says what it found, and ends with the exit code', async () => {
  expect(await command.run('--timeout', 'soon', anywhere)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'si-mqtt-conformance: --timeout is a number from 0.1 to 60, not soon\n',
  });
  const broker = await MiniBroker.start();
  expect(await command.run('--filter', '3.12.4-1', broker.url)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/MQTT-3\.12\.4-1 +holds/) as string,
    stderr: '',
  });
  await broker.stop();
});

test('--help and --version say what they should', async () => {
  const help = await run('--help');
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('usage: si-mqtt-conformance [options] URL');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(await run('-V')).toMatchObject({ code: 0, stderr: '', stdout: `${version}\n` });
});

describe('a mistake on the command line is one line and exit code 2:', () => {
  for (const [args, says] of [
    [[], 'no URL is given'],
    [[anywhere, anywhere], 'more than one URL'],
    [['--fast', anywhere], "Unknown option '--fast'"],
    [['--json'], "Option '--json <value>' argument missing"],
    [['http://localhost'], 'is no URL with mqtt://'],
    [['--protocol', '4', anywhere], '--protocol is 3.1, 3.1.1 or 5, not 4'],
    [['--timeout', 'soon', anywhere], '--timeout is a number from 0.1 to 60, not soon'],
    [['--time-limit', '0', anywhere], '--time-limit is a number from 1'],
    [['--concurrency', '99', anywhere], '--concurrency is a number from 1 to 32'],
    [['--cert', 'x.pem', anywhere], '--cert and --key belong together'],
    [['--password', 'x', anywhere], '--password needs --username'],
    [['--json', '-', '--junit', '-', anywhere], 'only one report can go to standard output'],
    [['--ca', '/no/such.pem', anywhere], '/no/such.pem cannot be read: there is no such file'],
    [['--filter', 'no such thing', anywhere], 'no test matches no such thing'],
  ] as const) {
    test(args.join(' '), () => expectMistake(args, says));
  }
});

describe('a mistake in a target file is one line with its place:', () => {
  for (const [content, says] of [
    ['{ "settings": {},\n  "name": "x"', /target\.json:2:14: this is no JSON: Expected/],
    ['{ "name":\n }', 'target.json: this is no JSON: Unexpected token'],
    ['[]', 'the content must be an object'],
    ['{ "setting": {} }', 'setting is not known; known are name, settings, variants'],
    ['{ "settings": { "deniedTopic": "x" } }', 'settings.deniedTopic is not known; known are userName'],
    ['{ "settings": { "deniedPublishTopic": 1 } }', 'settings.deniedPublishTopic must be a text'],
    ['{ "settings": { "maximumQos": 2 } }', 'settings.maximumQos must be 0 or 1'],
    ['{ "settings": { "users": [] } }', 'settings.users must be a list of two users'],
    ['{ "settings": { "users": [{ "userName": "a" }, {}] } }', 'settings.users[0] has no password'],
    ['{ "settings": { "enhancedAuthentication": { "method": "PLAIN" } } }', 'enhancedAuthentication.method must be "SCRAM-SHA-256"'],
    ['{ "settings": { "webSocketUrl": "http://x" } }', 'settings.webSocketUrl must be a URL with ws://'],
    ['{ "settings": { "settleMilliseconds": -1 } }', 'settings.settleMilliseconds must be a number from 0'],
    ['{ "variants": { "lowMaximumQos": "localhost" } }', 'variants.lowMaximumQos cannot be used: localhost is no URL'],
  ] as const) {
    test(content.replaceAll('\n', ' '), async () => {
      writeFileSync(file('target.json'), content);
      await expectMistake(['--target', file('target.json'), anywhere], says);
    });
  }
});

describe('a target that cannot be judged is one line and exit code 2:', () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  async function listening(behaviour: (typeof badServers)[string]): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      behaviour(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' ? `127.0.0.1:${address?.port}` : '';
  }

  test('nobody listens', () => expectMistake([anywhere], `${anywhere}: no connection: connect ECONNREFUSED`));
  test('there is no such host', () => expectMistake(['mqtt://no-such-host.invalid'], 'no connection'));

  for (const [behaviour, says] of [
    ['accepts and never answers', 'it takes the connection, but does not answer CONNECT within 0.5 s'],
    ['closes when the first bytes come', 'it closes the connection after CONNECT of MQTT 5.0; it closes'],
    ['speaks HTTP', 'it does not speak MQTT: the answer to CONNECT begins with 48 54 54 50'],
    ['answers garbage', 'it does not speak MQTT'],
    ['answers everything with a refusal', 'it refuses CONNECT with 0x05 not authorized (--username'],
  ] as const) {
    test(behaviour, async () => {
      await expectMistake(['--timeout', '0.5', `mqtt://${await listening(badServers[behaviour])}`], says);
    });
  }

  test('it speaks no TLS, or never shakes hands', async () => {
    await expectMistake([`mqtts://${await listening(badServers['speaks HTTP'])}`], 'no connection: wrong version number');
    const silent = await listening(badServers['accepts and never answers']);
    for (const url of [`mqtts://${silent}`, `ws://${silent}/mqtt`, `wss://${silent}/mqtt`]) {
      await expectMistake(['--timeout', '0.5', url], 'no connection within 500 ms');
    }
  });

  test('it is not the version that was asked for', async () => {
    const broker = await MiniBroker.start();
    await expectMistake(['--protocol', '3.1.1', broker.url], 'it does not accept MQTT 3.1.1');
    await broker.stop();
  });

  test('no message comes through', async () => {
    const broker = await MiniBroker.start((_count, socket) => {
      socket.on('data', (chunk) => socket.write(chunk[0] === 0x10 ? Buffer.of(0x20, 3, 0, 0, 0) : Buffer.of(0x90, 4, 0, 1, 0, 0x87)));
      return false;
    });
    const says = /no message of MQTT 5\.0 comes through on topics like si…\/t…: SUBACK 0 is 0x87 Not authorized/;
    await expectMistake(['--protocol', '5', broker.url], says);
    await broker.stop();
  });
});

describe('with a small broker', () => {
  let broker: MiniBroker;
  beforeAll(async () => {
    broker = await MiniBroker.start();
  });
  afterAll(() => broker.stop());

  test('what holds gives exit code 0 and a table', async () => {
    const { code, stdout, stderr } = await run('--filter', 'MQTT-3.12.4-1', broker.url);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^MQTT 5\.0\n {2}MQTT-3\.12\.4-1 +holds +PINGREQ/);
    expect(stdout).toContain(`${broker.url}, judged by @si-mqtt/conformance`);
  });

  test('what is broken gives exit code 1, and every report says what was sent, what came and what the specification asks', async () => {
    const reports = ['--json', file('r.json'), '--junit', file('r.xml'), '--markdown', file('r.md')];
    const filters = ['--filter', '3.12.4-1', '--filter', 'malformed $SHARE', '--filter', '6.0.0-4'];
    const { code, stdout } = await run(...filters, ...reports, '--timeout', '0.5', broker.url);
    expect(code).toBe(1);
    for (const text of [stdout, readFileSync(file('r.md'), 'utf8')]) {
      expect(text).toMatch(/broken: a malformed \\?\$share filter is refused/i);
      expect(text).toMatch(/MQTT-4\.8\.2-1(\*\*)?: .*ShareName/);
      expect(text).toMatch(/1 → SUBSCRIBE id 1, filter "\$share\/" QoS 0\n +82 0d 00 01 00 00 07 24 73 68 61 72 65 2f 00\n/);
      expect(text).toMatch(/1 ← SUBACK id 1, 0x00 Granted QoS 0\n +90 04 00 01 00 00/);
      expect(text).toContain('the target has no webSocketUrl');
    }
    const report = JSON.parse(readFileSync(file('r.json'), 'utf8')) as Report;
    const [{ version, statements, tests }] = report.versions;
    expect(report).toMatchObject({ target: broker.url, tool: expect.stringContaining('@si-mqtt/conformance ') as string });
    expect(version).toBe('5.0');
    const verdictOf = (id: string) => statements.find((one) => one.id === id)?.verdict;
    expect(verdictOf('MQTT-3.12.4-1')).toBe('holds');
    expect(verdictOf('MQTT-4.8.2-1')).toBe('broken');
    expect(verdictOf('MQTT-6.0.0-4')).toBe('notConfigurable');
    const broken = tests.find(({ verdict }) => verdict === 'broken');
    expect(broken?.exchange?.at(-1)).toEqual({
      connection: 1,
      direction: 'received',
      hexadecimal: '90 04 00 01 00 00',
      meaning: ['SUBACK id 1, 0x00 Granted QoS 0'],
    });
    const xml = readFileSync(file('r.xml'), 'utf8');
    const elements = elementsOf(xml);
    expect(elements.slice(0, 2)).toEqual(['testsuites', 'testsuite']);
    expect(elements.filter((name) => name === 'testcase')).toHaveLength(tests.length);
    expect(elements.filter((name) => name === 'failure')).toHaveLength(1);
    expect(elements.filter((name) => name === 'skipped')).toHaveLength(tests.filter(({ verdict }) => verdict.startsWith('not')).length);
    expect(xml).toContain(`tests="${tests.length}" failures="1" errors="0"`);
  });

  test('one report can go to standard output, alone', async () => {
    const { code, stdout } = await run('--filter', '3.12.4-1', '--json', '-', broker.url);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Report).versions[0].statements[0]).toMatchObject({ id: 'MQTT-3.12.4-1', mandatory: true });
  });

  test('topics stand behind the prefix', async () => {
    const { stdout } = await run('--topic-prefix', 'tenant-7/', '--filter', '4.8.2-3', '--timeout', '0.5', broker.url);
    expect(stdout).toMatch(/PUBLISH QoS 2, topic "tenant-7\/si\w+\/t1"/);
    expect(stdout).not.toMatch(/"si\w+\/t\d/);
  });

  test('a file that cannot be written is a mistake', () =>
    expectMistake(
      ['--filter', '3.12.4-1', '--json', file('no/such/folder.json'), broker.url],
      'cannot be written: there is no such file or folder',
    ));

  test('the time limit ends a run, and the reports say so', async () => {
    const args = ['--time-limit', '1', '--timeout', '20', '--filter', '3.12.4-1', '--filter', 'Keep Alive 0 sets no time limit'];
    const begun = performance.now();
    const { code, stderr, stdout } = await run(...args, broker.url);
    const seconds = (performance.now() - begun) / 1000;
    expect(code).toBe(2);
    expect(stderr).toBe('si-mqtt-conformance: the time limit of 1 s was reached\n');
    expect(stdout).toMatch(/MQTT-3\.12\.4-1 +holds/);
    expect(stdout).toContain('did not run: the time limit of 1 s was reached');
    expect(seconds).toBeLessThan(10);
  });
});

test('a broker that is gone in the middle ends the run, with the tests that were running', async () => {
  const broker: MiniBroker = await MiniBroker.start((count) => {
    if (count > 12) void broker.stop();
    return count <= 12;
  });
  const { code, stderr } = await run('--timeout', '1', '--protocol', '5', broker.url);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^si-mqtt-conformance: the target accepts no connection any more \(.*\) since one of these tests: MQTT 5\.0 MQTT-\d.*\n$/,
  );
});

test('a broker that hangs in the middle ends the run, too', async () => {
  const broker: MiniBroker = await MiniBroker.start((count) => count <= 12);
  const begun = performance.now();
  const { code, stderr } = await run('--timeout', '0.5', '--protocol', '5', broker.url);
  const seconds = (performance.now() - begun) / 1000;
  await broker.stop();
  expect(code).toBe(2);
  expect(stderr).toContain('the target accepts no connection any more (it takes the connection, but does not answer CONNECT');
  expect(seconds).toBeLessThan(20);
});

test('a signal ends the run with the exit code of that signal', async () => {
  const broker = await MiniBroker.start();
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const before = broker.connections;
    const child = command.start('--filter', 'Keep Alive 0 sets no time limit', '--timeout', '20', broker.url);
    const end = ended(child);
    while (broker.connections < before + 4) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill(signal);
    const { code, stderr, stdout } = await end;
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    expect(stderr).toContain('stopped after 0 of 1 tests');
  }
  await broker.stop();
});

test('a second signal ends at once, even if the broker does not let anything be removed', async () => {
  // The small broker never acknowledges QoS 1: publishing a retained message waits, and so does removing it.
  const broker = await MiniBroker.start();
  const before = broker.connections;
  const child = command.start('--filter', 'a retained message expires', '--timeout', '60', broker.url);
  const end = ended(child);
  const connections = async (count: number) => {
    while (broker.connections < before + count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  // Three for the versions, two for the message that must come through, one or more of the test; then one that removes.
  await connections(6);
  child.kill('SIGINT');
  await connections(7);
  child.kill('SIGINT');
  const { code, stderr } = await end;
  expect(code).toBe(130);
  expect(stderr).toContain('once more ends at once');
  expect(stderr).not.toContain('stopped after');
  await broker.stop();
});
