import { type Call, type HistoryEvent, type Note, type Outcome, type Result } from './events.js';

/** Thrown by a call that the broker refused: nothing was done, for certain. Every other error means that nobody knows. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/**
 * Writes down what the clients of one process do and see, in the order in which it happens. It knows no client library: calls are given as
 * functions, and what comes without a call is noted.
 */
export class HistoryRecorder {
  readonly events: HistoryEvent[] = [];
  private readonly now: () => number;
  private operations = 0;
  private connections = 0;
  private readonly numbers = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** A number for a connection that is about to be made. */
  nextConnection(): number {
    return ++this.connections;
  }

  /** A payload that no other message of this history has: publisher, topic, a number that grows with each, and dots up to so many bytes. */
  nextMessage(publisher: string, topic: string, bytes: number = 0): string {
    const n = (this.numbers.get(publisher) ?? 0) + 1;
    this.numbers.set(publisher, n);
    return `${publisher} ${topic} ${n}`.padEnd(bytes, '.');
  }

  /** Begins a call; gives its number. */
  invoke(call: Call): number {
    const operation = ++this.operations;
    this.events.push({ type: 'invoke', operation, call, time: this.now() });
    return operation;
  }

  /** Ends a call, once. One that is never ended has the outcome `info`. */
  complete(operation: number, type: Outcome, result: Result = {}): void {
    this.events.push({ type, operation, result, time: this.now() });
  }

  note(note: Note): void {
    this.events.push({ type: 'note', note, time: this.now() });
  }

  /** Makes a call: what it resolves to is its result, `Refused` a no, any other error an outcome that nobody knows. */
  async record<Value extends Result | void>(call: Call, make: () => Promise<Value>): Promise<Value | undefined> {
    const operation = this.invoke(call);
    try {
      const result = await make();
      this.complete(operation, 'ok', result ?? {});
      return result;
    } catch (error) {
      this.complete(operation, error instanceof Refused ? 'fail' : 'info');
      return undefined;
    }
  }
}
