import { type Message } from '../message.js';
import { type RestoredDelivery, type RestoredSession } from '../ports/journal.js';
import { type Recording } from '../recording.js';
import { Backlog } from './backlog.js';
import { Delivery } from './delivery.js';
import { DeliveryQueue } from './delivery-queue.js';
import { Sending } from './sending.js';

/** 'dropped' is a loss that the protocol allows (QoS 0, too large, expired): the publisher's message counts as taken. */
export type DeliveryOutcome = 'taken' | 'dropped' | 'refused';

/** Deliveries above its limit that a backlog may have while its oldest are being dropped. */
const trimmedExtraMax = 1024;

/**
 * What waits for one client, in memory and in the journal, and the limits of both. A base and not a part of what decides when, as `Sending` is.
 */
export abstract class Waiting extends Sending {
  readonly queue: DeliveryQueue = new DeliveryQueue();
  /** A delivery did not fit, and the policy is endSession. */
  hasOverflowed = false;
  /** Of a session that the journal has. */
  protected recording: Recording | undefined;
  protected backlog: Backlog | undefined;

  /** A delivery that the journal had. */
  protected abstract takeBack(restored: RestoredDelivery): void;

  get queuedCount(): number {
    return this.queue.length + (this.backlog?.messages ?? 0);
  }

  get queuedBytes(): number {
    return this.queue.bytes + (this.backlog?.bytes ?? 0);
  }

  /** When the first that waits was received, wall clock; undefined: nothing waits, or only the journal knows. */
  get oldestQueuedAt(): number | undefined {
    return this.queue.peek()?.message.receivedAt ?? this.backlog?.oldestAt;
  }

  /** Asks the journal for `oldestQueuedAt`. */
  async learnOldest(): Promise<void> {
    await this.backlog?.learnOldest();
  }

  /** Some messages are in the journal only. */
  get hasBacklog(): boolean {
    return this.backlog !== undefined;
  }

  /** From now on the journal has what is delivered. */
  record(recording: Recording): void {
    this.recording = recording;
  }

  /** What an earlier run of the node had for this session stays in the journal until its client comes. */
  restore({ queuedMessages, queuedBytes, lastPosition }: RestoredSession): void {
    if (queuedMessages > 0) this.backlog = new Backlog(this.recording!, 0, lastPosition, queuedMessages, queuedBytes);
  }

  /** Nobody is connected, and nobody is about to be: what the journal has needs no memory. */
  unload(): void {
    const { recording, queue } = this;
    if (recording === undefined) return;
    const known = queue.take((delivery) => delivery.position !== 0);
    const first = known.at(0);
    if (first === undefined) return;
    const bytes = known.reduce((sum, { message }) => sum + message.size, 0);
    const backlog = this.backlog ?? new Backlog(recording, first.position - 1, known.at(-1)!.position, 0, 0);
    this.backlog = backlog.rewound(first.position, known.length, bytes, first.message.receivedAt);
  }

  /** The queue takes the message without dropping another. */
  hasRoomFor({ size }: Message): boolean {
    return this.surroundings.isOverloaded !== true && this.fits(size);
  }

  private fits(size: number): boolean {
    const { queueMessagesMax, queueBytesMax } = this.surroundings.limits;
    return this.queuedCount < queueMessagesMax && this.queuedBytes + size <= queueBytesMax;
  }

  protected enqueue(delivery: Delivery): DeliveryOutcome {
    const { limits, drops } = this.surroundings;
    const queue = this.queue;
    const size = delivery.message.size;
    if (this.surroundings.isOverloaded) {
      drops.overloaded++;
      return 'refused';
    }
    const fits = () => this.fits(size);
    if (!fits()) {
      const isDropping = limits.queueOverflow === 'dropOldest' && size <= limits.queueBytesMax;
      while (isDropping && !fits() && queue.length > 0) {
        this.forget(queue.shift()!);
        drops.queueFull++;
      }
      if (isDropping && !fits()) this.trimBacklog();
      // While the journal drops the oldest, a few more are taken: to ask it takes longer than to deliver.
      const isTrimmed = isDropping && this.queuedCount < limits.queueMessagesMax + trimmedExtraMax;
      if (!fits() && !isTrimmed) {
        drops.queueFull++;
        this.hasOverflowed = limits.queueOverflow === 'endSession';
        return 'refused';
      }
    }
    const recording = delivery.qos === 0 ? undefined : this.recording;
    recording?.enqueued(delivery);
    if (recording === undefined || (this.output !== undefined && this.backlog === undefined)) {
      queue.push(delivery);
    } else {
      this.backlog ??= new Backlog(recording, delivery.position - 1, delivery.position, 0, 0);
      this.backlog.add(delivery.position, delivery.message);
    }
    return 'taken';
  }

  private trimBacklog(): void {
    const { limits, drops, failed } = this.surroundings;
    this.backlog!.trim(
      () => this.queuedCount <= limits.queueMessagesMax && this.queuedBytes <= limits.queueBytesMax,
      () => drops.queueFull++,
      (delivery) => this.takeBack(delivery),
      (error) => failed?.(error),
    );
  }

  protected deliveryOf({ message, qos, retain, subscriptionIdentifiers, ...restored }: RestoredDelivery): Delivery {
    const { sharedSubscription, packetId, position } = restored;
    const group = sharedSubscription === undefined ? undefined : this.surroundings.groupOf?.(sharedSubscription);
    const delivery = new Delivery(message, qos, retain, subscriptionIdentifiers, group);
    delivery.packetId = packetId;
    delivery.position = position;
    return delivery;
  }

  /** The journal need not have the delivery any more. */
  protected forget(delivery: Delivery): void {
    if (delivery.position !== 0) this.recording!.finished(delivery.position);
  }

  /** Another member has it: what that one is sent may wait for this. */
  protected giveUp({ position, message }: Delivery): void {
    if (position !== 0) this.recording!.finished(position, message.qos === 2);
  }
}
