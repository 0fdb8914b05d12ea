import { readFileSync } from 'node:fs';

/** Of this package, from the manifest beside its folder of sources or of bundles. */
export const version: string = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;
