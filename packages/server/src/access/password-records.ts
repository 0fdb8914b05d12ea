import { FileError } from './file-error.js';
import { type PasswordHash, parsePasswordHash } from './password-hash.js';
import { isScramVerifier, parseScramVerifier, type ScramVerifier } from './scram-verifier.js';

/** What a password file says of one user; at least one of the two is there. */
export interface PasswordRecord {
  readonly password: PasswordHash | undefined;
  readonly scram: ScramVerifier | undefined;
}

/**
 * Reads a password file: mosquitto's format, a line `name:hash` for each user, comments with `#` at the beginning, empty lines; and beside
 * it at most one line `name:$scram-sha-256$…` for each user. Throws a `FileError` with the line.
 */
export function parsePasswordRecords(text: string, path: string): Map<string, PasswordRecord> {
  const records = new Map<string, PasswordRecord>();
  for (const [index, line] of text.split('\n').entries()) {
    const fail = (problem: string): never => {
      throw new FileError(path, index + 1, problem);
    };
    const parts = splitLine(line);
    if (parts === 'nothing') continue;
    if (parts === 'wrong') return fail('a line is a user name, a colon and a hashed password; write it with `si-mqtt passwd`');
    const { userName, secret } = parts;
    const record = records.get(userName);
    if (isScramVerifier(secret)) {
      const scram = parseScramVerifier(secret);
      if (typeof scram === 'string') return fail(scram);
      if (record?.scram !== undefined) fail('the user has a second SCRAM line; remove one of them');
      records.set(userName, { password: record?.password, scram });
    } else {
      const password = parsePasswordHash(secret);
      if (typeof password === 'string') return fail(password);
      if (record?.password !== undefined) fail('the user has a second password line; remove one of them');
      records.set(userName, { password, scram: record?.scram });
    }
  }
  return records;
}

/** One line taken apart; `'nothing'` for an empty line or a comment. */
export function splitLine(line: string): { readonly userName: string; readonly secret: string } | 'nothing' | 'wrong' {
  const text = line.trimEnd();
  if (text === '' || text.startsWith('#')) return 'nothing';
  const colon = text.indexOf(':');
  return colon < 1 ? 'wrong' : { userName: text.slice(0, colon), secret: text.slice(colon + 1) };
}
