// A database server as a direct child of this process: it ends with `stop`, and its folder goes.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Servers are often in folders that only root has on PATH. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/bin'];

/** The path of a program, or undefined. */
export function program(name) {
  return folders.map((folder) => join(folder, name)).find(existsSync);
}

/** Runs a program to its end; rejects with its output unless it ends with 0. */
export function run(command, args, { input = '', env = {}, seconds = 120 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code}: ${output.trim().split('\n').slice(-3).join(' | ')}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** A port that was free a moment ago, below those that the system gives to outgoing connections. */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const isFree = await new Promise((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Resolves if somebody listens there. */
export function connects(port) {
  return new Promise((resolve, reject) => {
    const probe = connect(port, '127.0.0.1', () => resolve(probe.destroy()));
    probe.once('error', reject);
  });
}

export const newFolder = (name) => mkdtemp(join(tmpdir(), `si-mqtt-${name}-`));

/** Starts a server, as `startServer` does, that can be killed and started again on the same data. `pid` is that of the process that runs. */
export async function startKillable(settings) {
  let running = await startServer(settings);
  return {
    get pid() {
      return running.pid;
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
    restart: async () => {
      running = await startServer({ ...settings, isRestart: true });
    },
  };
}

/**
 * Starts a server and waits until `isReady` resolves. The end of its `log` is part of the error; what it prints goes to `output`, if given.
 * Returns its pid, how to stop it, and how to kill it, which leaves its folder. One that was killed is tried again if it ends at once: its
 * other processes may not have noticed yet.
 */
async function startServer({ command, args, env = {}, folder, log, output, signal = 'SIGTERM', seconds = 60, isReady, isRestart = false }) {
  const file = output === undefined ? undefined : openSync(output, 'a');
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', file ?? 'ignore', file ?? 'ignore'] });
  if (file !== undefined) closeSync(file);
  let ended = false;
  const end = new Promise((resolve) => child.once('exit', resolve).once('error', resolve)).then(() => (ended = true));
  // Whoever ends this process without `stop` does not leave a server behind.
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  const kill = async () => {
    process.off('exit', atExit);
    child.kill('SIGKILL');
    await end;
  };
  const stop = async () => {
    process.off('exit', atExit);
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await end;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      await isReady();
      return { pid: child.pid, stop, kill };
    } catch (error) {
      if (ended && isRestart && seconds > 1) {
        process.off('exit', atExit);
        await new Promise((resolve) => setTimeout(resolve, 500));
        const settings = { command, args, env, folder, log, output, signal, isReady, isRestart };
        return startServer({ ...settings, seconds: (deadline - Date.now()) / 1000 });
      }
      if (ended || Date.now() > deadline) {
        const tail = await readFile(log, 'utf8').catch(() => '');
        await stop();
        throw new Error(`${command} does not start: ${error.message}\n${tail.split('\n').slice(-15).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
