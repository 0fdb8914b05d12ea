import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { type Host } from './host.js';
import { type BrokerLibrary } from './library.js';
import { OperatorError, oneLine } from './problems.js';

export interface PasswdOptions {
  readonly delete?: boolean;
  readonly scram?: boolean;
  readonly passwordStdin?: boolean;
}

/** Longest text that CONNECT can carry as a password. */
const PASSWORD_BYTES_MAX = 65_535;

/** Adds, replaces or removes one user of a password file. */
export async function passwd(file: string, userName: string, options: PasswdOptions, host: Host, library: BrokerLibrary): Promise<number> {
  const path = resolve(host.invocation.workingFolder, file);
  try {
    if (options.delete === true) {
      if (!(await library.deleteUser(path, userName))) {
        throw new OperatorError([oneLine(`${file}: there is no user "${userName}": look at the names in the file`)]);
      }
      host.stdout.write(`removed ${oneLine(userName)}\n`);
      return 0;
    }
    const password = options.passwordStdin === true ? await passwordFromInput(host) : await passwordFromTerminal(host);
    const { userExisted, scramRemoved } = await library.setUser(path, userName, password, { scram: options.scram === true });
    host.stdout.write(`${userExisted ? 'changed' : 'added'} ${oneLine(userName)}\n`);
    if (scramRemoved) {
      host.stdout.write('the entry for SCRAM had the old password and was removed; --scram writes a new one\n');
    }
    return 0;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === 'FileError')) {
      throw new OperatorError([oneLine(error instanceof RangeError ? `${error.message}: choose another one` : error.message)]);
    }
    throw error;
  }
}

/** The first line of standard input, or all of it if it has no line break. */
async function passwordFromInput({ stdin }: Host): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk as string);
    chunks.push(bytes);
    length += bytes.length;
    if (length > PASSWORD_BYTES_MAX || bytes.includes(0x0a)) {
      break;
    }
  }
  const line = Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1)[0];
  if (Buffer.byteLength(line) > PASSWORD_BYTES_MAX) {
    throw new OperatorError([`the password is longer than ${PASSWORD_BYTES_MAX} bytes: choose another one`]);
  }
  return line;
}

/** Asks twice, without showing what is typed. */
async function passwordFromTerminal(host: Host): Promise<string> {
  if (host.stdin.isTTY !== true) {
    throw new OperatorError(['standard input is no terminal, the password cannot be asked for: use --password-stdin']);
  }
  const password = await ask('Password: ', host);
  if ((await ask('Again: ', host)) !== password) {
    throw new OperatorError(['the passwords differ: try again']);
  }
  return password;
}

async function ask(question: string, { stdin, stderr }: Host): Promise<string> {
  stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((answer, reject) => {
      terminal.once('line', answer);
      terminal.once('close', () => reject(new OperatorError(['nothing was changed: no password was given'])));
    });
  } finally {
    terminal.close();
    stderr.write('\n');
  }
}
