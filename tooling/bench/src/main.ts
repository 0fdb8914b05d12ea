import { carryOut } from './commands.js';
import { readOptions } from './options.js';

// `npm run bench`: see `usage` in options.ts.
try {
  await carryOut(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
