import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, deleteUser, setUser } from '@si-mqtt/server';
import { connectAsync, type ErrorWithReasonCode, type IClientOptions, type IDisconnectPacket, type MqttClient } from 'mqtt';
import { type Logger } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Configuration } from '../src/configuration.js';
import { type BrokerLibrary, type RunningServer } from '../src/library.js';
import { CommandRun, RecordingLibrary } from './host.js';
import { folderWith } from './load.js';

/** What `main.ts` hands in: the real server. `adapt` changes the configuration on its way there. */
class RealLibrary extends RecordingLibrary {
  constructor(private readonly adapt: (configuration: Configuration) => Configuration = (configuration) => configuration) {
    super();
  }

  override createServer(configuration: Configuration, logger?: Logger): Promise<RunningServer> {
    return createServer(this.adapt(configuration), { logger });
  }

  override setUser(...change: Parameters<BrokerLibrary['setUser']>): ReturnType<BrokerLibrary['setUser']> {
    return setUser(...change);
  }

  override deleteUser(path: string, userName: string): Promise<boolean> {
    return deleteUser(path, userName);
  }
}

/** A `si-mqtt` that runs in this process, and where it says that it listens. */
class BrokerRun {
  readonly command: CommandRun;

  constructor(folder: string, argv: readonly string[] = ['--config', 'c.toml'], library: RealLibrary = new RealLibrary()) {
    this.command = new CommandRun(argv, folder, { library });
    onTestFinished(async () => {
      this.command.signals.emit('SIGTERM');
      await this.command.exitCode;
    });
  }

  /** The entries of the log. */
  get log(): Record<string, unknown>[] {
    return this.command.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async urls(): Promise<Record<string, string>> {
    await this.command.until('"ready"');
    // The first address of each listener: MQTT.js takes the brackets from the others, which are IPv6.
    const listening = this.log.filter(({ msg }) => msg === 'listening').toReversed();
    return Object.fromEntries(listening.map(({ listener, url }) => [String(listener), String(url)]));
  }

  /** Takes the files of the folder over. */
  async reload(): Promise<void> {
    this.command.stdout = '';
    this.command.signals.emit('SIGHUP');
    await this.command.until('reloaded');
  }

  stop(): Promise<number> {
    this.command.signals.emit('SIGTERM');
    return this.command.exitCode;
  }
}

async function connected(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  // MQTT.js names Unix sockets its own way.
  const client = await connectAsync(url.replace(/^unix:/, 'mqtt+unix://'), { protocolVersion: 5, reconnectPeriod: 0, ...options });
  onTestFinished(() => client.endAsync(true));
  return client;
}

/** The reason code of a CONNECT that is refused; undefined if it was accepted. */
async function refusalOf(url: string, options: IClientOptions): Promise<number | undefined> {
  try {
    await connected(url, options);
    return undefined;
  } catch (error) {
    return (error as ErrorWithReasonCode).code;
  }
}

/** Publishes over one connection and receives over another. */
async function exchange(from: string, to: string, qos: 0 | 1 | 2): Promise<string> {
  const [publisher, subscriber] = await Promise.all([connected(from), connected(to)]);
  await subscriber.subscribeAsync('greeting/+', { qos });
  const arrived = new Promise<string>((resolve) => {
    subscriber.on('message', (topic, payload, packet) => resolve(`${topic} ${packet.qos} ${payload.toString()}`));
  });
  await publisher.publishAsync('greeting/a', 'hello', { qos });
  return arrived;
}

const withoutAdmin = '[admin]\nenabled = false\n';
const tcp = '[[listeners]]\nname = "tcp"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';
const everyPlainTransport = `[admin]\nport = 0\n${tcp}
[[listeners]]\nname = "web"\ntype = "websocket"\nhosts = ["127.0.0.1"]\nport = 0\n
[[listeners]]\nname = "local"\ntype = "unix"\nsocketPath = "mqtt.sock"\n`;

describe('si-mqtt with the real server', () => {
  it.each([0, 1, 2] as const)('carries QoS %d between all its listeners', async (qos) => {
    const broker = new BrokerRun(folderWith({ 'c.toml': everyPlainTransport }));
    const { tcp, web, local } = await broker.urls();
    for (const [from, to] of [
      [tcp, web],
      [web, local],
      [local, tcp],
    ]) {
      expect(await exchange(from, to, qos)).toBe(`greeting/a ${qos} hello`);
    }
  });

  it('serves with the built-in defaults', async () => {
    let asked: Configuration | undefined;
    // Other tests of this machine may use the ports of the defaults: only those are exchanged for free ones.
    const library = new RealLibrary((configuration) => {
      asked = configuration;
      const listeners = configuration.listeners.map((listener) => (listener.type === 'unix' ? listener : { ...listener, port: 0 }));
      return { ...configuration, listeners, admin: { ...configuration.admin, port: 0 } };
    });
    const broker = new BrokerRun(folderWith({}), [], library);
    const urls = await broker.urls();
    expect(asked?.listeners.map((listener) => [listener.type, 'port' in listener && listener.port])).toEqual([
      ['tcp', 1883],
      ['websocket', 8083],
    ]);
    expect(asked?.admin.port).toBe(9883);
    const mqtt = Object.values(urls).find((url) => url.startsWith('mqtt:'));
    const webSocket = Object.values(urls).find((url) => url.startsWith('ws:'));
    expect(await exchange(mqtt!, webSocket!, 1)).toBe('greeting/a 1 hello');
  });

  it('is ready and alive until SIGTERM, then sends DISCONNECT 0x8B, closes everything and exits with 0', async () => {
    const broker = new BrokerRun(folderWith({ 'c.toml': `[life]\ndrainSeconds = 0\n${everyPlainTransport}` }));
    const { tcp, admin } = await broker.urls();
    for (const path of ['/readyz', '/healthz']) expect((await fetch(`${admin}${path}`)).status).toBe(200);
    expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(/^si_mqtt_connections 0$/m);
    const client = await connected(tcp);
    const disconnected = new Promise<IDisconnectPacket>((resolve) => client.on('disconnect', resolve));
    expect(await broker.stop()).toBe(0);
    expect((await disconnected).reasonCode).toBe(0x8b);
    await expect(fetch(`${admin}/readyz`)).rejects.toThrow();
    await expect(connected(tcp)).rejects.toThrow('ECONNREFUSED');
    expect(broker.log.at(-1)).toMatchObject({ msg: 'stopped' });
  });

  it('takes changed limits over on SIGHUP while clients stay connected, and a broken file changes nothing', async () => {
    const folder = folderWith({ 'c.toml': `${withoutAdmin}${tcp}` });
    const broker = new BrokerRun(folder);
    const client = await connected((await broker.urls())['tcp']);
    const subscribe = (filter: string): Promise<unknown> =>
      new Promise((resolve) => {
        client.subscribe(filter, { qos: 1 }, (_error, _granted, suback) => resolve(suback?.granted));
      });
    expect(await subscribe('a')).toEqual([1]);

    writeFileSync(join(folder, 'c.toml'), `[limits]\nsubscriptionsPerClientMax = 1\n[sys]\nintervalSeconds = 3\n${withoutAdmin}${tcp}`);
    await broker.reload();
    expect(broker.log.map(({ msg, key, changed }) => key ?? changed ?? msg)).toEqual([
      'sys.intervalSeconds',
      ['limits.subscriptionsPerClientMax'],
    ]);
    expect(await subscribe('b')).toEqual([0x97]);

    writeFileSync(join(folder, 'c.toml'), '[limits]\nsubscriptionsPerClientMax = 0\n');
    await broker.reload();
    expect(broker.log.at(-1)?.['msg']).toBe('not reloaded: the old configuration stays');
    expect(await subscribe('b')).toEqual([0x97]);
    expect(client.connected).toBe(true);
  });

  it('lets in the users that si-mqtt passwd has written, and ends the connection of one that is removed', async () => {
    const access = '[access]\npasswordFile = "users"\n';
    const folder = folderWith({ 'c.toml': `${withoutAdmin}${access}${tcp}allowAnonymous = false\n` });
    const passwd = async (...argv: string[]): Promise<number> =>
      new CommandRun(['passwd', 'users', ...argv], folder, { library: new RealLibrary(), input: 'secret\n' }).exitCode;
    expect(await passwd('ann', '--password-stdin')).toBe(0);
    const broker = new BrokerRun(folder);
    const { tcp: url } = await broker.urls();
    expect(await refusalOf(url, {})).toBe(0x87);
    expect(await refusalOf(url, { username: 'ann', password: 'wrong' })).toBe(0x86);
    expect(await refusalOf(url, { username: 'bob', password: 'secret' })).toBe(0x86);
    const ann = await connected(url, { username: 'ann', password: 'secret' });
    const disconnected = new Promise<IDisconnectPacket>((resolve) => ann.on('disconnect', resolve));

    expect([await passwd('bob', '--password-stdin'), await passwd('ann', '--delete')]).toEqual([0, 0]);
    await broker.reload();
    expect((await disconnected).reasonCode).toBe(0x87);
    expect(await refusalOf(url, { username: 'bob', password: 'secret' })).toBeUndefined();
    expect(await refusalOf(url, { username: 'ann', password: 'secret' })).toBe(0x86);
  });

  it('takes users and rules from other files on SIGHUP, and nothing from them if one is broken', async () => {
    const access = (users: string, rules: string): string =>
      `${withoutAdmin}[access]\npasswordFile = "${users}"\naclFile = "${rules}"\n${tcp}allowAnonymous = false\n`;
    const rules = (topic: string): string => `user ann\ntopic readwrite ${topic}\n`;
    const folder = folderWith({ 'c.toml': access('users', 'rules'), rules: rules('a'), 'other-rules': rules('b'), broken: 'usr ann\n' });
    await setUser(join(folder, 'users'), 'ann', 'secret', { scram: false });
    await setUser(join(folder, 'other-users'), 'ann', 'other', { scram: false });
    const broker = new BrokerRun(folder);
    const { tcp: url } = await broker.urls();
    const ann = await connected(url, { username: 'ann', password: 'secret' });

    writeFileSync(join(folder, 'c.toml'), access('other-users', 'broken'));
    await broker.reload();
    expect(broker.log.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^.*\/broken:1: /),
      'not reloaded: the old configuration stays',
    ]);
    expect(await refusalOf(url, { username: 'ann', password: 'other' })).toBe(0x86);

    writeFileSync(join(folder, 'c.toml'), access('other-users', 'other-rules'));
    await broker.reload();
    expect(broker.log.map(({ changed, key }) => changed ?? key)).toEqual([['access.passwordFile', 'access.aclFile']]);
    expect(await refusalOf(url, { username: 'ann', password: 'secret' })).toBe(0x86);
    expect(await refusalOf(url, { username: 'ann', password: 'other' })).toBeUndefined();
    await expect(ann.publishAsync('a', '', { qos: 1 })).rejects.toThrow('Not authorized');
    await ann.publishAsync('b', '', { qos: 1 });
  });
});

describe('what only starting can find is one line: exit 2, or 1 for what may pass', () => {
  const startProblem = async (folder: string, file: string, exitCode = 2): Promise<string> => {
    const command = new CommandRun(['--config', file], folder, { library: new RealLibrary() });
    expect(await command.exitCode).toBe(exitCode);
    expect(command.stderr).toMatch(/^[^\n]+\n$/);
    return command.stderr;
  };

  /** Starts a second broker at the port of the first. */
  const portInUse = async (): Promise<{ port: string; said: string }> => {
    const folder = folderWith({ 'c.toml': `${withoutAdmin}${tcp}` });
    const { port } = new URL((await new BrokerRun(folder).urls())['tcp']);
    writeFileSync(join(folder, 'second.toml'), `${withoutAdmin}${tcp.replace('port = 0', `port = ${port}`)}`);
    return { port, said: await startProblem(folder, 'second.toml', 1) };
  };
  const withoutFolder = `${withoutAdmin}[[listeners]]\nname = "local"\ntype = "unix"\nsocketPath = "none/s"\n`;

  it('a port in use', async () => {
    expect((await portInUse()).said).toMatch(/cannot listen on .*it is in use: stop the program that uses it, or choose another one/);
  });

  it('a socket in a folder that does not exist', async () => {
    expect(await startProblem(folderWith({ 'c.toml': withoutFolder }), 'c.toml')).toMatch(/cannot listen on .*the folder does not exist/);
  });

  it('an access file with a mistake', async () => {
    const files = { 'c.toml': `${withoutAdmin}[access]\naclFile = "acl"\n${tcp}`, acl: 'topic read a\ntopic reed b\n' };
    expect(await startProblem(folderWith(files), 'c.toml')).toMatch(/acl:2/);
  });

  it('a port in use, with its address and the place of the key', async () => {
    const { port, said } = await portInUse();
    expect(said).toMatch(new RegExp(`^second\\.toml:7:1: cannot listen on 127\\.0\\.0\\.1 port ${port}, `));
  });

  it('a socket in a folder that does not exist, with its path and the place of the key', async () => {
    const said = await startProblem(folderWith({ 'c.toml': withoutFolder }), 'c.toml');
    expect(said).toMatch(/^c\.toml:6:1: cannot listen on \/.+\/none\/s, /);
  });
});
