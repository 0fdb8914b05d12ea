import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const startMilliseconds = 30_000;
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** The command from its sources, so that nothing has to be built first; built, with `SI_BUILT`, it starts in half the time. */
const command: readonly string[] =
  process.env['SI_BUILT'] === undefined
    ? ['--import', import.meta.resolve('tsx'), '--conditions=@si-mqtt/source', path('../src/main.ts')]
    : [path('../dist/main.js')];

/** A broker in a process of its own, which can be killed. */
export class BrokerProcess {
  /** What is behind the program: `node ${command} …` is `si-mqtt …`. */
  static readonly command: readonly string[] = command;
  readonly port: number;
  /** Undefined: the admin listener is off. */
  private readonly admin: string | undefined;
  private readonly child: ChildProcess;
  /** The last lines of its log. */
  readonly said: readonly string[];

  private constructor(child: ChildProcess, port: number, admin: string | undefined, said: readonly string[]) {
    this.child = child;
    this.port = port;
    this.admin = admin;
    this.said = said;
  }

  /** Resolves when it is ready, with the port of its first TCP listener. Rejects with what it said if it ends before. */
  static async start(configurationFile: string): Promise<BrokerProcess> {
    const child = spawn(process.execPath, [...command, '--config', configurationFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    let port = 0;
    let admin: string | undefined;
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready after ${startMilliseconds} ms: ${said.join('\n')}`)), startMilliseconds);
      const heard = (line: string) => {
        said.push(line);
        if (said.length > 100) said.shift();
        const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; url?: string; listener?: string }) : {};
        if (entry.msg === 'listening' && entry.listener === 'admin') admin = entry.url;
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
    return new BrokerProcess(child, port, admin, said);
  }

  /** What `/readyz` says. */
  async isReady(): Promise<boolean> {
    return (await fetch(`${this.admin}/readyz`)).status === 200;
  }

  /** A metric without labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    const line = new RegExp(`^${name} (.+)$`, 'm').exec(text);
    if (line === null) throw new Error(`there is no metric ${name}`);
    return Number(line[1]);
  }

  /** What excuses a publication that comes late (`judged.ts`). */
  async counted(): Promise<{ refused: number }> {
    return { refused: await this.metric('si_mqtt_store_refusing_total') };
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
