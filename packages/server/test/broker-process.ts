import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';
import { type ServerOptions } from '../src/index.js';
import { type BrokerReport } from './child-messages.js';

/** Scripts of this folder as JavaScript that Node runs without a loader, made once per test run. */
export class ChildScripts {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param names file names in this folder, without `.ts` */
  static async bundled(...names: string[]): Promise<ChildScripts> {
    // Below the package, so that its dependencies are found from there.
    const folder = join(import.meta.dirname, '..', 'node_modules', '.cache', `si-mqtt-test-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    await build({
      entry: names.map((name) => join(import.meta.dirname, `${name}.ts`)),
      outDir: folder,
      format: 'esm',
      target: 'node20',
      noExternal: [/^@si-mqtt\//],
      config: false,
      silent: true,
      esbuildOptions(options) {
        options.conditions = ['@si-mqtt/source'];
      },
    });
    return new ChildScripts(folder);
  }

  start(name: string, argument: unknown): ChildProcess {
    return fork(join(this.folder, `${name}.js`), [JSON.stringify(argument)], { execArgv: ['--expose-gc'], serialization: 'json' });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A broker in a process of its own. */
export class BrokerProcess {
  readonly urls: ReadonlyMap<string, string>;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, urls: ReadonlyMap<string, string>) {
    this.child = child;
    this.urls = urls;
  }

  static async start(scripts: ChildScripts, options: ServerOptions): Promise<BrokerProcess> {
    const child = scripts.start('broker-child', options);
    const { addresses } = await answerOf<{ addresses: { listener: string; url: string }[] }>(child);
    return new BrokerProcess(child, new Map(addresses.map(({ listener, url }) => [listener, url])));
  }

  /** @param question `collect` collects garbage before it measures. */
  async report(question: 'report' | 'collect' = 'report'): Promise<BrokerReport> {
    this.child.send(question);
    return await answerOf<BrokerReport>(this.child);
  }

  /** From now on it keeps some hundred bytes of each client: a test that looks for leaks must find this one. */
  async leak(): Promise<void> {
    this.child.send('leak');
    await answerOf<BrokerReport>(this.child);
  }

  async stop(): Promise<void> {
    await ended(this.child);
  }
}

/** The next message of a child. Rejects if it ends instead. */
export async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const controller = new AbortController();
  const { signal } = controller;
  const answer = once(child, 'message', { signal }).then(([message]) => message as Answer);
  const end = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the child process ended with ${code}`);
  });
  return await Promise.race([answer, end]).finally(() => {
    answer.catch(() => undefined);
    end.catch(() => undefined);
    controller.abort();
  });
}

/** Children end when they are disconnected. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}
