import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTargetFile } from '../src/command/target-file.js';
import * as conformance from '../src/index.js';
import { type ConformanceSuiteOptions } from '../src/vitest.js';

const textAt = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = textAt('../README.md');
let server: Server;
let port: number;

/** As much of a broker as the examples need: CONNACK and PINGRESP of 5.0. */
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (let start = 0; start < chunk.length; start += 2 + chunk[start + 1]) {
        socket.write(chunk[start] === 0x10 ? Buffer.of(0x20, 3, 0, 0, 0) : Buffer.of(0xd0, 0));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

function example(language: string, contains: string): string {
  const blocks = [...readme.matchAll(/```(\w+)\n([^]*?)```/g)].filter(([, name, text]) => name === language && text.includes(contains));
  expect(blocks).toHaveLength(1);
  return blocks[0][2].replace(/import (\{[^}]*\}) from '@si-mqtt\/conformance';/, 'const $1 = conformance;').replace(/^import .*$/gm, '');
}

test('the example that judges one statement prints what its comment says', async () => {
  const text = example('js', 'runWireTest');
  const printed: string[] = [];
  const run = new Function('conformance', 'port', 'console', `return (async () => { ${text} })()`) as (
    module: typeof conformance,
    port: number,
    console: { log: (line: string) => void },
  ) => Promise<void>;
  await run(conformance, port, { log: (line) => printed.push(line) });
  expect(printed).toEqual([...text.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]));
  expect(printed).toHaveLength(1);
});

test('the example of the vitest entry reaches a broker, and skips what there is', async () => {
  const given: ConformanceSuiteOptions[] = [];
  const broker = { port, stopped: false, stop: () => Promise.resolve(void (broker.stopped = true)) };
  const run = new Function('conformance', 'startBroker', 'conformanceSuite', example('ts', 'conformanceSuite'));
  run(
    conformance,
    () => Promise.resolve(broker),
    (options: ConformanceSuiteOptions) => given.push(options),
  );
  const [options] = given;
  const { target, stop } = await options.start();
  const ping = conformance.wireTests.find(({ version, ids }) => version === 5 && ids.includes('MQTT-3.12.4-1'));
  expect(await conformance.runWireTest(ping!, target)).toEqual({ verdict: 'holds' });
  await stop();
  expect(broker.stopped).toBe(true);
  for (const { id } of options.skip ?? []) expect(conformance.wireTests.some(({ ids }) => ids.includes(id ?? ''))).toBe(true);
});

test('the example of a target file is one, and every setting and variant is explained', () => {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-readme-'));
  const file = join(folder, 'target.json');
  try {
    writeFileSync(file, example('json', 'settings'));
    expect(readTargetFile(file, {})).toMatchObject({ name: 'my broker', settings: { responseInformation: true } });
    for (const part of ['settings', 'variants']) {
      writeFileSync(file, `{ "${part}": { "unknown": 1 } }`);
      let known: string[] = [];
      try {
        readTargetFile(file, {});
      } catch (error) {
        known = (/known are (.*)/.exec((error as Error).message)?.[1] ?? '').split(', ');
      }
      expect(known.length).toBeGreaterThan(6);
      for (const name of known) expect(readme, name).toMatch(new RegExp(`["\`]${name}["\`]`));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the table of si-mqtt adds up what was found in it', () => {
  const rows = [...readme.matchAll(/^\| (MQTT \S+) +\| (\d+) +\| (\d+) +\| (\d+) +\|$/gm)].map((match) => match.slice(1));
  const exceptions = textAt('../spec/exceptions.tsv')
    .split('\n')
    .map((line) => line.split('\t'));
  const found = textAt('../results/si-mqtt.md')
    .split('\n## ')
    .slice(1)
    .map((section) => {
      const version = section.slice(0, section.indexOf('\n'));
      const verdicts = [...section.matchAll(/^\| (\S+-\S+) \| ([a-z ]+) \| /gm)];
      const excepted = verdicts.filter(([, id]) => exceptions.some(([of, exception]) => of === version && exception === id));
      const hold = verdicts.filter((verdict) => verdict[2] === 'holds' && !excepted.includes(verdict));
      return [version, verdicts.length, hold.length, excepted.length].map(String);
    });
  expect(rows).toEqual(found);
  expect(found.map(([version]) => version)).toEqual(['MQTT 5.0', 'MQTT 3.1.1', 'MQTT 3.1']);
});
