// `pnpm packages:try`: what somebody gets who installs the packages from the registry. Packs them, installs the tarballs with npm in an empty
// folder outside the workspace, imports and requires every entry, checks a consumer's types, and runs the broker from there.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from '../run.mjs';
import { freePort, served } from '../served.mjs';
import { packAll } from './pack.mjs';

const START_SECONDS_MAX = 30;
const temporary = mkdtempSync(join(tmpdir(), 'si-mqtt-try-'));
const consumer = join(temporary, 'consumer');
// pnpm tells its children about itself in variables that would change what npm does.
const environment = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(npm|pnpm)_/i.test(name) || name === 'NODE_PATH')
    .map((name) => [name, undefined]),
);
const installed = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;

const write = (name, text) => writeFileSync(join(consumer, name), text);

/** Every entry that a package lists in `exports`, as it is written in an import. */
const entriesOf = (packages) =>
  packages.flatMap(({ manifest }) => Object.keys(manifest.publishConfig.exports).map((entry) => `${manifest.name}${entry.slice(1)}`));

async function step(name, action) {
  const begun = performance.now();
  const problem = await action();
  const time = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  if (problem !== undefined) throw new Error(`${name} failed after ${time}\n${problem}`);
  console.log(`passed  ${name.padEnd(46)} ${time.padStart(7)}`);
}

/** Runs a program in the consumer's folder; gives its output if it fails. */
async function inConsumer(command, args, timeoutSeconds = 60) {
  const { status, output } = await run(command, args, { cwd: consumer, env: environment, timeoutSeconds });
  return status === 0 ? undefined : `${command} ${args.join(' ')} ended with ${status}\n${output}`;
}

function writeConsumer(packages) {
  mkdirSync(consumer);
  const dependencies = Object.fromEntries(packages.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]));
  const peers = Object.assign({}, ...packages.map(({ manifest }) => manifest.peerDependencies ?? {}));
  for (const name of Object.keys(peers)) peers[name] = installed(name);
  const manifest = {
    name: 'consumer',
    private: true,
    type: 'module',
    dependencies: { ...dependencies, ...peers, mqtt: '^5.0.0', '@types/node': installed('@types/node') },
    overrides: {
      // What the packages need of each other is the tarball too, never a version of the registry.
      ...Object.fromEntries(Object.keys(dependencies).map((name) => [name, `$${name}`])),
      // MQTT.js on this codec; the conformance command keeps the other one.
      mqtt: { 'mqtt-packet': '$@si-mqtt/mqtt-packet' },
    },
  };
  write('package.json', JSON.stringify(manifest, null, 2));
}

function writeEntryScripts(entries) {
  const check = `  if (Object.keys(module).length === 0) throw new Error(\`\${entry} exports nothing\`);\n`;
  write('import.mjs', `for (const entry of ${JSON.stringify(entries)}) {\n  const module = await import(entry);\n${check}}\n`);
  write('require.cjs', `for (const entry of ${JSON.stringify(entries)}) {\n  const module = require(entry);\n${check}}\n`);
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}';`);
  const names = entries.map((_, index) => `entry${index}`).join(', ');
  // `any` would accept everything: a namespace that became any is refused by the conditional type.
  const checks = 'type Known<T> = 0 extends 1 & T ? never : T;\nexport function known<T>(value: Known<T>): T {\n  return value as T;\n}';
  write('consumer.ts', `${imports.join('\n')}\n${checks}\nexport const modules: object[] = [${names}].map((module) => known(module));\n`);
}

function checkTypes(moduleResolution) {
  const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext';
  const compilerOptions = {
    module,
    moduleResolution,
    target: 'es2023',
    lib: ['es2023', 'dom'],
    strict: true,
    noEmit: true,
    types: ['node'],
    skipLibCheck: true,
  };
  write(`tsconfig.${moduleResolution}.json`, JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  return inConsumer(process.execPath, [join(root, 'node_modules/typescript-native/bin/tsc'), '-p', `tsconfig.${moduleResolution}.json`]);
}

/** Programs in which MQTT.js, on the codec under the name of mqtt-packet, exchanges messages through the broker: imported and required. */
function writeExchanges(urls) {
  write(
    'exchange.cjs',
    `const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const codecOfMqtt = createRequire(require.resolve('mqtt')).resolve('mqtt-packet');
const { name } = require(join(dirname(codecOfMqtt), '../package.json'));
if (name !== '@si-mqtt/mqtt-packet') throw new Error(\`MQTT.js uses \${codecOfMqtt}\`);
exports.exchange = async (mqtt) => {
  const timer = setTimeout(() => { throw new Error('not complete within 20 s'); }, 20_000);
  for (const url of ${JSON.stringify(urls)}) for (const protocolVersion of [3, 4, 5]) {
    const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
    const client = await mqtt.connectAsync(url, { protocolId, protocolVersion, connectTimeout: 5000, reconnectPeriod: 0 });
    for (const qos of [0, 1, 2]) {
      const received = new Promise((resolve) => client.once('message', (topic, payload) => resolve(\`\${topic} \${payload}\`)));
      await client.subscribeAsync('try/tarballs', { qos });
      await client.publishAsync('try/tarballs', 'from a tarball', { qos });
      const message = await received;
      if (message !== 'try/tarballs from a tarball') throw new Error(\`received \${message} over \${url}\`);
    }
    await client.endAsync();
  }
  clearTimeout(timer);
};
`,
  );
  write('exchange-required.cjs', `require('./exchange.cjs').exchange(require('mqtt'));\n`);
  write('exchange-imported.mjs', `import mqtt from 'mqtt';\nimport { exchange } from './exchange.cjs';\nawait exchange(mqtt);\n`);
}

/** Starts the broker as a user would, exchanges a message, and stops it with SIGTERM; gives what went wrong. */
async function tryBroker() {
  const [port, webSocketPort] = [await freePort(), await freePort()];
  const listener = (type, number) => `[[listeners]]\nname = "${type}"\ntype = "${type}"\nhosts = ["127.0.0.1"]\nport = ${number}\n`;
  write('config.toml', `[admin]\nenabled = false\n${listener('tcp', port)}${listener('websocket', webSocketPort)}`);
  writeExchanges([`mqtt://127.0.0.1:${port}`, `ws://127.0.0.1:${webSocketPort}/mqtt`]);
  const settings = { cwd: consumer, env: { ...process.env, ...environment }, port, startSecondsMax: START_SECONDS_MAX };
  return await served('npx', ['--no-install', 'si-mqtt', '--config', 'config.toml'], settings, async () => {
    for (const program of ['exchange-imported.mjs', 'exchange-required.cjs']) {
      const problem = await inConsumer(process.execPath, [program], 30);
      if (problem !== undefined) return problem;
    }
    return await inConsumer('npx', ['--no-install', 'si-mqtt-conformance', '--filter', 'PINGREQ', `mqtt://127.0.0.1:${port}`], 30);
  });
}

let packages = [];
try {
  await step('build and pack', async () => void (packages = await packAll(join(temporary, 'tarballs'))));
  const entries = entriesOf(packages);
  writeConsumer(packages);
  writeEntryScripts(entries);
  await step(`npm install of ${packages.length} tarballs`, () =>
    inConsumer('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], 180),
  );
  await step(`import of ${entries.length} entries`, () => inConsumer(process.execPath, ['import.mjs']));
  await step(`require of ${entries.length} entries`, () => inConsumer(process.execPath, ['require.cjs']));
  await step('types under nodenext', () => checkTypes('nodenext'));
  await step('types under bundler', () => checkTypes('bundler'));
  await step('si-mqtt starts, passes messages, is judged, stops', tryBroker);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
