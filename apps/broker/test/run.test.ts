import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CommandRun, RecordingLibrary } from './host.js';
import { folderWith } from './load.js';

const listenerAt = (port: number): string =>
  `[admin]\nenabled = false\n[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = ${port}\n`;

describe('si-mqtt', () => {
  it('--help lists the commands and the order of the sources', async () => {
    const command = new CommandRun(['--help'], folderWith({}));
    expect(await command.exitCode).toBe(0);
    expect(command.stdout).toMatch(/Usage: si-mqtt[\s\S]*--config[\s\S]*SI_CFG_PATH[\s\S]*start[\s\S]*check[\s\S]*passwd/);
  });

  it('--version is the version of the package', async () => {
    const command = new CommandRun(['--version'], folderWith({}));
    expect(await command.exitCode).toBe(0);
    expect(command.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([[['--nonsense']], [['passwd', 'file']], [['nonsense']], [['check', 'a', 'b']]])('%j is a mistake: exit 2', async (argv) => {
    const command = new CommandRun(argv, folderWith({}));
    expect(await command.exitCode).toBe(2);
    expect(command.stderr).toMatch(/^error: /);
    expect(command.stderr).not.toContain('    at ');
  });
});

describe('si-mqtt check', () => {
  it('says that a file is valid, and starts nothing', async () => {
    const command = new CommandRun(['check', '--config', 'c.toml'], folderWith({ 'c.toml': '' }));
    expect(await command.exitCode).toBe(0);
    expect(command.stdout).toBe('c.toml is valid\n');
  });

  it('takes --config before the command too', async () => {
    const command = new CommandRun(['--config', 'c.toml', 'check'], folderWith({ 'c.toml': '' }));
    expect(await command.exitCode).toBe(0);
    expect(command.stdout).toBe('c.toml is valid\n');
  });

  it('writes one line for each mistake on standard error: exit 2', async () => {
    const command = new CommandRun(['check'], folderWith({ 'config/config.toml': '[log]\nlevl = 1\n[sys]\nintervalSeconds = 0\n' }));
    expect(await command.exitCode).toBe(2);
    expect(command.stderr).toBe(
      'config/config.toml:2:1: unknown key "levl" in log: did you mean "level"?\n' +
        'config/config.toml:4:1: sys.intervalSeconds has a wrong value: write a whole number from 1 to 86400\n',
    );
    expect(command.stdout).toBe('');
  });

  it('reads the files that say who may do what', async () => {
    const folder = folderWith({
      'c.toml': '[access]\npasswordFile = "users"\naclFile = "acl"\n',
      users: 'ann\n',
      acl: 'topic read a/#\ntopc read b/#\n',
    });
    const command = new CommandRun(['check', '--config', 'c.toml'], folder);
    expect(await command.exitCode).toBe(2);
    expect(command.stderr).toMatch(/^.*users:1: .+\n.*acl:2: .+\n$/);
    expect(command.stdout).toBe('');
  });
});

describe('si-mqtt passwd', () => {
  const change = async (library: RecordingLibrary, argv: readonly string[], input = ''): Promise<[number, string, string]> => {
    const command = new CommandRun(['passwd', ...argv], '/tmp', { library, input });
    return [await command.exitCode, command.stdout, command.stderr];
  };

  it('adds, changes and removes a user', async () => {
    const library = new RecordingLibrary();
    expect(await change(library, ['users', 'ann', '--scram', '--password-stdin'], 'secret\nrest\n')).toEqual([0, 'added ann\n', '']);
    expect(library.calls).toEqual([['setUser', '/tmp/users', 'ann', 'secret', { scram: true }]]);
    const [code, said] = await change(library, ['users', 'ann', '--password-stdin'], 'without line break');
    expect([code, library.users.get('ann')]).toEqual([0, 'without line break']);
    expect(said).toMatch(/^changed ann\n.*SCRAM.*removed/);
    expect(await change(library, ['users', 'ann', '--delete'])).toEqual([0, 'removed ann\n', '']);
    expect(await change(library, ['users', 'ann', '--delete'])).toEqual([2, '', expect.stringContaining('there is no user "ann"')]);
  });

  it('asks twice on a terminal, and never shows the password', async () => {
    const library = new RecordingLibrary();
    const same = new CommandRun(['passwd', 'users', 'ann'], '/tmp', { library, isTTY: true, input: 'secret\n' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(same.stderr).toBe('Password: \nAgain: ');
    same.type('secret\n');
    expect(await same.exitCode).toBe(0);
    expect(library.users.get('ann')).toBe('secret');
    expect(same.stdout + same.stderr).not.toContain('secret');

    const other = new CommandRun(['passwd', 'users', 'bob'], '/tmp', { library, isTTY: true, input: 'secret\n' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.type('secreT\n');
    expect(await other.exitCode).toBe(2);
    expect(other.stderr).toContain('the passwords differ');
    expect(library.users.has('bob')).toBe(false);
  });

  it('mistakes are one line: exit 2', async () => {
    const library = new RecordingLibrary();
    expect(await change(library, ['users', 'a:b', '--password-stdin'], 'x')).toEqual([
      2,
      '',
      'a user name has no colon: choose another one\n',
    ]);
    expect(await change(library, ['users', 'ann'])).toEqual([2, '', expect.stringContaining('use --password-stdin')]);
    expect(await change(library, ['users', 'ann', '--password-stdin'], 'x'.repeat(70_000))).toEqual([
      2,
      '',
      expect.stringContaining('longer than 65535 bytes'),
    ]);
  });
});

describe('si-mqtt start', () => {
  it('says where it listens, with what store and who may come in, and stops on SIGTERM', async () => {
    const command = new CommandRun(['-c', 'c.toml'], folderWith({ 'c.toml': `${listenerAt(0)}[life]\ndrainSeconds = 3\n` }), {
      isTTY: true,
    });
    await command.until('configuration  c.toml');
    expect(command.stdout).toContain('mqtt://a.test  a (anonymous)');
    expect(command.stdout).toMatch(/store +\/.*data\/si-mqtt\.db \(synced\)/);
    command.signals.emit('SIGTERM');
    expect(await command.exitCode).toBe(0);
    expect(command.library.calls).toEqual([{ drainSeconds: 3 }]);
    expect(command.signals.eventNames().filter((name) => command.signals.listenerCount(name) > 0)).toEqual([]);
  });

  it('logs JSON without a terminal, and one line for the built-in defaults', async () => {
    const library = new RecordingLibrary();
    library.createServer = () =>
      Promise.resolve({
        start: async () => {},
        addresses: () => [{ listener: 'tcp', url: 'mqtt://x' }],
        reload: async () => {},
        stop: async () => {},
      });
    const command = new CommandRun([], folderWith({}), { library });
    await command.until('"ready"');
    command.signals.emit('SIGINT');
    expect(await command.exitCode).toBe(0);
    const entries = command.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.map(({ msg }) => msg)).toEqual([
      expect.stringContaining('the built-in defaults hold'),
      'listening',
      'ready',
      'stopping',
      'stopped',
    ]);
    expect(entries[1]).toMatchObject({ listener: 'tcp', url: 'mqtt://x', allowAnonymous: true, authenticators: [] });
  });

  it('lets no more connections in than files can be open, and says so', async () => {
    const library = new RecordingLibrary();
    const asked: number[] = [];
    const { createServer } = library;
    library.createServer = (configuration) => {
      asked.push(configuration.limits.connectionsMax);
      return createServer.call(library, configuration);
    };
    const command = new CommandRun(['-c', 'c.toml'], folderWith({ 'c.toml': listenerAt(0) }), { library, openFilesMax: 1024 });
    await command.until('"ready"');
    command.signals.emit('SIGTERM');
    expect(await command.exitCode).toBe(0);
    expect(asked).toEqual([956]);
    expect(command.stdout).toMatch(/"level":40.*may open 1024 files.*limits\.connectionsMax = 100000: 956 are let in; raise /);
  });

  it('a second signal ends the process at once', async () => {
    const library = new RecordingLibrary();
    let finish = (): void => undefined;
    library.stopping = new Promise((resolve) => {
      finish = resolve;
    });
    const command = new CommandRun(['-c', 'c.toml'], folderWith({ 'c.toml': listenerAt(0) }), { library });
    await command.until('"ready"');
    command.signals.emit('SIGTERM');
    await command.until('"stopping"');
    expect(command.exits).toEqual([]);
    command.signals.emit('SIGINT');
    expect(command.exits).toEqual([1]);
    finish();
    await command.exitCode;
  });

  it('a port in use is one line with the place of the key, and may pass: exit 1', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const command = new CommandRun(['-c', 'c.toml'], folderWith({ 'c.toml': listenerAt(port) }));
    expect(await command.exitCode).toBe(1);
    expect(command.stderr).toBe(
      `c.toml:7:1: cannot listen on 127.0.0.1 port ${port}, it is in use: stop the program that uses it, or choose another one\n`,
    );
  });

  it('an address of another machine, and a folder without a socket: exit 2', async () => {
    const foreign = new CommandRun(
      ['-c', 'c.toml'],
      folderWith({ 'c.toml': `${listenerAt(0).replace('127.0.0.1', '192.0.2.1')}allowAnonymous = true\n` }),
    );
    expect(await foreign.exitCode).toBe(2);
    expect(foreign.stderr).toMatch(/^c\.toml:[67]:1: cannot listen on 192\.0\.2\.1.*, this machine has no such address: correct it\n$/);
    const folder = folderWith({ 'c.toml': '[[listeners]]\nname = "a"\ntype = "unix"\nsocketPath = "none/s"\n' });
    const socket = new CommandRun(['-c', 'c.toml'], folder);
    expect(await socket.exitCode).toBe(2);
    expect(socket.stderr).toMatch(/^c\.toml:4:1: cannot listen on .*\/none\/s, .*\n$/);
  });

  it('SIGHUP takes over what can change, and names what needs a restart; a broken file keeps the old one', async () => {
    const folder = folderWith({ 'c.toml': listenerAt(0) });
    const command = new CommandRun(['-c', 'c.toml'], folder);
    const hangUp = async (text: string, said: string): Promise<void> => {
      command.stdout = '';
      writeFileSync(join(folder, 'c.toml'), text);
      command.signals.emit('SIGHUP');
      await command.until(said);
    };
    await command.until('"ready"');

    const changed = `${listenerAt(0).replace('[admin]', '[limits]\nqueueMessagesMax = 7\n[log]\nlevel = "debug"\nformat = "json"\n[admin]')}limits.connectionsMax = 5\n`;
    await hangUp(`${changed}proxyProtocol = true\nallowAnonymous = true\n[sys]\nintervalSeconds = 3\n`, '"reloaded"');
    const [first] = command.library.reloads;
    expect(first).toMatchObject({ limits: { queueMessagesMax: 7 }, log: { level: 'debug', format: 'auto' }, sys: { intervalSeconds: 10 } });
    expect(first.listeners[0]).toMatchObject({ proxyProtocol: false, limits: { connectionsMax: 5 } });
    expect([...command.stdout.matchAll(/"key":"([^"]+)"/g)].map(([, key]) => key).toSorted()).toEqual([
      'listeners.a.proxyProtocol',
      'log.format',
      'sys.intervalSeconds',
    ]);
    expect(command.stdout).toContain('"changed":["limits.queueMessagesMax","log.level","listeners.a.limits.connectionsMax"]');

    await hangUp('[lmits]\n', 'the old configuration stays');
    expect(command.stdout).toContain('c.toml:1:1: unknown key');
    expect(command.library.reloads).toHaveLength(1);

    rmSync(join(folder, 'c.toml'));
    command.stdout = '';
    command.signals.emit('SIGHUP');
    await command.until('the old configuration stays');

    command.library.reloadFault = new Error('certificate.pem: no certificate');
    await hangUp(changed.replace('= 7', '= 8'), 'the old configuration stays');
    expect(command.stdout).toContain('certificate.pem: no certificate');

    command.library.reloadFault = undefined;
    await hangUp(changed.replace('= 7', '= 8'), '"reloaded"');
    expect(command.stdout).toContain('"changed":["limits.queueMessagesMax"]');
    command.signals.emit('SIGTERM');
    expect(await command.exitCode).toBe(0);
  });
});
