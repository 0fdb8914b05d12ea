import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const copied = ['package.json', 'pnpm-workspace.yaml', 'tsconfig.base.json', 'tooling/declarations.mjs'];
const notCopiedOfPackage = ['node_modules', 'dist', 'test', '.turbo', 'coverage'];

/** An unreachable registry shall show within seconds, and one hiccup of it shall not matter. */
const npmSettings = { npm_config_fetch_retries: '1', npm_config_fetch_retry_mintimeout: '1000', npm_config_fetch_timeout: '15000' };

/** Runs a command and returns what it printed. The error of a failed one has its output in the message. */
export async function run(folder: string, command: string, ...parameters: string[]): Promise<string> {
  try {
    const { stdout } = await execute(command, parameters, {
      cwd: folder,
      env: { ...process.env, ...npmSettings },
      timeout: 40_000,
      maxBuffer: 10_000_000,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${parameters.join(' ')} failed\n${stdout}\n${stderr}`, { cause: error });
  }
}

/**
 * Builds and packs the codec and this package as they are published, from copies in `folder`: nothing is needed but an installed workspace,
 * and no `dist` that someone else is building is touched.
 * @returns the paths of the tarballs.
 */
export async function packTarballs(folder: string): Promise<{ codec: string; mqttPacket: string }> {
  const workspace = join(folder, 'workspace');
  await mkdir(join(workspace, 'tooling'), { recursive: true });
  await Promise.all(copied.map((path) => cp(join(root, path), join(workspace, path))));
  await symlink(join(root, 'node_modules'), join(workspace, 'node_modules'));
  for (const name of ['codec', 'mqtt-packet']) {
    const wanted = (await readdir(join(root, 'packages', name))).filter((path) => !notCopiedOfPackage.includes(path));
    await Promise.all(
      wanted.map((path) => cp(join(root, 'packages', name, path), join(workspace, 'packages', name, path), { recursive: true })),
    );
  }
  const scope = join(workspace, 'packages/mqtt-packet/node_modules/@si-mqtt');
  await mkdir(scope, { recursive: true });
  await symlink(join(workspace, 'packages/codec'), join(scope, 'codec'));
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { packageManager: string };
  const tarballs = join(folder, 'tarballs');
  for (const name of ['codec', 'mqtt-packet']) {
    const packageFolder = join(workspace, 'packages', name);
    await run(packageFolder, 'npm', 'run', 'build');
    await run(packageFolder, 'npx', '--yes', '--prefer-offline', '-p', packageManager, '-c', `pnpm pack --pack-destination ${tarballs}`);
  }
  const files = await readdir(tarballs);
  const find = (start: string): string => join(tarballs, files.find((file) => file.startsWith(start)) ?? start);
  return { codec: find('si-mqtt-codec'), mqttPacket: find('si-mqtt-mqtt-packet') };
}

/** Writes a package.json and lets npm install it. */
export async function install(project: string, manifest: object): Promise<void> {
  await mkdir(project, { recursive: true });
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  await run(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts');
}

/** True for an error of `install` that says that the registry cannot be reached. */
export function isOffline(error: unknown): boolean {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(String(error));
}
