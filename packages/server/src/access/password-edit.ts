import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError } from './file-error.js';
import { hashPassword } from './password-hash.js';
import { parsePasswordRecords, splitLine } from './password-records.js';
import { readText } from './polled-file.js';
import { saslPrepare } from './sasl-prepare.js';
import { createScramVerifier, formatScramVerifier } from './scram-verifier.js';

export interface SetUserOptions {
  /** Adds the line that SCRAM-SHA-256 needs. mosquitto does not read files that have one. */
  readonly scram?: boolean;
  /** For SCRAM, 4,096 by default. */
  readonly scramIterations?: number;
}

/** What `setUser` found and did. */
export interface SetUserResult {
  readonly userExisted: boolean;
  /** The user had a SCRAM line, which would have gone on with the old password. */
  readonly scramRemoved: boolean;
}

const userNameBytesMax = 65_535;

/** What is wrong with a user name, as the end of a sentence; undefined if a line can begin with it. */
export function findUserNameFault(userName: string): string | undefined {
  if (userName === '') return 'a user name is not empty';
  if (userName.includes(':')) return 'a user name in a password file has no colon';
  if (userName.startsWith('#')) return 'a user name in a password file does not begin with `#`';
  if (/[\p{Cc}\p{Cs}]/u.test(userName)) return 'a user name has no control characters';
  if (Buffer.byteLength(userName) > userNameBytesMax) return `a user name has at most ${userNameBytesMax} bytes`;
  return undefined;
}

/** The lines of one user: argon2id and, if asked for, SCRAM-SHA-256. Throws a RangeError for a name or password that cannot be used. */
export async function formatUserLines(userName: string, password: string, options: SetUserOptions = {}): Promise<string[]> {
  const fault = findUserNameFault(userName);
  if (fault !== undefined) throw new RangeError(fault);
  if (password === '') throw new RangeError('a password is not empty');
  const lines = [`${userName}:${await hashPassword(new TextEncoder().encode(password))}`];
  if (options.scram === true) {
    if (saslPrepare(userName) !== userName) throw new RangeError('the user name has characters that SCRAM writes in another way');
    lines.push(`${userName}:${formatScramVerifier(await createScramVerifier(password, { iterations: options.scramIterations }))}`);
  }
  return lines;
}

/**
 * Adds a user to a password file or replaces all its lines in their place; makes the file if there is none. Rejects with a `FileError`, also if the
 * file has a fault elsewhere, and with a RangeError as `formatUserLines` does.
 */
export async function setUser(path: string, userName: string, password: string, options: SetUserOptions = {}): Promise<SetUserResult> {
  const newLines = await formatUserLines(userName, password, options);
  const text = await readTextIfThere(path);
  const record = parsePasswordRecords(text, path).get(userName);
  const { lines, position } = withoutUser(text, userName);
  lines.splice(position ?? lines.length, 0, ...newLines);
  await writeAtomically(path, joinLines(lines));
  return { userExisted: record !== undefined, scramRemoved: record?.scram !== undefined && options.scram !== true };
}

/** Removes all lines of a user. False if the file has none. Rejects with a `FileError`. */
export async function deleteUser(path: string, userName: string): Promise<boolean> {
  const text = await readText(path);
  if (!parsePasswordRecords(text, path).has(userName)) return false;
  await writeAtomically(path, joinLines(withoutUser(text, userName).lines));
  return true;
}

/** `position` is where the first line of the user was. */
function withoutUser(text: string, userName: string): { lines: string[]; position: number | undefined } {
  const lines: string[] = [];
  let position: number | undefined;
  for (const line of text.split('\n')) {
    const parts = splitLine(line);
    if (typeof parts !== 'string' && parts.userName === userName) position ??= lines.length;
    else lines.push(line);
  }
  // What follows the last line feed is not a line.
  if (lines.at(-1) === '') lines.pop();
  return { lines, position };
}

function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

async function readTextIfThere(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return exists ? await readText(path) : '';
}

/**
 * Replaces the file as a whole, readable by its owner alone, so that a broker never reads half of it. A symbolic link stays and its target is
 * replaced; the owner stays the same, because the broker runs as that one.
 */
async function writeAtomically(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    const before = await stat(target).catch(() => undefined);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      const own = await handle.stat();
      if (before !== undefined && (before.uid !== own.uid || before.gid !== own.gid)) await handle.chown(before.uid, before.gid);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new FileError(path, undefined, `cannot be written (${code}); run the command as the owner of the file and its folder`);
  }
}
