import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command `si-mqtt-conformance`, made of the sources once per test file and run in a process of its own. */
export class Command {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async bundled(): Promise<Command> {
    const root = join(import.meta.dirname, '..');
    // Below the package, so that its dependencies and its lists of statements are found from there.
    const folder = join(root, 'node_modules', '.cache', `si-mqtt-conformance-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    await build({
      entry: { command: join(root, 'src/command/main.ts') },
      outDir: folder,
      format: 'esm',
      target: 'node20',
      config: false,
      silent: true,
    });
    return new Command(folder);
  }

  start(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [join(this.folder, 'command.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async run(...args: readonly string[]): Promise<Ended> {
    return ended(this.start(...args));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a child wrote, and how it ended. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]!.setEncoding('utf8').on('data', (chunk: string) => (output[name] += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}
