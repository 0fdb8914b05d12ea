#!/usr/bin/env node
import { Interruption, runCommand } from './run-command.js';

const stopping = new AbortController();
for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(name, () => {
    if (stopping.signal.aborted) process.exit(exitCode);
    process.stderr.write('\nstopping, and removing what the tests left on the broker; once more ends at once\n');
    stopping.abort(new Interruption(exitCode));
  });
}
// Who reads the table may have gone, as `head` does.
process.stdout.on('error', () => process.exit(2));

const exitCode = await runCommand({
  argv: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopping.signal,
});
process.stdout.write('', () => process.exit(exitCode));
