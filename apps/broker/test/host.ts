import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:net';
import { PassThrough, Readable, Writable } from 'node:stream';
import { accessProblems } from '@si-mqtt/server';
import { type Configuration } from '../src/configuration.js';
import { type Host } from '../src/host.js';
import { type BrokerLibrary, type RunningServer } from '../src/library.js';
import { run } from '../src/run.js';
import { backUpStore, migrateStore, readStore } from '../src/store-access.js';

/** One run of the command within the test's process. */
export class CommandRun {
  readonly signals: EventEmitter = new EventEmitter();
  readonly exits: number[] = [];
  readonly library: RecordingLibrary;
  readonly exitCode: Promise<number>;
  readonly #terminal: PassThrough | undefined;
  stdout = '';
  stderr = '';

  constructor(
    argv: readonly string[],
    workingFolder: string,
    {
      input = '',
      isTTY = false,
      library = new RecordingLibrary(),
      openFilesMax = Number.POSITIVE_INFINITY,
    }: { input?: string; isTTY?: boolean; library?: RecordingLibrary; openFilesMax?: number } = {},
  ) {
    this.library = library;
    const stdin = isTTY ? Object.assign(new PassThrough(), { isTTY: true }) : Readable.from([Buffer.from(input)]);
    this.#terminal = stdin instanceof PassThrough ? stdin : undefined;
    this.type(input);
    const host: Host = {
      invocation: { argv, environment: {}, workingFolder, openFilesMax },
      stdin,
      stdout: Object.assign(this.#collector('stdout'), { isTTY }),
      stderr: this.#collector('stderr'),
      signals: this.signals,
      exit: (code) => this.exits.push(code),
    };
    this.exitCode = run(host, library);
  }

  /** On the terminal. */
  type(text: string): void {
    this.#terminal?.write(text);
  }

  #collector(name: 'stdout' | 'stderr'): Writable {
    return new Writable({
      write: (chunk, _encoding, done) => {
        this[name] += String(chunk);
        done();
      },
    });
  }

  /** Resolves when standard output contains the text. */
  async until(text: string): Promise<void> {
    for (const giveUp = Date.now() + 5000; !this.stdout.includes(text); ) {
      if (Date.now() > giveUp) {
        throw new Error(`no ${JSON.stringify(text)} in: ${this.stdout}${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Binds the TCP ports of the listeners for real, and writes down what it is asked for. */
export class RecordingLibrary implements BrokerLibrary {
  readonly calls: unknown[] = [];
  readonly users: Map<string, string> = new Map();
  readonly reloads: Configuration[] = [];
  reloadFault: Error | undefined;
  /** `stop` waits for this. */
  stopping: Promise<void> = Promise.resolve();

  createServer(configuration: Configuration): Promise<RunningServer> {
    const sockets: Server[] = [];
    const close = (): Promise<unknown> => Promise.all(sockets.map((socket) => new Promise((resolve) => socket.close(resolve))));
    return Promise.resolve({
      start: async () => {
        for (const listener of configuration.listeners) {
          const address = listener.type === 'unix' ? { path: listener.socketPath } : { host: listener.hosts[0], port: listener.port };
          const socket = createServer();
          await new Promise<void>((resolve, reject) => socket.once('error', reject).listen(address, resolve));
          sockets.push(socket);
        }
      },
      addresses: () => configuration.listeners.map(({ name }) => ({ listener: name, url: `mqtt://${name}.test` })),
      reload: (next) => {
        this.reloads.push(next);
        return this.reloadFault === undefined ? Promise.resolve() : Promise.reject(this.reloadFault);
      },
      stop: async (how) => {
        this.calls.push(how);
        await this.stopping;
        await close();
      },
    });
  }

  setUser(
    path: string,
    userName: string,
    password: string,
    options: { scram: boolean },
  ): Promise<{ userExisted: boolean; scramRemoved: boolean }> {
    if (userName.includes(':')) {
      return Promise.reject(new RangeError('a user name has no colon'));
    }
    this.calls.push(['setUser', path, userName, password, options]);
    const userExisted = this.users.has(userName);
    this.users.set(userName, password);
    return Promise.resolve({ userExisted, scramRemoved: userExisted && !options.scram });
  }

  deleteUser(_path: string, userName: string): Promise<boolean> {
    return Promise.resolve(this.users.delete(userName));
  }

  readonly accessProblems: BrokerLibrary['accessProblems'] = accessProblems;
  readonly readStore: BrokerLibrary['readStore'] = readStore;
  readonly migrateStore: BrokerLibrary['migrateStore'] = migrateStore;
  readonly backUpStore: BrokerLibrary['backUpStore'] = backUpStore;
}
