import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const START_SECONDS_MAX = 20;
const STOP_SECONDS_MAX = 10;

export interface Broker {
  readonly pid: number;
  readonly port: number;
  /** Ends the process, and waits for its end. */
  stop(): Promise<void>;
}

/** Starts a broker that listens on a free loopback port, with its configuration in `folder`. */
export type StartBroker = (folder: string) => Promise<Broker>;

/** Debian's mosquitto, with the settings that let it keep up: no limit of its own bites in these workloads. */
export const startMosquitto: StartBroker = async (folder) => {
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
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
  writeFileSync(file, `${lines.join('\n')}\n`);
  return startBroker('mosquitto', ['-c', file], port);
};

/** @param command a program and its arguments, divided by spaces; `{config}` and `{port}` are replaced */
export function startSiMqtt(command: string): StartBroker {
  return async (folder) => {
    const port = await freePort();
    const file = join(folder, 'si-mqtt.toml');
    const listener = `[[listeners]]\nname = "bench"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = ${port}\n`;
    writeFileSync(file, `${listener}\n[admin]\nenabled = true\nport = 0\n\n[log]\nlevel = "warn"\n`);
    const [program, ...args] = command
      .split(' ')
      .filter(Boolean)
      .map((word) => word.replaceAll('{config}', file).replaceAll('{port}', String(port)));
    return startBroker(program, args, port);
  };
}

async function startBroker(program: string, args: readonly string[], port: number): Promise<Broker> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const deadline = performance.now() + START_SECONDS_MAX * 1000;
  while (!(await listens(port))) {
    if (child.exitCode !== null) failure = `ended with ${child.exitCode}`;
    if (performance.now() > deadline) failure = `did not listen within ${START_SECONDS_MAX} s`;
    if (failure !== undefined) {
      await stop(child, ended);
      throw new Error(`${program} ${args.join(' ')}: ${failure}\n${output}`);
    }
    await pause(20);
  }
  return { pid: child.pid!, port, stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS_MAX * 1000);
  await ended;
  clearTimeout(kill);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
