import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The one vitest configuration: every package's `vitest.config.ts` re-exports it. Workspace packages resolve to their sources. */
const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ['@si-mqtt/source', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    reporters: process.env['CI'] === 'true' ? ['default'] : ['default'],
  },
});
export default config;
