import { type TestResult } from '../run-wire-tests.js';
import { nameOf, type WireTest } from '../wire-test.js';

/** The part of a terminal that a progress line needs. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** One line that is written anew with each result; nothing at all where there is no terminal. */
export class Progress {
  private readonly terminal: Terminal;
  private readonly total: number;
  private done = 0;
  private broken = 0;

  constructor(terminal: Terminal, total: number) {
    this.terminal = terminal;
    this.total = total;
  }

  started(test: WireTest): void {
    this.show(nameOf(test));
  }

  finished({ test, verdict }: TestResult): void {
    this.done++;
    if (verdict.verdict === 'broken') this.broken++;
    this.show(nameOf(test));
  }

  /** Clears the line for what comes next. */
  end(): void {
    if (this.terminal.isTTY === true) this.terminal.write('\r\u001b[K');
  }

  private show(name: string): void {
    if (this.terminal.isTTY !== true) return;
    const line = `${this.done} of ${this.total} tests, ${this.broken} broken  ${name}`;
    this.terminal.write(`\r\u001b[K${line.slice(0, (this.terminal.columns ?? 80) - 1)}`);
  }
}
