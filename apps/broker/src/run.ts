import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { loadConfiguration } from './config.js';
import { type Host } from './host.js';
import { type BrokerLibrary } from './library.js';
import { type PasswdOptions, passwd } from './passwd.js';
import { OperatorError } from './problems.js';
import { start } from './start.js';

/** An operator's mistake, on the command line or in a file. */
const EXIT_MISTAKE = 2;

/** The whole `si-mqtt` command. Resolves to the exit code; rejects only for a defect of ours. */
export async function run(host: Host, library: BrokerLibrary): Promise<number> {
  let exitCode = 0;
  const program = new Command('si-mqtt')
    .description('An MQTT broker for MQTT 3.1, 3.1.1 and 5.0.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --config <file>', 'configuration file; otherwise the file that SI_CFG_PATH names, or config/config.toml')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => host.stdout.write(text), writeErr: (text) => host.stderr.write(text) });
  const named = (): string | undefined => program.opts<{ config?: string }>().config;

  program
    .command('start', { isDefault: true })
    .description('start the broker (what si-mqtt does without a command)')
    .action(async () => {
      exitCode = await start(named(), host, library);
    });
  program
    .command('check')
    .description('check the configuration, and start nothing')
    .action(() => {
      const { file } = loadConfiguration(named(), host.invocation);
      host.stdout.write(file === undefined ? 'no configuration file was found: the built-in defaults hold\n' : `${file} is valid\n`);
    });
  program
    .command('passwd <file> <user>')
    .description('add a user to a password file, or change the password')
    .option('--delete', 'remove the user')
    .option('--scram', 'also write what SCRAM-SHA-256 needs')
    .option('--password-stdin', 'read the password from standard input')
    .action(async (file: string, user: string, options: PasswdOptions) => {
      exitCode = await passwd(file, user, options, host, library);
    });

  try {
    await program.parseAsync([...host.invocation.argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end this way too, with 0; commander has already said what is wrong.
      return error.exitCode === 0 ? 0 : EXIT_MISTAKE;
    }
    if (error instanceof OperatorError) {
      host.stderr.write(`${error.lines.join('\n')}\n`);
      return EXIT_MISTAKE;
    }
    throw error;
  }
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
