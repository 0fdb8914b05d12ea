import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReasonCode } from '@si-mqtt/codec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuthenticationExchange, type ExchangeStep } from '../../src/access/enhanced.js';
import { formatUserLines } from '../../src/access/password-edit.js';
import { PasswordFile } from '../../src/access/password-file.js';
import { unrestricted } from '../../src/access/permissions.js';
import { saslPrepare } from '../../src/access/sasl-prepare.js';
import { ScramSha256 } from '../../src/access/scram-sha-256.js';
import { createScramVerifier, formatScramVerifier } from '../../src/access/scram-verifier.js';
import { bytes, ScramClient } from './scram-client.js';

const context = { clientId: 'c1', userName: undefined, listenerName: 'tcp' };
const wrong = { refused: { reasonCode: ReasonCode.badUserNameOrPassword } };
const malformed = { refused: { reasonCode: ReasonCode.notAuthorized, reasonString: 'SCRAM message not understood' } };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scram-'));
  path = join(folder, 'users');
});
afterEach(() => rm(folder, { recursive: true }));

async function openWith(...lines: string[]): Promise<PasswordFile> {
  await writeFile(path, `${lines.join('\n')}\n`);
  return PasswordFile.open({ path });
}

async function scramLine(userName: string, password: string, iterations?: number): Promise<string> {
  return `${userName}:${formatScramVerifier(await createScramVerifier(password, { iterations }))}`;
}

function textOf(step: ExchangeStep): string {
  if (!('continue' in step)) throw new Error(`unexpected ${JSON.stringify(step)}`);
  return Buffer.from(step.continue).toString();
}

async function challengeOf(exchange: AuthenticationExchange, first: Uint8Array): Promise<Uint8Array> {
  return bytes(textOf(await exchange.step(first)));
}

async function authenticate(mechanism: ScramSha256, client: ScramClient, userName?: string): Promise<ExchangeStep> {
  const exchange = mechanism.start({ ...context, userName });
  const step = await exchange.step(client.first());
  return 'continue' in step ? exchange.step(client.final(step.continue)) : step;
}

test('the example of RFC 7677, section 3', async () => {
  const verifier = await createScramVerifier('pencil', { salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), iterations: 4096 });
  const passwordFile = await openWith(`user:${formatScramVerifier(verifier)}`);
  const exchange = new ScramSha256({ passwordFile, rules: unrestricted, nonce: () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0' }).start(context);
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  expect(textOf(await exchange.step(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')))).toBe(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  const end = await exchange.step(bytes(`c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`));
  if (!('accepted' in end)) throw new Error('not accepted');
  expect([end.accepted.userName, Buffer.from(end.data!).toString()]).toEqual(['user', 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=']);
  await expect(exchange.step(undefined)).rejects.toThrow('over');
});

describe('an exchange', () => {
  test.each([
    ['n,,', 'alice', 'wonder'],
    ['y,,', 'alice', 'wonder'],
    ['n,,', 'a=b,c', 'p,=ä\u00a0x'],
  ])('with %s, user %s', async (gs2Header, userName, password) => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine(userName, password)), rules: unrestricted });
    const client = new ScramClient({ userName, password: saslPrepare(password)!, gs2Header });
    const end = await authenticate(mechanism, client, userName);
    if (!('accepted' in end)) throw new Error('not accepted');
    expect([end.accepted.userName, client.isServer(end.data!)]).toEqual([userName, true]);
  });

  test('nonces are new each time', async () => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine('alice', 'x')), rules: unrestricted });
    const first = new ScramClient({ userName: 'alice', password: 'x' }).first();
    expect(textOf(await mechanism.start(context).step(first))).not.toBe(textOf(await mechanism.start(context).step(first)));
  });

  test('a wrong password, another User Name in CONNECT, or a user removed meanwhile is refused with 0x86', async () => {
    const passwordFile = await openWith(await scramLine('alice', 'wonder'));
    const mechanism = new ScramSha256({ passwordFile, rules: unrestricted });
    expect(await authenticate(mechanism, new ScramClient({ userName: 'alice', password: 'wander' }))).toEqual(wrong);
    expect(await authenticate(mechanism, new ScramClient({ userName: 'alice', password: 'wonder' }), 'bob')).toEqual(wrong);

    const accepted = await authenticate(mechanism, new ScramClient({ userName: 'alice', password: 'wonder' }));
    const exchange = mechanism.start(context);
    const client = new ScramClient({ userName: 'alice', password: 'wonder' });
    const challenge = await challengeOf(exchange, client.first());
    await writeFile(path, await scramLine('bob', 'x'));
    (await passwordFile.prepare())();
    expect(await exchange.step(client.final(challenge))).toEqual(wrong);
    expect('accepted' in accepted && accepted.accepted.stillValid?.()).toBe(false);
  });

  test('unknown users and those without SCRAM line get a challenge like others, the same each time, and are refused at the end', async () => {
    const salt = Buffer.alloc(20, 7);
    const verifier = await createScramVerifier('x', { salt, iterations: 5000 });
    const lines = [`bob:${formatScramVerifier(verifier)}`, ...(await formatUserLines('alice', 'wonder'))];
    // Two nodes with the same file answer alike.
    const mechanisms = [await openWith(...lines), await openWith(...lines)].map(
      (passwordFile) => new ScramSha256({ passwordFile, rules: unrestricted, nonce: () => 'n' }),
    );
    const seen = new Set<string>();
    for (const userName of ['alice', 'nobody', 'bob']) {
      const client = new ScramClient({ userName, password: 'wonder' });
      const [one, two] = await Promise.all(
        mechanisms.map(async (mechanism) => textOf(await mechanism.start(context).step(client.first()))),
      );
      expect(one).toBe(two);
      const [, saltText, iterations] = /,s=([^,]+),i=(\d+)$/.exec(one)!;
      expect([Buffer.from(saltText, 'base64').length, iterations]).toEqual([20, '5000']);
      seen.add(saltText);
      expect(await authenticate(mechanisms[0], client)).toEqual(wrong);
    }
    expect(seen.size).toBe(3);
  });

  test('without any SCRAM line everybody is refused', async () => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(...(await formatUserLines('alice', 'wonder'))), rules: unrestricted });
    expect(await authenticate(mechanism, new ScramClient({ userName: 'alice', password: 'wonder' }))).toEqual(wrong);
  });
});

describe('messages against the grammar are refused with 0x87', () => {
  const valid = 'n,,n=alice,r=abc';
  test.each([
    [undefined],
    [''],
    ['n=alice,r=abc'],
    ['x,,n=alice,r=abc'],
    ['n,a=bob,n=alice,r=abc'],
    ['n,,m=ext,n=alice,r=abc'],
    ['n,,n=,r=abc'],
    ['n,,n=al=ice,r=abc'],
    ['n,,n=al=2cice,r=abc'],
    ['n,,n=alice'],
    ['n,,n=alice,r='],
    ['n,,n=alice,r=a\u00e4'],
    ['n,,n=alice,r=a b'],
    ['n,,r=abc,n=alice'],
    ['n,,n=alice,r=abc,'],
    [`n,,n=alice,r=${'a'.repeat(257)}`],
    [`n,,n=${'a'.repeat(4096)},r=abc`],
  ])('first message %j', async (text) => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine('alice', 'x')), rules: unrestricted });
    expect(await mechanism.start(context).step(text === undefined ? undefined : bytes(text))).toEqual(malformed);
    expect(await mechanism.start(context).step(bytes(valid))).toHaveProperty('continue');
    expect(await mechanism.start(context).step(Uint8Array.of(...bytes(valid), 0xff))).toEqual(malformed);
  });

  test('an optional extension is passed over; channel binding is refused', async () => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine('alice', 'x')), rules: unrestricted });
    expect(await mechanism.start(context).step(bytes(`${valid},z=more`))).toHaveProperty('continue');
    expect(await mechanism.start(context).step(bytes('p=tls-exporter,,n=alice,r=abc'))).toEqual({
      refused: { reasonCode: ReasonCode.notAuthorized, reasonString: 'SCRAM channel binding not supported' },
    });
  });

  test.each<[string, (final: string) => string | undefined]>([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['no proof', (final) => final.replace(/,p=.*/, '')],
    ['short proof', (final) => final.replace(/,p=.*/, ',p=AAAA')],
    ['proof with garbage', (final) => `${final} `],
    ['other nonce', (final) => final.replace('r=', 'r=x')],
    ['nonce of the client alone', (final) => final.replace(/r=[^,]+/, 'r=abc')],
    ['other channel binding', (final) => final.replace('c=biws', 'c=eSws')],
    ['malformed extension', (final) => final.replace(',p=', ',1=x,p=')],
    ['something after the proof', (final) => `${final},z=x`],
  ])('second message: %s', async (_, change) => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine('alice', 'x')), rules: unrestricted });
    const exchange = mechanism.start(context);
    const client = new ScramClient({ userName: 'alice', password: 'x' });
    const final = change(Buffer.from(client.final(await challengeOf(exchange, client.first()))).toString());
    expect(await exchange.step(final === undefined ? undefined : bytes(final))).toEqual(malformed);
    await expect(exchange.step(undefined)).rejects.toThrow('over');
  });

  test('one changed bit of the proof, or an added extension, is a wrong proof', async () => {
    const mechanism = new ScramSha256({ passwordFile: await openWith(await scramLine('alice', 'x')), rules: unrestricted });
    for (const change of [
      (text: string) => text.replace(/p=(.)/, (_, c) => `p=${c === 'A' ? 'B' : 'A'}`),
      (text: string) => text.replace(',p=', ',z=x,p='),
    ]) {
      const exchange = mechanism.start(context);
      const client = new ScramClient({ userName: 'alice', password: 'x' });
      const final = Buffer.from(client.final(await challengeOf(exchange, client.first()))).toString();
      expect(await exchange.step(bytes(change(final)))).toEqual(wrong);
    }
  });
});

test.each([
  // The examples of RFC 4013, section 3.
  ['I\u00adX', 'IX'],
  ['user', 'user'],
  ['USER', 'USER'],
  ['\u00aa', 'a'],
  ['\u2168', 'IX'],
  ['\u0007', undefined],
  ['a\u00a0b', 'a b'],
  ['a\u0000b', undefined],
  ['\u00ad', undefined],
  ['\ud800', undefined],
])('saslPrepare(%j) is %j', (text, expected) => {
  expect(saslPrepare(text)).toBe(expected);
});
