import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { brokerOfCommand } from '../src/brokers/brokers.js';
import { readOptions } from '../src/options.js';

/** Removed after the test. */
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const namesOf = (args: readonly string[]): string[] =>
  readOptions(args)
    .brokers(false)
    .map(({ name }) => name);

test('without arguments ours comes first', () => {
  const options = readOptions([]);
  expect([options.mode, options.runs, options.reuse]).toEqual(['default', undefined, false]);
  expect(namesOf([])[0]).toBe('si-mqtt');
  expect(namesOf([])).toContain('aedes');
});

test('brokers can be chosen and added', () => {
  const added = ['--broker', 'mine=/opt/mine --port {port}', '--url', 'there=mqtt://10.0.0.1', '--pid', 'there=12'];
  expect(namesOf(added).slice(-2)).toEqual(['mine', 'there']);
  expect(namesOf([...added, '--brokers', 'there,si-mqtt'])).toEqual(['there', 'si-mqtt']);
});

test('the loop that is no broker takes part only when it is named', () => {
  const ofMatrix = readOptions([]).brokers(true);
  expect([...namesOf([]), ...ofMatrix.map(({ name }) => name)]).not.toContain('bare-loop');
  expect(namesOf(['--brokers', 'si-mqtt,bare-loop'])).toEqual(['si-mqtt', 'bare-loop']);
});

test('a broker elsewhere is not started', async () => {
  const [there] = readOptions(['--url', 'there=mqtt://10.0.0.1', '--pid', 'there=12', '--brokers', 'there']).brokers(false);
  expect(await there.start(emptyFolder(), 'memory')).toMatchObject({ host: '10.0.0.1', port: 1883, pid: 12 });
});

test.each([
  [['--broker', 'nothing'], 'expected NAME=VALUE'],
  [['--runs', '0'], '--runs 0: expected a number above 0'],
  [['--url', 'a=http://b'], 'only mqtt://'],
])('%j is refused', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});

test('a broker that is not here is refused', () => {
  expect(() => namesOf(['--brokers', 'none'])).toThrow('there is no broker none here');
});

test('a command gets its port and its configuration, and is stopped', async () => {
  // Listens where it is told to, in a process of its own.
  const script = "require('net').createServer().listen(+process.argv[1],'127.0.0.1')";
  const broker = brokerOfCommand('net', `${process.execPath} -e ${script} {port} {config}`);
  const running = await broker.start(emptyFolder(), 'memory');
  expect(running.pid).toBeGreaterThan(0);
  await running.stop();
  expect(() => process.kill(running.pid!, 0)).toThrow('ESRCH');
});

test('a command that ends at once is an error with what it said', async () => {
  const broker = brokerOfCommand('bad', `${process.execPath} -e console.error("no");process.exit(3)`);
  const own = emptyFolder();
  await expect(broker.start(own, 'memory')).rejects.toThrow(/ended with 3[^]*no/);
  expect(readFileSync(join(own, 'broker.toml'), 'utf8')).toContain('type = "tcp"');
});
