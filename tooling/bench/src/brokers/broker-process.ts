import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const START_SECONDS_MAX = 20;
const STOP_SECONDS_MAX = 10;

export interface RunningBroker {
  readonly host: string;
  readonly port: number;
  /** Absent if the broker runs elsewhere. */
  readonly pid?: number;
  /** Where it writes, if it was started here. */
  readonly folder?: string;
  /** Of this broker's metrics. */
  readonly metricsUrl?: string;
  /** Ends the process, and waits for its end. */
  stop(): Promise<void>;
}

/** Starts a program that is to listen on a loopback port, and waits until it does. */
export async function startProcess(command: readonly string[], port: number): Promise<RunningBroker> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output = `${output}${chunk}`.slice(-4000)));
  }
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const deadline = performance.now() + START_SECONDS_MAX * 1000;
  while (!(await listens(port))) {
    if (child.exitCode !== null) failure = `ended with ${child.exitCode}`;
    if (performance.now() > deadline) failure = `did not listen within ${START_SECONDS_MAX} s`;
    if (failure !== undefined) {
      await stop(child, ended);
      throw new Error(`${program} ${failure}\n${command.join(' ')}\n${output}`);
    }
    await pause(20);
  }
  return { host: '127.0.0.1', port, pid: child.pid!, stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS_MAX * 1000);
  await ended;
  clearTimeout(kill);
}

export function freePort(): Promise<number> {
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
