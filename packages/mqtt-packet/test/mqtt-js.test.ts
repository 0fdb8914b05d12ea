import { access, cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install, isOffline, packTarballs, run } from './installed-project.js';

interface Report {
  loaded: string;
  results: { url: string; protocolVersion: number; granted: number[]; messages: object[]; largeLength: number; error: string }[];
}

const require = createRequire(import.meta.url);
const mqttVersion = (require('mqtt/package.json') as { version: string }).version;

let folder: string;
let project: string;
let tarballs: { codec: string; mqttPacket: string };
/** Set when there is no registry: then nothing can be installed, and the tests say so. In CI that is a failure. */
let offline: unknown;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'si-mqtt-mqtt-packet-')));
  project = join(folder, 'project');
  try {
    tarballs = await packTarballs(folder);
    await install(project, {
      dependencies: { mqtt: mqttVersion },
      // The second line stands for the registry, on which the codec is published as well.
      overrides: { 'mqtt-packet': `file:${tarballs.mqttPacket}`, '@si-mqtt/codec': `file:${tarballs.codec}` },
    });
  } catch (error) {
    if (process.env['CI'] === 'true' || !isOffline(error)) throw error;
    offline = error;
    return;
  }
  await cp(fileURLToPath(new URL('./project', import.meta.url)), project, { recursive: true });
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const userProperties = { name: 'value', several: ['one', 'two'] };
const properties = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 60,
  contentType: 'text/plain',
  responseTopic: 'answer',
  correlationData: { type: 'Buffer', data: [1, 2, 3] },
  userProperties,
};

function expectedResult(url: string, protocolVersion: number): object {
  const messages = [0, 1, 2].map((qos) => {
    const message = { topic: 'test/ä', text: `Grüße ${qos}`, isBuffer: true, qos };
    return protocolVersion === 5 ? { ...message, properties } : message;
  });
  // Only this codec says so: that MQTT.js passes it on proves who parsed.
  const error = 'ProtocolError: Packet Identifier is 0';
  return { url, protocolVersion, granted: [2, 2], messages, largeLength: 500_000, error };
}

describe('MQTT.js, installed with one line of overrides,', () => {
  test.for(['by-import.mjs', 'by-require.cjs'])(
    'exchanges messages on this codec, loaded %s',
    { timeout: 45_000 },
    async (script, { skip }) => {
      skip(offline !== undefined, 'the npm registry cannot be reached');
      const report = JSON.parse(await run(project, process.execPath, script)) as Report;
      const loadedPackage = join(dirname(report.loaded), '../package.json');
      expect(loadedPackage).toBe(join(project, 'node_modules/mqtt-packet/package.json'));
      expect(JSON.parse(await readFile(loadedPackage, 'utf8'))).toMatchObject({ name: '@si-mqtt/mqtt-packet' });
      const expected = ['mqtt', 'ws'].flatMap((url) => [3, 4, 5].map((version) => expectedResult(url, version)));
      expect(report.results).toEqual(expected);
    },
  );

  test('needs two lines where the project depends on mqtt-packet itself', { timeout: 45_000 }, async ({ skip }) => {
    skip(offline !== undefined, 'the npm registry cannot be reached');
    const overrides = { 'mqtt-packet': `file:${tarballs.mqttPacket}`, '@si-mqtt/codec': `file:${tarballs.codec}` };
    const conflicting = { dependencies: { mqtt: mqttVersion, 'mqtt-packet': '^9.0.2' }, overrides };
    await expect(install(join(folder, 'conflicting'), conflicting)).rejects.toThrow('EOVERRIDE');
    const agreeing = join(folder, 'agreeing');
    await install(agreeing, {
      dependencies: { mqtt: mqttVersion, 'mqtt-packet': overrides['mqtt-packet'] },
      overrides: { ...overrides, 'mqtt-packet': '$mqtt-packet' },
    });
    const installed = JSON.parse(await readFile(join(agreeing, 'node_modules/mqtt-packet/package.json'), 'utf8')) as object;
    expect(installed).toMatchObject({ name: '@si-mqtt/mqtt-packet' });
    await expect(access(join(agreeing, 'node_modules/mqtt/node_modules/mqtt-packet'))).rejects.toThrow('ENOENT');
  });
});

test('the example of the README prints what the README says', async ({ skip }) => {
  skip(offline !== undefined, 'the npm registry cannot be reached');
  const readme = await readFile(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
  const [code, printed] = ['js', 'text'].map((language) => readme.split(`\`\`\`${language}\n`)[1].split('```')[0]);
  await writeFile(join(project, 'readme.mjs'), code);
  expect(await run(project, process.execPath, 'readme.mjs')).toBe(printed);
});
