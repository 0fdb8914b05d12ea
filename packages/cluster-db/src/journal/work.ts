import { type Env, type JournalWork } from '@si-mqtt/session';
import { type StoreRefusal } from '../log-store.js';
import { type Entry } from '../record/entries.js';

/** Milliseconds. */
const commitBounds: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

/** What a commit loop has to do and has done, for metrics and for its own judgement. */
export class CommitWork implements JournalWork {
  /** Bytes and operations that are recorded and not committed. */
  pendingBytes = 0;
  pendingOperations = 0;
  /** Records, seconds, bytes; and how many took at most each of `commitBounds`, the last one longer. */
  commits = 0;
  commitSeconds = 0;
  commitBytes = 0;
  readonly commitBounds: readonly number[] = commitBounds;
  readonly commitCounts: number[] = new Array<number>(commitBounds.length + 1).fill(0);
  retries = 0;
  droppedEntries = 0;
  lastError: string | undefined;
  private readonly env: Env;
  private busySince: number | undefined;

  constructor(env: Env) {
    this.env = env;
  }

  get commitMilliseconds(): number {
    return this.busySince === undefined ? 0 : this.env.monotonic() - this.busySince;
  }

  begin(): void {
    this.busySince = this.env.monotonic();
  }

  end(): void {
    this.busySince = undefined;
  }

  committed(milliseconds: number, bytes: number): void {
    this.commits++;
    this.commitSeconds += milliseconds / 1000;
    this.commitBytes += bytes;
    const bucket = commitBounds.findIndex((bound) => milliseconds <= bound);
    this.commitCounts[bucket < 0 ? commitBounds.length : bucket]++;
  }

  /** The store takes them at no time. */
  dropped(entries: readonly Entry[], error: StoreRefusal): void {
    this.droppedEntries += entries.length;
    const kinds = entries.map(({ kind }) => kind).join(', ');
    this.lastError = `dropped what the store does not take (${kinds}): ${error.message}`;
  }

  noteError(error: unknown): void {
    this.lastError = error instanceof Error ? error.message : String(error);
  }
}
