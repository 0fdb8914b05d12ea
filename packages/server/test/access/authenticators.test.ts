import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReasonCode } from '@si-mqtt/codec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AnonymousAuthenticator } from '../../src/access/anonymous-authenticator.js';
import { authenticateWith } from '../../src/access/authenticate-with.js';
import { type AuthenticationResult, type Authenticator, type Credentials } from '../../src/access/authenticator.js';
import { CertificateAuthenticator } from '../../src/access/certificate-authenticator.js';
import { ConcurrencyLimit } from '../../src/access/concurrency-limit.js';
import { setUser } from '../../src/access/password-edit.js';
import { PasswordFile } from '../../src/access/password-file.js';
import { PasswordFileAuthenticator } from '../../src/access/password-file-authenticator.js';
import { type AccessRules, allowAll, type Permissions } from '../../src/access/permissions.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Permissions that tell whom they were made for. */
const made = new Map<string, Permissions>();
const rules: AccessRules = {
  permissionsFor(userName, clientId) {
    const permissions = { ...allowAll };
    made.set(`${userName} ${clientId}`, permissions);
    return permissions;
  },
};

function credentials(given: Partial<Credentials> = {}): Credentials {
  return {
    clientId: 'c1',
    userName: undefined,
    password: undefined,
    protocolVersion: 5,
    listenerName: 'tcp',
    remoteAddress: '127.0.0.1',
    certificate: undefined,
    ...given,
  };
}

function certificate(commonName: string | undefined): Partial<Credentials> {
  return { certificate: { commonName, fingerprint256: 'AB:CD', subject: `CN=${commonName}` } };
}

let folder: string;
let path: string;
beforeEach(async () => {
  made.clear();
  folder = await mkdtemp(join(tmpdir(), 'auth-'));
  path = join(folder, 'users');
});
afterEach(() => rm(folder, { recursive: true }));

describe('AnonymousAuthenticator', () => {
  const anonymous = new AnonymousAuthenticator(rules);
  test('accepts who gives neither user name nor password', async () => {
    const result = await anonymous.authenticate(credentials());
    expect(result).toEqual({ accepted: { userName: undefined, permissions: made.get('undefined c1') } });
  });
  test.each([{ userName: 'alice' }, { userName: '' }, { password: bytes('x') }])('leaves %j to others', async (given) => {
    expect(await anonymous.authenticate(credentials(given))).toBe('undecided');
  });
});

describe('CertificateAuthenticator', () => {
  const byCertificate = new CertificateAuthenticator(rules);
  test('takes the common name as user name, whatever CONNECT says', async () => {
    const result = await byCertificate.authenticate(credentials({ ...certificate('sensor 7'), userName: 'admin' }));
    expect(result).toEqual({ accepted: { userName: 'sensor 7', permissions: made.get('sensor 7 c1') } });
  });
  test.each([{}, certificate(undefined), certificate(''), certificate('admin\0.example')])('leaves %j to others', async (given) => {
    expect(await byCertificate.authenticate(credentials(given))).toBe('undecided');
  });
});

describe('PasswordFileAuthenticator', () => {
  test('accepts, refuses with 0x86, or leaves unknown users to the next', async () => {
    await setUser(path, 'alice', 'wonder');
    const passwordFile = await PasswordFile.open({ path });
    const authenticator = new PasswordFileAuthenticator({ passwordFile, rules, limit: new ConcurrencyLimit() });
    const ask = (userName?: string, password?: string): Promise<AuthenticationResult> =>
      authenticator.authenticate(credentials({ userName, password: password === undefined ? undefined : bytes(password) }));
    const result = await ask('alice', 'wonder');
    expect(result).toEqual({ accepted: { userName: 'alice', permissions: made.get('alice c1'), stillValid: expect.any(Function) } });
    expect(await ask('alice', 'wander')).toEqual({ refused: { reasonCode: ReasonCode.badUserNameOrPassword } });
    expect([await ask('bob', 'wonder'), await ask('alice'), await ask(undefined, 'wonder'), await ask()]).toEqual(
      Array(4).fill('undecided'),
    );

    if (typeof result === 'string' || !('accepted' in result)) throw new Error('not accepted');
    expect(result.accepted.stillValid?.()).toBe(true);
    await writeFile(path, '');
    (await passwordFile.prepare())();
    expect(result.accepted.stillValid?.()).toBe(false);
  });

  test('a user who is removed while the check runs is not let in', async () => {
    await setUser(path, 'alice', 'wonder');
    const passwordFile = await PasswordFile.open({ path });
    const limit = new ConcurrencyLimit({ runningMax: 1 });
    const authenticator = new PasswordFileAuthenticator({ passwordFile, rules, limit });
    let removed!: () => void;
    const untilRemoved = new Promise<void>((resolve) => {
      removed = resolve;
    });
    const { verify } = passwordFile;
    passwordFile.verify = async (...given) => {
      const answer = await verify.apply(passwordFile, given);
      await untilRemoved;
      return answer;
    };
    const result = authenticator.authenticate(credentials({ userName: 'alice', password: bytes('wonder') }));
    await writeFile(path, '');
    (await passwordFile.prepare())();
    removed();
    expect(await result).toEqual({ refused: { reasonCode: ReasonCode.badUserNameOrPassword } });
  });

  test('is busy (0x89) when the waiting room is full, and does not work for connections that are gone', async () => {
    await setUser(path, 'alice', 'wonder');
    const limit = new ConcurrencyLimit({ runningMax: 1, waitingMax: 1 });
    const authenticator = new PasswordFileAuthenticator({ passwordFile: await PasswordFile.open({ path }), rules, limit });
    const alice = credentials({ userName: 'alice', password: bytes('wonder') });
    const results = await Promise.all([
      authenticator.authenticate(alice),
      authenticator.authenticate(alice, () => false),
      authenticator.authenticate(alice),
    ]);
    expect(results[0]).toHaveProperty('accepted');
    expect(results[1]).toHaveProperty('refused');
    expect(results[2]).toEqual({ refused: { reasonCode: ReasonCode.serverBusy } });
    expect([limit.completedTotal, limit.abandonedTotal, limit.refusedTotal]).toEqual([1, 1, 1]);
  });
});

describe('authenticateWith', () => {
  const fixed = (name: string, result: AuthenticationResult): Authenticator => ({ name, authenticate: () => Promise.resolve(result) });
  const accepting = fixed('accepting', { accepted: { userName: 'alice', permissions: allowAll } });
  const refusal = { reasonCode: ReasonCode.banned, reasonString: 'go away', userProperties: [['why', 'because']] as const };
  const refusing = fixed('refusing', { refused: refusal });
  const undecided = fixed('undecided', 'undecided');

  test('the first that decides is the one that counts', async () => {
    expect(await authenticateWith([undecided, accepting, refusing], credentials())).toEqual({
      accepted: { userName: 'alice', permissions: allowAll },
      authenticator: accepting,
    });
    expect(await authenticateWith([undecided, refusing, accepting], credentials())).toEqual({ refused: refusal });
  });

  test('if none decides, anonymous clients get 0x87, the others 0x86', async () => {
    expect(await authenticateWith([undecided], credentials())).toEqual({ refused: { reasonCode: ReasonCode.notAuthorized } });
    expect(await authenticateWith([], credentials({ userName: 'x' }))).toEqual({
      refused: { reasonCode: ReasonCode.badUserNameOrPassword },
    });
  });

  test('a failure is not taken for "undecided"', async () => {
    const failing: Authenticator = { name: 'failing', authenticate: () => Promise.reject(new Error('database away')) };
    await expect(authenticateWith([failing, accepting], credentials())).rejects.toThrow('database away');
  });

  test('stillWanted reaches every authenticator', async () => {
    const stillWanted = (): boolean => true;
    const seen: unknown[] = [];
    const spy: Authenticator = {
      name: 'spy',
      authenticate(_, given) {
        seen.push(given);
        return Promise.resolve('undecided');
      },
    };
    await authenticateWith([spy, spy], credentials(), stillWanted);
    expect(seen).toEqual([stillWanted, stillWanted]);
  });
});
