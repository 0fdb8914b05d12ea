import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AccessFile } from '../../src/access/access-file.js';
import { parseAccessRules } from '../../src/access/access-rules-text.js';
import { type Permissions } from '../../src/access/permissions.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'access-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function openWith(text: string): Promise<AccessFile> {
  const path = join(folder, 'acl');
  await writeFile(path, text);
  return AccessFile.open({ path });
}

function publishes(permissions: Permissions, topicName: string): unknown {
  return permissions.mayPublish(topicName, 0, false);
}

describe('rules', () => {
  test('those before any user line are for anonymous clients alone', async () => {
    const file = await openWith('topic read open/#\nuser alice\ntopic write alice/#\n');
    const anonymous = file.permissionsFor(undefined, 'c1');
    const alice = file.permissionsFor('alice', 'c2');
    const stranger = file.permissionsFor('stranger', 'c3');
    expect([anonymous.mayReceive('open/x'), publishes(anonymous, 'open/x'), publishes(anonymous, 'alice/x')]).toEqual([true, false, false]);
    expect([alice.mayReceive('open/x'), publishes(alice, 'alice/x'), alice.mayReceive('alice/x')]).toEqual([false, true, false]);
    expect([stranger.mayReceive('open/x'), publishes(stranger, 'alice/x')]).toEqual([false, false]);
  });

  test('without an access word a rule is for both directions; a user may come twice', async () => {
    const file = await openWith('user alice\ntopic a\nuser bob\ntopic read b\nuser alice\ntopic readwrite c/#\n');
    const alice = file.permissionsFor('alice', 'c');
    expect(['a', 'b', 'c', 'c/d'].map((topic) => [publishes(alice, topic), alice.mayReceive(topic)])).toEqual([
      [true, true],
      [false, false],
      [true, true],
      [true, true],
    ]);
  });

  test('deny wins over what allows, wherever it stands and for both directions', async () => {
    const file = await openWith('user alice\ntopic #\ntopic deny secret/#\npattern deny private/%u\n');
    const alice = file.permissionsFor('alice', 'c');
    for (const topic of ['secret', 'secret/x', 'private/alice']) {
      expect([topic, publishes(alice, topic), alice.mayReceive(topic)]).toEqual([topic, false, false]);
    }
    expect([publishes(alice, 'private/bob'), alice.mayReceive('other')]).toEqual([true, true]);
  });

  test('topics of `$` need a rule of their own [MQTT-4.7.2-1]', async () => {
    const file = await openWith('topic #\nuser admin\ntopic read $SYS/#\n');
    expect(file.permissionsFor(undefined, 'c').mayReceive('$SYS/broker/load')).toBe(false);
    expect(file.permissionsFor('admin', 'c').mayReceive('$SYS/broker/load')).toBe(true);
  });

  test('subscriptions are allowed, refused or partly allowed', async () => {
    const file = await openWith('user alice\ntopic read a/#\ntopic deny a/b\ntopic write w/#\n');
    const alice = file.permissionsFor('alice', 'c');
    expect(['a/c/#', 'a/+', 'a/b', 'w/#', '#'].map((filter) => alice.maySubscribe(filter))).toEqual([
      'allowed',
      'partly',
      'refused',
      'refused',
      'partly',
    ]);
  });

  test('comments, empty lines, CRLF, a byte order mark and spaces are no hindrance', async () => {
    const file = await openWith('\ufeff# comment\r\n\r\nuser alice smith  \r\n\ttopic  read   with space/+ \r\n');
    expect(file.permissionsFor('alice smith', 'c').mayReceive('with space/x')).toBe(true);
  });
});

describe('patterns', () => {
  const text = 'pattern read users/%u/#\npattern write clients/%c/up\npattern %c/#\npattern prefix-%c/%u\nuser alice\n';

  test('apply to every user with their own names, also after a user line', async () => {
    const file = await openWith(text);
    const bob = file.permissionsFor('bob', 'c1');
    expect([bob.mayReceive('users/bob/x'), bob.mayReceive('users/alice/x')]).toEqual([true, false]);
    expect([publishes(bob, 'clients/c1/up'), publishes(bob, 'clients/c2/up')]).toEqual([true, false]);
    expect(publishes(bob, 'prefix-c1/bob')).toBe(true);
    expect([bob.maySubscribe('users/bob/#'), bob.maySubscribe('users/#'), bob.maySubscribe('users/alice/#')]).toEqual([
      'allowed',
      'partly',
      'refused',
    ]);
  });

  test('a user name is not replaced again if it looks like a placeholder', async () => {
    const file = await openWith('pattern read %u/%c\n');
    const odd = file.permissionsFor('%c', 'c1');
    expect([odd.mayReceive('%c/c1'), odd.mayReceive('c1/c1')]).toEqual([true, false]);
  });

  test.each(['+', '#', 'a/b', 'a+', '#a', '/', ''])('client id or user name %j never matches an allowing pattern', async (name) => {
    const file = await openWith(text);
    const topics = [
      'users/x/y',
      'users/a/b/c',
      'clients/x/up',
      'x/y',
      'a/b/c',
      `users/${name}/x`,
      `clients/${name}/up`,
      `${name}/x`,
      'users//x',
    ];
    for (const permissions of [file.permissionsFor(name, name), file.permissionsFor(undefined, name)]) {
      expect(topics.filter((topic) => permissions.mayReceive(topic) || publishes(permissions, topic))).toEqual([]);
      expect(permissions.maySubscribe('#')).toBe('refused');
    }
    // The other name is not the worse for it.
    expect(file.permissionsFor(name, 'good').mayReceive('good/x')).toBe(true);
    expect(file.permissionsFor('good', name).mayReceive('users/good/x')).toBe(true);
  });

  test('a client does not get at $SYS by its name', async () => {
    const file = await openWith('pattern readwrite %c/#\n');
    const permissions = file.permissionsFor(undefined, '$SYS');
    expect([permissions.mayReceive('$SYS/broker'), permissions.maySubscribe('$SYS/#')]).toEqual([false, 'refused']);
  });

  test('nor out of a denying pattern', async () => {
    const file = await openWith('topic #\npattern deny private/%c/#\npattern deny users/%u\n');
    for (const clientId of ['+', '#', 'a+']) expect(file.permissionsFor(undefined, clientId).mayReceive('private/x')).toBe(false);
    expect(file.permissionsFor(undefined, 'a/b').mayReceive('private/a/b/c')).toBe(false);
    expect(file.permissionsFor(undefined, 'c1').mayReceive('private/c2')).toBe(true);
    expect(file.permissionsFor(undefined, 'c1').mayReceive('users/x')).toBe(true);
  });

  test('without a user name no %u rule applies', async () => {
    const file = await openWith(text);
    const anonymous = file.permissionsFor(undefined, 'c1');
    expect([anonymous.mayReceive('users/undefined/x'), anonymous.mayReceive('users//x'), anonymous.mayReceive('c1/x')]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('faults name file and line', () => {
  test.each([
    ['user', 'topic a\nuser\n', 2],
    ['user name', 'user   \n', 1],
    ['`topic read` needs', '\n\ntopic read\n', 3],
    ['needs a topic filter', 'topic\n', 1],
    ['comes `read`', 'topic raed a/b\n', 1],
    ['not valid', 'topic read a/#/b\n', 1],
    ['not valid', 'pattern read a+/%c\n', 1],
    ['begins with', 'topics read a\n', 1],
  ])('%s', (problem, text, line) => {
    expect(() => parseAccessRules(text, 'rules.acl')).toThrow(
      expect.objectContaining({
        name: 'FileError',
        line,
        message: expect.stringMatching(new RegExp(`^rules\\.acl:${line}: .*${problem}`)),
      }),
    );
  });
});

test('a reload changes the permissions that are out, and a broken file changes nothing', async () => {
  const path = join(folder, 'acl');
  await writeFile(path, 'topic read a\n');
  const file = await AccessFile.open({ path });
  const permissions = file.permissionsFor(undefined, 'c');
  expect([permissions.mayReceive('a'), permissions.version]).toEqual([true, 1]);

  await writeFile(path, 'topic read b\n');
  (await file.prepare())();
  expect([permissions.mayReceive('a'), permissions.mayReceive('b'), permissions.version, file.version]).toEqual([false, true, 2, 2]);

  await writeFile(path, 'topic read b\ntopic red c\n');
  await expect(file.prepare()).rejects.toMatchObject({ name: 'FileError', line: 2 });
  expect([permissions.mayReceive('b'), permissions.version]).toEqual([true, 2]);

  await writeFile(path, 'topic read b\n');
  (await file.prepare())();
  expect(permissions.version).toBe(2);
});
