import { type Message } from '../message.js';
import { type QueuePosition, type RestoredDelivery } from '../ports/journal.js';

/** Deliveries that are fetched at once. */
const pageSize = 128;

/** Whose deliveries they are: a session's, or a shared subscription's. */
export interface JournaledQueue {
  /** Before this batch is committed, a page may lack the last deliveries. Undefined: it is. */
  readonly uncommittedBatch: number | undefined;
  page(after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]>;
  finished(position: QueuePosition): void;
}

/**
 * The part of a queue that is in the journal only: what came while nobody was connected, or while this was still being
 * fetched. A queue is never loaded as a whole: pages follow as the client takes them.
 */
export class Backlog {
  /** Deliveries not fetched yet, and their bytes by `Message.size`. */
  messages: number;
  bytes: number;
  /** When its oldest delivery was received, wall clock; undefined: nobody has asked the journal yet. */
  oldestAt: number | undefined;
  private readonly source: JournaledQueue;
  private fetchedTo: QueuePosition;
  private lastPosition: QueuePosition;
  private isFetching = false;
  private isTrimming = false;
  /** A fetch that was asked for while the oldest were being dropped. */
  private wanted: (() => void) | undefined;
  private isAbandoned = false;

  /** Begins after a position, with what the journal has up to `lastPosition`. */
  constructor(source: JournaledQueue, fetchedTo: QueuePosition, lastPosition: QueuePosition, messages: number, bytes: number) {
    this.source = source;
    this.fetchedTo = fetchedTo;
    this.lastPosition = lastPosition;
    this.messages = messages;
    this.bytes = bytes;
  }

  /** A delivery that has been recorded and is not kept in memory. */
  add(position: QueuePosition, { size, receivedAt }: Message): void {
    if (this.messages === 0) this.oldestAt = receivedAt;
    this.lastPosition = position;
    this.messages++;
    this.bytes += size;
  }

  /** Takes deliveries back that were fetched, the first of them at this position; what is on the way is not wanted any more. */
  rewound(position: QueuePosition, messages: number, bytes: number, oldestAt: number | undefined): Backlog {
    this.isAbandoned = true;
    const backlog = new Backlog(this.source, position - 1, this.lastPosition, this.messages + messages, this.bytes + bytes);
    backlog.oldestAt = oldestAt;
    return backlog;
  }

  /** The same; what is on the way is not wanted any more. */
  anew(): Backlog {
    return this.rewound(this.fetchedTo + 1, 0, 0, this.oldestAt);
  }

  /** Asks the journal for `oldestAt`. Rejects as it does. */
  async learnOldest(): Promise<void> {
    const { fetchedTo } = this;
    if (this.oldestAt !== undefined) return;
    const [oldest] = await this.source.page(fetchedTo, 1);
    if (oldest !== undefined && this.fetchedTo === fetchedTo) this.oldestAt = oldest.message.receivedAt;
  }

  /**
   * Fetches the next page, unless one is on its way; while the oldest are being dropped, when that has ended. `arrived` gets the deliveries, and whether they were the last: then every later one
   * can be kept in memory again. `mustWait` is called when there are more, but they are not committed yet.
   */
  fetch(
    arrived: (deliveries: readonly RestoredDelivery[], isComplete: boolean) => void,
    mustWait: (batch: number) => void,
    failed: (error: unknown) => void,
  ): void {
    if (this.isTrimming) {
      this.wanted = () => this.fetch(arrived, mustWait, failed);
      return;
    }
    const { lastPosition } = this;
    const { uncommittedBatch } = this.source;
    this.page((page) => {
      for (const delivery of page) this.passed(delivery);
      const isSettled = uncommittedBatch === undefined && this.lastPosition === lastPosition;
      const isComplete = this.fetchedTo === this.lastPosition || (page.length === 0 && isSettled);
      if (page.length === 0 && !isComplete && uncommittedBatch !== undefined) mustWait(uncommittedBatch);
      else arrived(page, isComplete);
    }, failed);
  }

  /**
   * Drops the oldest deliveries until there is room, as far as they are committed. What an earlier run of the node has sent is not dropped, since
   * the client may have it and its packet identifier is in use: `inFlight` takes it over.
   */
  trim(
    hasRoom: () => boolean,
    dropped: () => void,
    inFlight: (delivery: RestoredDelivery) => void,
    failed: (error: unknown) => void,
  ): void {
    if (this.isFetching) return;
    this.isTrimming = true;
    this.page(
      (page) => {
        for (const delivery of page) {
          if (hasRoom()) break;
          this.passed(delivery);
          if (delivery.packetId !== 0) {
            inFlight(delivery);
          } else {
            this.source.finished(delivery.position);
            dropped();
          }
        }
        if (page.length > 0 && !hasRoom()) this.trim(hasRoom, dropped, inFlight, failed);
        else this.trimmed();
      },
      (error) => {
        failed(error);
        this.trimmed();
      },
    );
  }

  private trimmed(): void {
    const { wanted } = this;
    this.isTrimming = false;
    this.wanted = undefined;
    wanted?.();
  }

  /** All that is committed of it, in order; it stays where it is. */
  async *deliveries(): AsyncIterableIterator<RestoredDelivery> {
    let after = this.fetchedTo;
    for (;;) {
      const page = await this.source.page(after, pageSize);
      if (page.length === 0) return;
      yield* page;
      after = page.at(-1)!.position;
    }
  }

  private passed({ position, message }: RestoredDelivery): void {
    this.fetchedTo = position;
    this.messages--;
    this.bytes -= message.size;
    this.oldestAt = undefined;
  }

  private page(arrived: (page: readonly RestoredDelivery[]) => void, failed: (error: unknown) => void): void {
    if (this.isFetching) return;
    this.isFetching = true;
    this.source.page(this.fetchedTo, pageSize).then(
      (page) => {
        this.isFetching = false;
        if (!this.isAbandoned) arrived(page);
      },
      (error: unknown) => {
        this.isFetching = false;
        if (!this.isAbandoned) failed(error);
      },
    );
  }
}
