// Builds and packs every package that is published, as `pnpm publish` would.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runWithPnpm, workspacePackages } from '../run.mjs';

/** Workspace packages that go to the registry. */
export const publishable = () => workspacePackages().filter(({ manifest }) => manifest.private !== true);

/**
 * Packs into `folder`.
 * @returns the packages, each with `tarball`, the path of its file
 * @throws Error with the output of what failed
 */
export async function packAll(folder) {
  mkdirSync(folder, { recursive: true });
  const build = await runWithPnpm(['turbo', 'run', 'build', '--filter=./packages/*', '--filter=./apps/*', '--output-logs=errors-only']);
  if (build.status !== 0) throw new Error(`the build failed\n${build.output}`);
  const packed = [];
  for (const item of publishable()) {
    const tarball = join(folder, `${item.manifest.name.replace('@', '').replace('/', '-')}.tgz`);
    const { status, output } = await runWithPnpm(['pnpm', 'pack', '--out', tarball], { cwd: item.path, timeoutSeconds: 60 });
    if (status !== 0) throw new Error(`pnpm pack failed in ${item.folder}\n${output}`);
    packed.push({ ...item, tarball });
  }
  return packed;
}
