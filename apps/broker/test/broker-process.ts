import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const startMilliseconds = 30_000;
/** The command from its sources, so that nothing has to be built first. */
const command = [
  '--import',
  import.meta.resolve('tsx'),
  '--conditions=@si-mqtt/source',
  fileURLToPath(new URL('../src/main.ts', import.meta.url)),
] as const;

/** A broker in a process of its own, which can be killed. */
export class BrokerProcess {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly said: readonly string[];

  private constructor(child: ChildProcess, port: number, said: readonly string[]) {
    this.child = child;
    this.port = port;
    this.said = said;
  }

  /** Resolves when it is ready, with the port of its first TCP listener. Rejects with what it said if it ends before. */
  static async start(configurationFile: string): Promise<BrokerProcess> {
    const child = spawn(process.execPath, [...command, '--config', configurationFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    let port = 0;
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready after ${startMilliseconds} ms: ${said.join('\n')}`)), startMilliseconds);
      const heard = (line: string) => {
        said.push(line);
        if (said.length > 100) said.shift();
        const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; url?: string }) : {};
        if (entry.msg === 'listening' && entry.url?.startsWith('mqtt:') === true) port = Number(new URL(entry.url).port);
        if (entry.msg !== 'ready') return;
        clearTimeout(timer);
        resolve();
      };
      createInterface(child.stdout).on('line', heard);
      createInterface(child.stderr).on('line', heard);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`ended with ${code ?? signal}: ${said.join('\n')}`));
      });
    });
    await ready;
    return new BrokerProcess(child, port, said);
  }

  /** As a crash of the machine's software: nothing is told, nothing is finished. Rejects if it has ended by itself before. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.child;
    if (signalCode === 'SIGKILL') return;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the broker ended with ${exitCode ?? signalCode}: ${this.said.join('\n')}`);
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** Returns the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
    return this.child.exitCode;
  }
}
