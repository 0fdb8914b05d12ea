import { type Logger } from 'pino';
import { type LoadedConfiguration, loadConfiguration } from './config.js';
import { type Configuration } from './configuration.js';
import { type Host } from './host.js';
import { type BrokerLibrary, type RunningServer } from './library.js';
import { createLogger, isPretty } from './logger.js';
import { errorCode, type KeyPath, OperatorError, oneLine } from './problems.js';
import { planReload } from './reload.js';
import { storeProblem } from './store-problem.js';

/**
 * Runs the broker until SIGTERM or SIGINT asks it to stop; SIGHUP reads the configuration again.
 *
 * @returns the exit code
 * @throws OperatorError for what only starting can find: a port in use, an address that is not this machine's
 */
export async function start(named: string | undefined, host: Host, library: BrokerLibrary): Promise<number> {
  const loaded = loadConfiguration(named, host.invocation);
  const { configuration } = loaded;
  const logger = createLogger(configuration.log, host);
  if (loaded.file === undefined) {
    logger.info('no configuration file was found (--config, SI_CFG_PATH, config/config.toml): the built-in defaults hold');
  }
  for (const remark of loaded.remarks) {
    logger.warn(remark);
  }
  const stopAsked = firstStopSignal(host, logger);
  const onHangup = new Reloader(named, host, loaded, logger);
  try {
    const server = await library.createServer(configuration, logger);
    await server.start();
    announce(server, loaded, host, logger);
    onHangup.attach(server);
    logger.info({ signal: await stopAsked.signal, drainSeconds: configuration.life.drainSeconds }, 'stopping');
    await onHangup.detach();
    await server.stop({ drainSeconds: configuration.life.drainSeconds });
    logger.info('stopped');
    return 0;
  } catch (error) {
    throw startProblem(error, loaded) ?? error;
  } finally {
    await onHangup.detach();
    stopAsked.forget();
  }
}

/** The first signal asks for a graceful stop, the second one ends the process. */
function firstStopSignal(host: Host, logger: Logger): { readonly signal: Promise<string>; forget(): void } {
  const { promise, resolve } = withResolvers<string>();
  let isAsked = false;
  const onSignal = (signal: string): void => {
    if (isAsked) {
      logger.warn({ signal }, 'stopping at once');
      host.exit(1);
    }
    isAsked = true;
    resolve(signal);
  };
  const names = ['SIGTERM', 'SIGINT'] as const;
  const handlers = names.map((name) => ({ name, handler: () => onSignal(name) }));
  for (const { name, handler } of handlers) {
    host.signals.on(name, handler);
  }
  const forget = (): void => {
    for (const { name, handler } of handlers) {
      host.signals.off(name, handler);
    }
  };
  return { signal: promise, forget };
}

/** Reads the configuration again on SIGHUP, one reload after the other; a SIGHUP while the broker starts is answered when it runs. */
class Reloader {
  readonly #named: string | undefined;
  readonly #host: Host;
  readonly #file: string | undefined;
  readonly #logger: Logger;
  #running: Configuration;
  #server: RunningServer | undefined;
  #isWanted = false;
  #busy: Promise<void> | undefined;

  constructor(named: string | undefined, host: Host, loaded: LoadedConfiguration, logger: Logger) {
    this.#named = named;
    this.#host = host;
    this.#file = loaded.file;
    this.#running = loaded.configuration;
    this.#logger = logger;
    host.signals.on('SIGHUP', this.#onSignal);
  }

  attach(server: RunningServer): void {
    this.#server = server;
    this.#work();
  }

  /** Resolves when a reload that is under way has ended. */
  async detach(): Promise<void> {
    this.#host.signals.off('SIGHUP', this.#onSignal);
    this.#isWanted = false;
    await this.#busy;
  }

  readonly #onSignal = (): void => {
    this.#isWanted = true;
    this.#work();
  };

  #work(): void {
    const server = this.#server;
    if (server !== undefined && this.#busy === undefined && this.#isWanted) {
      this.#isWanted = false;
      this.#busy = this.#reload(server).then(() => {
        this.#busy = undefined;
        this.#work();
      });
    }
  }

  async #reload(server: RunningServer): Promise<void> {
    try {
      const loaded = loadConfiguration(this.#named, this.#host.invocation);
      if (loaded.file !== this.#file) {
        throw new OperatorError([
          `${this.#file ?? 'the built-in defaults'} were read at the start, and now it is ${loaded.file ?? 'no file'}: restart to use it`,
        ]);
      }
      const plan = planReload(this.#running, loaded.configuration);
      await server.reload(plan.configuration);
      this.#logger.level = plan.configuration.log.level;
      this.#running = plan.configuration;
      for (const key of plan.needRestart) {
        this.#logger.warn({ key }, 'changed in the configuration file: needs a restart');
      }
      this.#logger.info({ changed: plan.applied }, 'reloaded');
    } catch (error) {
      const lines = error instanceof OperatorError ? error.lines : [error instanceof Error ? error.message : String(error)];
      for (const line of lines) {
        this.#logger.error(oneLine(line));
      }
      this.#logger.error('not reloaded: the old configuration stays');
    }
  }
}

/** Where it listens, with what store, and who may come in: lines for people, or one log entry for each address. */
function announce(server: RunningServer, { configuration, file }: LoadedConfiguration, host: Host, logger: Logger): void {
  const addresses = server.addresses().map(({ listener, url }) => {
    const rule = configuration.listeners.find(({ name }) => name === listener);
    return { listener, url, allowAnonymous: rule?.allowAnonymous, authenticators: rule?.authenticators };
  });
  const { driver: store, path, durability, writeUrls } = configuration.storage;
  if (!isPretty(configuration.log, host)) {
    for (const address of addresses) {
      logger.info(address, 'listening');
    }
    logger.info({ store, file }, 'ready');
    return;
  }
  const width = Math.max(...addresses.map(({ url }) => url.length));
  const lines = addresses.map(({ listener, url, allowAnonymous, authenticators = [] }) => {
    const ways = [...authenticators, ...(allowAnonymous === true ? ['anonymous'] : [])].join(', ');
    return `  ${url.padEnd(width)}  ${listener}${ways === '' ? '' : ` (${ways})`}`;
  });
  const storeWords = {
    memory: 'in memory: sessions and retained messages are lost when the broker stops',
    sqlite: `${path} (${durability})`,
    mysql: `MySQL or MariaDB at ${writeUrls.map(hostOf).join(', ')}`,
    mongodb: `MongoDB at ${writeUrls.map(hostOf).join(', ')}`,
  }[store];
  host.stdout.write(
    `\nsi-mqtt listens at\n${lines.join('\n')}\n\n  store          ${storeWords}\n  configuration  ${file ?? 'built-in defaults'}\n\n`,
  );
}

/** Of a URL what may be shown: never the password. */
function hostOf(url: string): string {
  return url.replace(/^[^:]+:\/\/(?:[^@/]*@)?/, '').replace(/\?.*$/, '');
}

/** What an operator can mend, as one line; undefined for everything else. */
function startProblem(error: unknown, loaded: LoadedConfiguration): OperatorError | undefined {
  if (error instanceof Error && error.name === 'FileError') {
    return new OperatorError([oneLine(error.message)]);
  }
  const ofStore = storeProblem(error, loaded, 'what a start writes');
  if (ofStore !== undefined) {
    return ofStore;
  }
  const [what, remedy] = START_FAULTS[errorCode(error) ?? ''] ?? [];
  if (what === undefined || !(error instanceof Error)) {
    return undefined;
  }
  // A listener's own error carries Node's, which knows the address.
  const system = error.cause instanceof Error ? error.cause : error;
  const { address, hostname, ...rest } = system as { address?: string; port?: number; hostname?: string };
  // Node reports port -1 for a Unix socket.
  const port = rest.port === -1 ? undefined : rest.port;
  const host = hostname ?? address ?? socketPathOf(error, loaded.configuration);
  const path = culprit(loaded.configuration, host, port);
  const place = path === undefined ? undefined : (loaded.locate(path) ?? 'built-in defaults');
  const where = [host, ...(port === undefined ? [] : [port])].join(' port ');
  const line = oneLine(`${place === undefined ? '' : `${place}: `}cannot listen on ${where}, ${what}: ${remedy}`);
  return new OperatorError([line], { mayPass: PASSING_FAULTS.has(errorCode(error) ?? '') });
}

/** libuv says this for a socket in a folder that does not exist, too. */
const NO_PERMISSION = [
  'permission is missing',
  'use a port from 1024 on or an existing folder that can be written, or give the permission',
] as const;

/** The socket that the listener of a listener's error was to bind, where Node's error does not name it. */
function socketPathOf(error: Error, { listeners }: Configuration): string | undefined {
  const { listenerName } = error as { listenerName?: string };
  const listener = listeners.find(({ name }) => name === listenerName);
  return listener?.type === 'unix' ? listener.socketPath : undefined;
}

const START_FAULTS: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  EADDRINUSE: ['it is in use', 'stop the program that uses it, or choose another one'],
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EADDRNOTAVAIL: ['this machine has no such address', 'correct it'],
  EAFNOSUPPORT: ['this machine has no such addresses', 'correct it'],
  ENOTFOUND: ['the name is not known', 'correct it, or write an IP address'],
  EAI_AGAIN: ['the name cannot be looked up', 'try again, or write an IP address'],
  ENOENT: ['the folder does not exist', 'create it, or correct the path'],
};

const PASSING_FAULTS: ReadonlySet<string> = new Set(['EADDRINUSE', 'EAI_AGAIN']);

/** The key that named the address. */
function culprit({ listeners, admin }: Configuration, host: string | undefined, port: number | undefined): KeyPath | undefined {
  const index = listeners.findIndex((listener) =>
    listener.type === 'unix'
      ? listener.socketPath === host
      : (port === undefined || listener.port === port) && host !== undefined && listener.hosts.includes(host),
  );
  const listener = listeners[index];
  if (listener !== undefined) {
    return ['listeners', index, listener.type === 'unix' ? 'socketPath' : port === undefined ? 'hosts' : 'port'];
  }
  return admin.enabled && admin.host === host ? ['admin', port === undefined ? 'host' : 'port'] : undefined;
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
