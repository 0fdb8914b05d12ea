import { type LogStore } from '../log-store.js';
import { type LogPosition } from '../position.js';

/**
 * After a failure the store may be another one than before: a replica that has taken over may lack what was acknowledged. So before anything else
 * is asked of it, it has to show the last record that it had confirmed.
 */
export class ReadBack {
  /** It did not have it when it was asked last. */
  isMissing = false;
  private readonly store: LogStore;
  private isDue = false;

  constructor(store: LogStore) {
    this.store = store;
  }

  /** A call failed. */
  failed(): void {
    this.isDue = true;
  }

  /** Asks after a failure only. Rejects if the store lacks the record, or does not answer. */
  async confirm(position: LogPosition): Promise<void> {
    if (!this.isDue) return;
    this.isMissing = !(await this.has(position));
    if (this.isMissing) {
      this.store.tryElsewhere?.();
      throw new Error(missingText(position));
    }
    this.isDue = false;
  }

  /** Before the first record of an epoch, the seat that was taken with it. */
  private async has({ seat, epoch, seq }: LogPosition): Promise<boolean> {
    if (seq === 0) return ((await this.store.readSeat(seat))?.epoch ?? 0) >= epoch;
    return ((await this.store.lastRecord(seat, epoch))?.seq ?? 0) >= seq;
  }
}

function missingText({ epoch, seq }: LogPosition): string {
  return (
    `the database lacks record ${seq} of epoch ${epoch}, which it had confirmed, as after a failover that lost the last commits: bring back the server ` +
    'that has it, or restart the broker to go on with what this one has'
  );
}
