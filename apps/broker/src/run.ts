import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { loadConfiguration } from './config.js';
import { type Host } from './host.js';
import { type BrokerLibrary } from './library.js';
import { type ListingOptions, type QueueOptions, queue, sessions } from './look.js';
import { type PasswdOptions, passwd } from './passwd.js';
import { OperatorError, oneLine } from './problems.js';
import { start } from './start.js';
import { backup, migrate } from './upkeep.js';
import { packageVersion } from './version.js';

/** An operator's mistake, on the command line or in a file: another attempt cannot succeed. */
const EXIT_MISTAKE = 2;
/** It may pass by itself. */
const EXIT_TROUBLE = 1;

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
    .description('check the configuration and the files that it names, and start nothing')
    .action(async () => {
      const { file, configuration } = loadConfiguration(named(), host.invocation);
      const problems = await library.accessProblems(configuration.access);
      if (problems.length > 0) throw new OperatorError(problems.map(({ message }) => oneLine(message)));
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
  addStoreCommands(program, async (work) => {
    exitCode = await work(named(), host, library);
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
      return error.mayPass ? EXIT_TROUBLE : EXIT_MISTAKE;
    }
    throw error;
  }
}

type Work = (named: string | undefined, host: Host, library: BrokerLibrary) => Promise<number>;

/** What an operator asks of the store, mostly while the broker runs. */
function addStoreCommands(program: Command, run: (work: Work) => Promise<void>): void {
  const listing = (command: Command, description: string): Command =>
    command
      .description(description)
      .option('--json', 'print one JSON object per line')
      .option('--limit <count>', 'print at most so many', countOf, 1000);
  listing(program.command('sessions'), 'list the sessions that the store has, connected or not')
    .option('--after <client>', 'begin behind this client in the order of the list')
    .action((options: ListingOptions) => run((...around) => sessions(options, ...around)));
  listing(program.command('queue <client>'), 'list the messages that wait for a session')
    .option('--after <position>', 'begin behind this position')
    .option('--payload', 'print the payloads, too')
    .option('--shared', 'the name is not a client, but a shared subscription: $share/{ShareName}/{filter}')
    .action((name: string, options: QueueOptions) => run((...around) => queue(name, options, ...around)));
  program
    .command('backup <file>')
    .description('copy the database into a new file, also while the broker runs (SQLite)')
    .action((file: string) => run((...around) => backup(file, ...around)));
  program
    .command('migrate')
    .description('bring the database to the schema of this version (a start does so, too)')
    .action(() => run(migrate));
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('It is not a whole number, at least 1.');
  return count;
}
