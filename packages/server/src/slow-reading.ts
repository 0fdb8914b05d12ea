import { type Env } from '@si-mqtt/session';

/** Milliseconds: a reading is as good as new for so long. */
const freshMilliseconds = 5000;
/** How long a scrape waits for a new one before it takes the last. */
const waitMilliseconds = 250;
/** Without an answer for so long, nothing is known any more. */
const hopeMilliseconds = 15_000;

/** A number that costs something: read when somebody scrapes, not more often than every few seconds, and nobody waits for it for long. */
export class SlowReading<Value> {
  private readonly env: Env;
  private readonly read: () => Promise<Value>;
  private last: Value | undefined;
  private lastAt = 0;
  private pending: Promise<void> | undefined;
  private pendingSince = 0;

  constructor(env: Env, read: () => Promise<Value>) {
    this.env = env;
    this.read = read;
  }

  /** Undefined: it cannot be read, or not soon enough. */
  async value(): Promise<Value | undefined> {
    const { env } = this;
    const now = env.monotonic();
    const isFresh = this.last !== undefined && now - this.lastAt < freshMilliseconds;
    if (this.pending === undefined && !isFresh) {
      this.pendingSince = now;
      this.pending = this.refresh();
    }
    if (this.pending !== undefined) {
      if (now - this.pendingSince > hopeMilliseconds) return undefined;
      await env.sleep(waitMilliseconds, this.pending);
    }
    return this.last;
  }

  private async refresh(): Promise<void> {
    try {
      this.last = await this.read();
      this.lastAt = this.env.monotonic();
    } catch {
      this.last = undefined;
    }
    this.pending = undefined;
  }
}
