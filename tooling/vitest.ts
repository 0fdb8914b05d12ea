import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * Where `.ci/run` collects what was run: one JSON report per vitest run, named after the package's folder. The process id keeps
 * two runs of one package apart.
 */
function reportFile(folder: string): string {
  const root = fileURLToPath(new URL('..', import.meta.url));
  return join(folder, `${relative(root, process.cwd()).replaceAll(/[\\/]/g, '-')}.${process.pid}.json`);
}

const reports = process.env['SI_TEST_REPORTS'];

/** The one vitest configuration: every package's `vitest.config.ts` re-exports it. Workspace packages resolve to their sources. */
const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ['@si-mqtt/source', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports ? { outputFile: { json: reportFile(reports) } } : {}),
  },
});
export default config;
