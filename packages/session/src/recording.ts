import { type Delivery } from './outbound/delivery.js';
import { type Output } from './output.js';
import { type Journal, type QueuePosition, type RestoredDelivery, type SessionKey } from './ports/journal.js';
import { type Subscription } from './subscription.js';

/** One stored session's way into the journal. Its connection holds back what must not be seen before it is committed. */
export class Recording {
  output: Output | undefined = undefined;
  private readonly journal: Journal;
  private readonly session: SessionKey;
  private nextPosition: QueuePosition;
  /** The batch of the delivery that was recorded last. */
  private lastBatch = 0;

  constructor(journal: Journal, session: SessionKey) {
    this.journal = journal;
    this.session = session;
    this.nextPosition = journal.firstPosition;
  }

  /** What is sent from now on waits for what is recorded in this turn. */
  hold(): void {
    this.output?.hold(this.journal.openBatch);
  }

  subscribed(subscription: Subscription): void {
    this.journal.subscribed(this.session, subscription);
    this.hold();
  }

  unsubscribed(requested: string): void {
    this.journal.unsubscribed(this.session, requested);
    this.hold();
  }

  /** Gives the delivery its place, whether it waits or is just being sent. */
  enqueued(delivery: Delivery): void {
    delivery.position = this.nextPosition++;
    this.lastBatch = this.journal.openBatch;
    this.journal.enqueued(this.session, delivery);
  }

  sent(delivery: Delivery): void {
    this.journal.sent(this.session, delivery);
  }

  received(position: QueuePosition, packetId: number): void {
    this.journal.received(this.session, position, packetId);
    this.hold();
  }

  /** Nothing waits for this unless it `isAwaited`; without it the delivery would come again. */
  finished(position: QueuePosition, isAwaited: boolean = false): void {
    this.journal.finished(this.session, position, isAwaited);
  }

  inboundReceived(packetId: number): void {
    this.journal.inboundReceived(this.session, packetId);
    this.hold();
  }

  inboundReleased(packetId: number): void {
    this.journal.inboundReleased(this.session, packetId);
    this.hold();
  }

  /** Before this batch is committed, a page may lack the last deliveries. Undefined: it is. */
  get uncommittedBatch(): number | undefined {
    return this.journal.committedBatch >= this.lastBatch ? undefined : this.lastBatch;
  }

  page(after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    return this.journal.page(this.session, after, limit);
  }
}
