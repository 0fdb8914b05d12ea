import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { repository } from '../repository.js';
import { freePort, type RunningBroker, startProcess } from './broker-process.js';

/** How a broker is set up for a row: nothing has to outlive it, or what it keeps in a database is the matter. */
export type Setup = 'memory' | DurableSetup;

export interface DurableSetup {
  /** Lines for the section [storage] of this broker's configuration; a database file belongs into `folder`. */
  storage(folder: string): string;
}

/** A broker that can be measured. */
export interface Broker {
  readonly name: string;
  /** One line for the report. */
  readonly version: string;
  /** Whether it can be set up so. */
  supports(setup: Setup): boolean;
  /** Starts it on a free loopback port, with what it writes in `folder`. */
  start(folder: string, setup: Setup): Promise<RunningBroker>;
}

export const OURS = 'si-mqtt';
/** No broker, and so only measured when it is named. */
export const BARE_LOOP = 'bare-loop';

interface Ports {
  readonly port: number;
  /** For metrics. */
  readonly adminPort: number;
}

const siMqttStorage = (folder: string): string => `path = ${JSON.stringify(join(folder, 'si-mqtt.db'))}`;

/** This broker as everybody runs it, limits, metrics and access rules on; only the limit on new connections each second is out of the way. */
function siMqttConfiguration({ port, adminPort }: Ports, folder: string, setup: Setup): string {
  // Every publication and subscription is asked for, as with any rules; these allow all.
  writeFileSync(join(folder, 'acl'), 'topic readwrite #\n');
  return `[[listeners]]
name = "bench"
type = "tcp"
hosts = ["127.0.0.1"]
port = ${port}

[limits]
connectRatePerSecond = 1_000_000

[access]
aclFile = ${JSON.stringify(join(folder, 'acl'))}

[storage]
${setup === 'memory' ? siMqttStorage(folder) : setup.storage(folder)}

[admin]
enabled = true
port = ${adminPort}

[log]
level = "warn"
`;
}

/** mosquitto with the settings that let it keep up: no limit of its own bites. */
function mosquittoConfiguration({ port }: Ports): string {
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
    'persistence false',
    'log_type error',
    // Started by root it would become the user mosquitto, who may not read the folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** One server, JetStream in `folder`, because its MQTT needs it. */
const natsConfiguration = ({ port }: Ports, folder: string): string =>
  `server_name: bench\nport: -1\njetstream { store_dir: "${folder}" }\nmqtt { listen: "127.0.0.1:${port}" }\n`;

const rumqttdConfiguration = ({ port }: Ports): string => `id = 0
[router]
id = 0
max_connections = 20000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "127.0.0.1:${port}"
next_connection_delay_ms = 0
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 1000
dynamic_filters = true
`;

/** All brokers that are found on this machine, ours first. */
export function installedBrokers(): Broker[] {
  const manifest = JSON.parse(readFileSync(`${repository}apps/broker/package.json`, 'utf8')) as { version: string };
  const command = [process.execPath, `${repository}apps/broker/dist/main.js`, '--config', '{config}'];
  const found = [programBroker(OURS, `${manifest.version}, Node.js ${process.versions.node}`, command, siMqttConfiguration)];
  const mosquitto = findProgram('mosquitto');
  if (mosquitto !== undefined) {
    found.push(programBroker('mosquitto', versionOf(mosquitto, '-h'), [mosquitto, '-c', '{config}'], mosquittoConfiguration));
  }
  found.push(aedes(), bareLoop());
  const nats = findProgram('nats-server');
  if (nats !== undefined) {
    // GOMAXPROCS: one core for each broker.
    const start = ['/usr/bin/env', 'GOMAXPROCS=1', nats, '-c', '{config}'];
    found.push(programBroker('nats-server', versionOf(nats, '--version'), start, natsConfiguration));
  }
  const rumqttd = findProgram('rumqttd');
  if (rumqttd !== undefined) {
    found.push(programBroker('rumqttd', versionOf(rumqttd, '--version'), [rumqttd, '-c', '{config}'], rumqttdConfiguration));
  }
  return found;
}

/** Any broker by its command line. @param command divided by spaces; `{port}`, `{folder}` (empty) and `{config}` (as for si-mqtt) are replaced */
export function brokerOfCommand(name: string, command: string): Broker {
  return programBroker(name, command, command.split(' ').filter(Boolean), siMqttConfiguration);
}

/** A broker that runs already. */
export function brokerOfUrl(name: string, url: string, pid: number | undefined): Broker {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'mqtt:') throw new Error(`${url}: only mqtt:// can be measured`);
  const running: RunningBroker = { host: hostname, port: Number(port || 1883), pid, stop: () => Promise.resolve() };
  return { name, version: url, supports: () => true, start: () => Promise.resolve(running) };
}

function programBroker(
  name: string,
  version: string,
  command: readonly string[],
  configuration: (ports: Ports, folder: string, setup: Setup) => string,
): Broker {
  const isOurs = configuration === siMqttConfiguration;
  return {
    name,
    version,
    supports: (setup) => setup === 'memory' || isOurs,
    async start(folder, setup) {
      const port = await freePort();
      const adminPort = await freePort();
      // The name's end matters to rumqttd; the others read any.
      const file = join(folder, 'broker.toml');
      writeFileSync(file, configuration({ port, adminPort }, folder, setup));
      const words = command.map((word) =>
        word.replaceAll('{config}', file).replaceAll('{folder}', folder).replaceAll('{port}', String(port)),
      );
      const running = await startProcess(words, port);
      return { ...running, folder, ...(isOurs ? { metricsUrl: `http://127.0.0.1:${adminPort}/metrics` } : {}) };
    },
  };
}

function aedes(): Broker {
  const manifest = join(dirname(createRequire(import.meta.url).resolve('aedes')), 'package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return scriptBroker('aedes', `${version}, Node.js ${process.versions.node}`);
}

/** Forwards QoS 0 and does nothing else: what the kernel and Node take in the rows that it can. */
function bareLoop(): Broker {
  return scriptBroker(BARE_LOOP, `Node.js ${process.versions.node}`);
}

function scriptBroker(name: string, version: string): Broker {
  return programBroker(name, version, [process.execPath, `${repository}tooling/bench/dist/${name}.js`, '{port}'], () => '');
}

function findProgram(name: string): string | undefined {
  // Debian keeps mosquitto where only root looks.
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function versionOf(program: string, option: string): string {
  let text = '';
  try {
    text = execFileSync(program, [option], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    // mosquitto prints its version with the help, and ends with 3.
    text = String((error as { stdout?: string }).stdout ?? '');
  }
  return /\d+\.\d+[\w.-]*/.exec(text)?.[0] ?? 'unknown';
}
