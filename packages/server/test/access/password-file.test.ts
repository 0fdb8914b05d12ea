import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileError } from '../../src/access/file-error.js';
import { deleteUser, findUserNameFault, formatUserLines, setUser } from '../../src/access/password-edit.js';
import { PasswordFile } from '../../src/access/password-file.js';
import { verifyPassword } from '../../src/access/password-hash.js';
import { parsePasswordRecords } from '../../src/access/password-records.js';

vi.mock('../../src/access/password-hash.js', { spy: true });

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'users-'));
  path = join(folder, 'users');
});
afterEach(() => rm(folder, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function fixture(name: string): Promise<string> {
  return readFile(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
}

describe('files that mosquitto_passwd wrote', () => {
  test.each([
    ['mosquitto-pbkdf2.txt', 'alice', 'wonder'],
    ['mosquitto-pbkdf2.txt', 'bob', 'pässword'],
    ['mosquitto-sha512.txt', 'alice', 'wonder'],
    ['mosquitto-sha512.txt', 'bob', 'pässword'],
    ['mosquitto-sha512.txt', 'carol', 'secret word'],
  ])('%s: %s', async (name, userName, password) => {
    await writeFile(path, await fixture(name));
    const file = await PasswordFile.open({ path });
    expect(await file.verify(userName, bytes(password))).toBe('correct');
    expect(await file.verify(userName, bytes(`${password} `))).toBe('wrong');
    expect(await file.verify(userName, bytes(''))).toBe('wrong');
    expect(await file.verify('nobody', bytes(password))).toBe('unknown');
  });
});

test('argon2id hashes of `si-mqtt passwd` and of others', async () => {
  const [line] = await formatUserLines('alice', 'wonder');
  expect(line).toMatch(/^alice:\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  await writeFile(path, `${line}\n# a comment\n\n`);
  const file = await PasswordFile.open({ path });
  expect(await file.verify('alice', bytes('wonder'))).toBe('correct');
  expect(await file.verify('alice', bytes('Wonder'))).toBe('wrong');
  expect(await file.verify('bob', bytes('wonder'))).toBe('unknown');
});

// Which hash is computed, and not how long it takes: times depend on what else the machine does.
test('an unknown user costs as much as a known one', async () => {
  const cheap = `bob:$6$${'A'.repeat(16)}$${Buffer.alloc(64).toString('base64')}`;
  await writeFile(path, `${(await formatUserLines('alice', 'wonder')).join('\n')}\n${cheap}\n`);
  const file = await PasswordFile.open({ path });
  const verification = vi.mocked(verifyPassword);
  const hashesFor = async (userName: string): Promise<(string | undefined)[]> => {
    verification.mockClear();
    await file.verify(userName, bytes('x'));
    // It waited for the answer, and it was the password that was given which was checked.
    expect(verification.mock.settledResults.map(({ type }) => type)).toEqual(verification.mock.calls.map(() => 'fulfilled'));
    return verification.mock.calls.map(([hash, password]) => (Buffer.from(password).toString() === 'x' ? hash.kind : undefined));
  };
  expect([await hashesFor('alice'), await hashesFor('bob')]).toEqual([['argon2id'], ['sha512']]);

  // One hash of the file for each name, always the same one, and none is left out: 1 in 2^31 that chance does so with 32 names.
  const names = Array.from({ length: 32 }, (_, index) => `user${index}`);
  const hashes: (string | undefined)[][] = [];
  for (const name of names) hashes.push(await hashesFor(name));
  expect(hashes.every(({ length }) => length === 1)).toBe(true);
  expect([...new Set(hashes.flat())].sort()).toEqual(['argon2id', 'sha512']);
  for (const name of names.slice(0, 8)) expect(await hashesFor(name)).toEqual(hashes[names.indexOf(name)]);
});

test('a user with a SCRAM line alone has no password to be checked by', async () => {
  const [, scram] = await formatUserLines('alice', 'wonder', { scram: true });
  await writeFile(path, `${scram}\n`);
  const file = await PasswordFile.open({ path });
  expect([await file.verify('alice', bytes('wonder')), file.has('alice'), file.scramVerifier('alice')?.iterations]).toEqual([
    'wrong',
    true,
    4096,
  ]);
});

describe('faults name file and line and never show the line', () => {
  const salt = 'A'.repeat(16);
  const hash = Buffer.alloc(64, 1).toString('base64');
  const key = Buffer.alloc(32, 1).toString('base64');
  test.each([
    ['a line is a user name', 'secret'],
    ['a line is a user name', ':secret'],
    ['not hashed', 'alice:secret'],
    ['not hashed', 'alice:'],
    ['not hashed', `alice:$5$${salt}$secret`],
    ['number of parts', `alice:$6$${salt}$${hash}$secret`],
    ['number of parts', `alice:$7$${salt}$${hash}`],
    ['the salt', `alice:$6$se-cret$${hash}`],
    ['the hash', `alice:$6$${salt}$secret`],
    ['iterations', `alice:$7$0$${salt}$${hash}`],
    ['iterations', `alice:$7$99999999999$${salt}$${hash}`],
    ['only argon2id', 'alice:$argon2i$v=19$m=19456,t=2,p=1$c2VjcmV0c2VjcmV0$c2VjcmV0c2VjcmV0'],
    ['of the form', 'alice:$argon2id$v=19$m=19456,t=2$c2VjcmV0c2VjcmV0$c2VjcmV0c2VjcmV0'],
    ['costs', 'alice:$argon2id$v=19$m=9999999,t=2,p=1$c2VjcmV0c2VjcmV0$c2VjcmV0c2VjcmV0'],
    ['costs', 'alice:$argon2id$v=19$m=8,t=2,p=2$c2VjcmV0c2VjcmV0$c2VjcmV0c2VjcmV0'],
    ['SCRAM line', `alice:$scram-sha-256$4096$${salt}$${key}`],
    ['SCRAM iterations', `alice:$scram-sha-256$4095$${salt}$${key}$${key}`],
    ['SCRAM key', `alice:$scram-sha-256$4096$${salt}$${key}$secret`],
    ['SCRAM salt', `alice:$scram-sha-256$4096$secret$${key}$${key}`],
    ['second password', `alice:$6$${salt}$${hash}\nalice:$6$${salt}$${hash}`],
    ['second SCRAM', `alice:$scram-sha-256$4096$${salt}$${key}$${key}\nalice:$scram-sha-256$4096$${salt}$${key}$${key}`],
  ])('%s: %s', (problem, text) => {
    const line = 1 + text.split('\n').length;
    try {
      parsePasswordRecords(`# comment\n${text}\n`, 'users.txt');
      expect.fail('accepted');
    } catch (error) {
      const { message } = error as FileError;
      expect(message).toContain(problem);
      expect(message.startsWith(`users.txt:${line}: `)).toBe(true);
      for (const part of ['secret', salt, hash, key, '\n']) expect(message).not.toContain(part);
    }
  });
});

test('reload: new users come, removed ones go, a broken file changes nothing', async () => {
  await setUser(path, 'alice', 'one');
  const file = await PasswordFile.open({ path });
  await deleteUser(path, 'alice');
  await setUser(path, 'bob', 'two');
  (await file.prepare())();
  expect([file.has('alice'), file.has('bob'), file.size, file.version]).toEqual([false, true, 1, 2]);
  await writeFile(path, 'bob:two\n');
  await expect(file.prepare()).rejects.toBeInstanceOf(FileError);
  expect([file.has('bob'), await file.verify('bob', bytes('two')), file.version]).toEqual([true, 'correct', 2]);
});

describe('editing', () => {
  test('adds, replaces in place, deletes, and leaves every other line alone', async () => {
    const before = `# my users\n${await fixture('mosquitto-pbkdf2.txt')}\n# end`;
    await writeFile(path, before);
    expect(await setUser(path, 'carol', 'three')).toEqual({ userExisted: false, scramRemoved: false });
    expect(await setUser(path, 'alice', 'four', { scram: true })).toEqual({ userExisted: true, scramRemoved: false });
    const lines = (await readFile(path, 'utf8')).split('\n');
    const beforeLines = before.split('\n');
    expect(lines.map((line) => line.split(':')[0])).toEqual(['# my users', 'alice', 'alice', 'bob', '', '# end', 'carol', '']);
    expect([lines[0], lines[3], lines[5]]).toEqual([beforeLines[0], beforeLines[2], '# end']);
    const file = await PasswordFile.open({ path });
    expect([await file.verify('alice', bytes('four')), await file.verify('bob', bytes('pässword'))]).toEqual(['correct', 'correct']);
    expect(file.scramVerifier('alice')).toBeDefined();

    // The old password must not live on in the SCRAM line.
    expect(await setUser(path, 'alice', 'five')).toEqual({ userExisted: true, scramRemoved: true });
    (await file.prepare())();
    expect(file.scramVerifier('alice')).toBeUndefined();

    expect([await deleteUser(path, 'alice'), await deleteUser(path, 'alice')]).toEqual([true, false]);
    expect((await readFile(path, 'utf8')).split('\n').map((line) => line.split(':')[0])).toEqual([
      '# my users',
      'bob',
      '',
      '# end',
      'carol',
      '',
    ]);
  });

  test('writes with mode 0600, through a symbolic link, and leaves nothing behind', async () => {
    const link = join(folder, 'link');
    await writeFile(path, '');
    await chmod(path, 0o644);
    await symlink('users', link);
    await setUser(link, 'alice', 'one');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, 'utf8')).startsWith('alice:')).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['link', 'users']);
  });

  test('a file that is broken elsewhere, or a folder that is missing, is refused and nothing is written', async () => {
    await writeFile(path, 'alice:plain\n');
    await expect(setUser(path, 'bob', 'x')).rejects.toThrow(`${path}:1: `);
    expect(await readFile(path, 'utf8')).toBe('alice:plain\n');
    await expect(setUser(join(folder, 'none', 'users'), 'bob', 'x')).rejects.toThrow('cannot be written (ENOENT)');
    await expect(deleteUser(join(folder, 'none'), 'bob')).rejects.toThrow('does not exist');
  });

  test.each(['', 'a:b', '#a', 'a\nb', 'a\u0000', '\ud800', 'a'.repeat(65_536)])('user name %j cannot be written', async (userName) => {
    expect(findUserNameFault(userName)).toBeTypeOf('string');
    await expect(formatUserLines(userName, 'x')).rejects.toThrow(RangeError);
  });

  test('an empty password, and for SCRAM a control character, cannot be written', async () => {
    await expect(formatUserLines('alice', '')).rejects.toThrow(RangeError);
    await expect(formatUserLines('alice', 'a\u0007', { scram: true })).rejects.toThrow(RangeError);
    await expect(formatUserLines('\u2168', 'a', { scram: true })).rejects.toThrow(RangeError);
    await expect(formatUserLines('alice', 'a', { scram: true, scramIterations: 100 })).rejects.toThrow(RangeError);
  });
});
