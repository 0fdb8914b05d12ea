// A broker that somebody starts by a command line, as users do: waits until it listens, does something with it, and stops it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const STOP_SECONDS_MAX = 20;

export const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true))).once('error', () => resolve(false));
  });

/**
 * The process at the end of npx → sh → node (Linux). The signal has to go there: npx passes SIGTERM to its shell, which ends and leaves the
 * broker running. npx then ends with the broker's exit code.
 */
function innermostChild(pid) {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return child === undefined ? pid : innermostChild(Number(child));
}

/**
 * Starts `command`, waits until it listens on `port`, calls `use`, and stops it with SIGTERM, after which it has to end with 0.
 * Gives what went wrong in any of that (`use` gives it, too), or undefined.
 */
export async function served(command, args, { cwd, env, port, startSecondsMax }, use) {
  const broker = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [broker.stdout, broker.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => broker.once('close', (code, signal) => resolve(signal ?? code)));
  try {
    const deadline = performance.now() + startSecondsMax * 1000;
    while (!(await listens(port))) {
      if (broker.exitCode !== null) return `the broker ended with ${broker.exitCode}\n${output}`;
      if (performance.now() > deadline) return `the broker did not listen within ${startSecondsMax} s\n${output}`;
      await pause(50);
    }
    const problem = await use();
    if (problem !== undefined) return `${problem}\nthe broker said:\n${output}`;
    process.kill(innermostChild(broker.pid), 'SIGTERM');
    const outcome = await Promise.race([ended, pause(STOP_SECONDS_MAX * 1000, 'nothing', { ref: false })]);
    if (outcome === 'nothing') return `the broker did not stop within ${STOP_SECONDS_MAX} s after SIGTERM\n${output}`;
    if (outcome !== 0) return `the broker ended with ${outcome} after SIGTERM, not with 0\n${output}`;
    return (await listens(port)) ? 'something still listens after the end of the broker' : undefined;
  } finally {
    try {
      process.kill(-broker.pid, 'SIGKILL');
    } catch {
      // It has ended, with all that it started.
    }
  }
}
