// What the repository's own commands share: where the repository is, which packages it has, and how to run a program in it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Workspace packages of `parents`, as `{ folder, path, manifest }`; `folder` is relative to the root, e.g. `packages/codec`. */
export function workspacePackages(parents = ['packages', 'apps']) {
  return parents.flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => `${parent}/${name}`)
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .map((folder) => ({ folder, path: join(root, folder), manifest: readJson(join(root, folder, 'package.json')) })),
  );
}

/**
 * Runs a program without a shell and waits for its end. Output is collected, and shown at once if `show` is set.
 * After `timeoutSeconds` the whole process group is ended, and `status` is 124.
 */
export function run(command, args, { cwd = root, env = {}, timeoutSeconds = 600, show = false } = {}) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
      if (show) process.stdout.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    let timedOut = false;
    const endGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group has ended by itself.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup('SIGKILL');
    }, timeoutSeconds * 1000);
    // The group is not ours to the terminal, so an interrupt has to be handed on.
    const interrupted = () => {
      endGroup('SIGTERM');
      process.exit(130);
    };
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
    const finish = (status) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      resolve({ status, output, seconds: (performance.now() - begun) / 1000 });
    };
    child.once('error', (error) => finish((collect(`${command}: ${error.message}\n`), 127)));
    child.once('close', (code, signal) => {
      if (timedOut) collect(`${command} was ended after ${timeoutSeconds} s\n`);
      finish(timedOut ? 124 : (code ?? (signal === null ? 1 : 128)));
    });
  });
}

/** A program of the workspace's node_modules, e.g. `local('biome')`. */
export const local = (name) => join(root, 'node_modules', '.bin', name);

const onPath = (name) => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));

/**
 * Runs `args` (a program and its arguments) where `pnpm` and the workspace's programs are on PATH: turbo starts every task through pnpm.
 * Without a pnpm, npx fetches the version that package.json names.
 */
export function runWithPnpm(args, options = {}) {
  const env = {
    ...options.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
  const [command, ...rest] = args;
  if (onPath('pnpm')) return run(command, rest, { ...options, env });
  const { packageManager } = readJson(join(root, 'package.json'));
  const line = args.map((argument) => `'${argument.replaceAll("'", `'\\''`)}'`).join(' ');
  return run('npx', ['--yes', '--prefer-offline', '-p', packageManager, '-c', line], { ...options, env });
}
