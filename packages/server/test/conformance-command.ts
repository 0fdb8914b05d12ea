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

/** The command of the conformance package, made of its sources once per test file, as its own tests do it. */
export class ConformanceCommand {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async bundled(): Promise<ConformanceCommand> {
    const root = join(import.meta.dirname, '..', '..', 'conformance');
    const folder = join(root, 'node_modules', '.cache', `si-mqtt-conformance-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const entry = { command: join(root, 'src/command/main.ts') };
    await build({ entry, outDir: folder, format: 'esm', target: 'node20', config: false, silent: true });
    return new ConformanceCommand(folder);
  }

  start(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [join(this.folder, 'command.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  run(...args: readonly string[]): Promise<Ended> {
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
