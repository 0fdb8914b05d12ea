import { type DropCounters } from './drop-counters.js';
import { type Message, type Publisher } from './message.js';
import { Backlog, type JournaledQueue } from './outbound/backlog.js';
import { Delivery } from './outbound/delivery.js';
import { DeliveryQueue } from './outbound/delivery-queue.js';
import { type Journal, type QueuePosition, type RestoredDelivery, type RestoredGroup } from './ports/journal.js';
import { type Session } from './session.js';
import { type Subscription } from './subscription.js';

export type SharedStrategy = 'roundRobin' | 'random' | 'sticky' | 'clientId' | 'topic' | 'leastInflight';

export interface SharedGroupLimits {
  /** Messages that wait while no member is online. */
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
}

export type GroupOutcome = 'taken' | 'refused' | 'noMember';

interface Member {
  readonly session: Session;
  subscription: Subscription;
}

/** The journal for all shared subscriptions of a node: one that ends and begins anew does not get a place in the queue of its name again. */
export class GroupJournal {
  readonly journal: Journal;
  private lastPosition: QueuePosition = 0;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  nextPosition(): QueuePosition {
    return (this.lastPosition = Math.max(this.lastPosition + 1, this.journal.firstPosition));
  }
}

/** FNV-1a over UTF-16 units: spreads names over members, the same on every node. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/**
 * One shared subscription (section 4.8.2): share name and topic filter with its members on this node. A message goes to exactly one
 * member; never to one that is offline while another is online. With nobody online, QoS 1 and 2 wait here for the first member to
 * come, provided that some member's session is kept.
 */
export class SharedGroup {
  readonly shareName: string;
  readonly topicFilter: string;
  /** As clients write it. */
  readonly requested: string;
  private readonly strategy: SharedStrategy;
  private readonly random: () => number;
  private readonly limits: SharedGroupLimits;
  private readonly drops: DropCounters;
  private readonly members: Member[] = [];
  private readonly waiting: DeliveryQueue = new DeliveryQueue();
  /** With a journal: what waits is there as well. */
  private readonly journaled: JournaledWaiting | undefined;
  private backlog: Backlog | undefined;
  /** Something waits although a member is online: nobody's queue takes it. */
  private isHeldUp = false;
  private next = 0;
  private sticky: Session | undefined;

  constructor(
    shareName: string,
    topicFilter: string,
    strategy: SharedStrategy,
    random: () => number,
    limits: SharedGroupLimits,
    drops: DropCounters,
    journal?: GroupJournal,
  ) {
    this.shareName = shareName;
    this.topicFilter = topicFilter;
    this.requested = `$share/${shareName}/${topicFilter}`;
    this.strategy = strategy;
    this.random = random;
    this.limits = limits;
    this.drops = drops;
    this.journaled = journal === undefined ? undefined : new JournaledWaiting(journal, this.requested);
  }

  /** What waited in an earlier run of the node stays in the journal until a member comes. */
  restore({ queuedMessages, queuedBytes, lastPosition }: RestoredGroup): void {
    this.journaled!.isKnown = true;
    this.backlog = new Backlog(this.journaled!, 0, lastPosition, queuedMessages, queuedBytes);
  }

  /** The last member has left: nobody will ask for what waits. */
  end(): void {
    if (this.journaled?.isKnown === true) this.journaled.ended();
  }

  /** The journal has what some member is given, or what waits for one. */
  get isRecorded(): boolean {
    return this.members.some(({ session }) => session.isRecorded);
  }

  get memberCount(): number {
    return this.members.length;
  }

  get waitingMessages(): number {
    return this.waiting.length + (this.backlog?.messages ?? 0);
  }

  get waitingBytes(): number {
    return this.waiting.bytes + (this.backlog?.bytes ?? 0);
  }

  /** As that of a session. */
  get oldestQueuedAt(): number | undefined {
    return this.waiting.peek()?.message.receivedAt ?? this.backlog?.oldestAt;
  }

  async learnOldest(): Promise<void> {
    await this.backlog?.learnOldest();
  }

  /** Adds a member, or replaces its subscription. */
  join(session: Session, subscription: Subscription): void {
    const member = this.members.find((candidate) => candidate.session === session);
    if (member === undefined) this.members.push({ session, subscription });
    else member.subscription = subscription;
  }

  leave(session: Session): void {
    const index = this.members.findIndex((candidate) => candidate.session === session);
    if (index >= 0) this.members.splice(index, 1);
    if (this.sticky === session) this.sticky = undefined;
  }

  has(session: Session): boolean {
    return this.members.some((candidate) => candidate.session === session);
  }

  /** Gives the message to one member; QoS 1 and 2 after what waits for one already. */
  deliver(message: Message): GroupOutcome {
    if (message.qos > 0 && this.hasEarlier && this.members.some(({ session }) => session.isOnline)) {
      this.drain();
      if (this.hasEarlier) return this.wait(message);
    }
    const member = this.choose(message, undefined);
    if (member !== undefined) return this.give(member, message);
    if (message.qos === 0 || !this.members.some((candidate) => candidate.session.isPersistent)) return 'noMember';
    return this.wait(message);
  }

  /**
   * Gives a delivery that a member did not finish to another member that is online. False: nobody else is there, it stays where it is
   * (QoS 1 that was sent, and anything that was never sent; QoS 2 that was sent never comes here [MQTT-4.8.2-4]).
   */
  redispatch(delivery: Delivery, from: Session): boolean {
    const member = this.choose(delivery.message, from);
    if (member === undefined) return false;
    return (delivery.position === 0 ? this.give(member, delivery.message) : this.handOver(member, delivery.message)) === 'taken';
  }

  /** Keeps what a member leaves behind whose session ends, if another member's session is kept. */
  inherit(delivery: Delivery, from: Session): void {
    if (!this.members.some(({ session }) => session !== from && session.isPersistent)) return;
    this.wait(delivery.message);
    // Somebody is online if `redispatch` found only full members.
    if (!this.isHeldUp) this.drain();
  }

  /** The journal does not take this message: it is as if it had never come. */
  revoke(message: Message): void {
    this.waiting.take((delivery) => delivery.message === message);
  }

  /** A member has come online: it gets what waited, as far as its queue takes it. */
  drainTo(session: Session): void {
    const member = this.members.find((candidate) => candidate.session === session);
    if (member === undefined) return;
    this.isHeldUp = !this.giveWaiting(member);
    if (this.isHeldUp) {
      session.outbound.whenDrained(this);
      return;
    }
    this.backlog?.fetch(
      (deliveries, isComplete) => {
        if (isComplete) this.backlog = undefined;
        for (const delivery of deliveries) this.takeBack(delivery);
        this.drain();
      },
      // That member may have gone meanwhile; when this one goes, another is asked.
      (batch) => this.members.find((other) => other.session.isOnline)?.session.whenCommitted(batch, () => this.drain()),
      (error) => session.failed(error),
    );
  }

  /** The members that are online get what waits, as far as their queues take it. */
  drain(): void {
    if (this.waiting.length === 0 && this.backlog === undefined) return;
    for (const { session } of this.members) {
      if (!session.isOnline) continue;
      this.drainTo(session);
      // What is left may be what this member may not have.
      if (!this.isHeldUp && this.waiting.length === 0) return;
    }
  }

  /** False: the member's queue is full. */
  private giveWaiting(member: Member): boolean {
    let isFull = false;
    const gone = this.waiting.take(({ message, position }) => {
      if (isFull) return false;
      if (member.session.outbound.dropsExpired(message)) return true;
      if (!mayReceive(member, message)) return false;
      isFull = (position === 0 ? this.give(member, message) : this.handOver(member, message)) === 'refused';
      return !isFull;
    });
    for (const { position, message } of gone) if (position !== 0) this.journaled!.finished(position, message.qos === 2);
    return !isFull;
  }

  /** Something waits that a new message must not overtake. */
  private get hasEarlier(): boolean {
    return this.isHeldUp || this.backlog !== undefined;
  }

  private takeBack({ message, qos, position }: RestoredDelivery): void {
    const delivery = new Delivery(message, qos, false, undefined, this);
    delivery.position = position;
    this.waiting.push(delivery);
  }

  private wait(message: Message): GroupOutcome {
    const { limits, journaled } = this;
    if (this.waitingMessages >= limits.queueMessagesMax || this.waitingBytes + message.size > limits.queueBytesMax) {
      this.drops.queueFull++;
      return 'refused';
    }
    const delivery = new Delivery(message.keep(), message.qos, false, undefined, this);
    if (journaled !== undefined) delivery.position = journaled.enqueued(message);
    // Behind what has not been fetched yet.
    if (this.backlog === undefined) this.waiting.push(delivery);
    else this.backlog.add(delivery.position, message);
    return 'taken';
  }

  private give(member: Member, message: Message): GroupOutcome {
    const { session, subscription } = member;
    const identifier = subscription.subscriptionIdentifier;
    const retain = subscription.retainAsPublished && message.retain;
    const identifiers = identifier === 0 ? undefined : [identifier];
    return session.deliver(message, subscription.qos, retain, identifiers, this) === 'refused' ? 'refused' : 'taken';
  }

  /**
   * The same for what the journal has in another queue, from which it is taken in this same turn: QoS 2 for a session that the journal does not know
   * waits for that, because after a crash nobody else may get it [MQTT-4.8.2-5].
   */
  private handOver(member: Member, message: Message): GroupOutcome {
    const { session, subscription } = member;
    if (message.qos < 2 || subscription.qos < 2 || session.isRecorded) return this.give(member, message);
    // What is sent at once is not refused, so that something will be recorded; what is sent later comes behind what is held from now on.
    const { canSend } = session;
    if (canSend) session.hold();
    const outcome = this.give(member, message);
    if (!canSend && outcome === 'taken') session.hold();
    return outcome;
  }

  /** Online members only; one that can take the message now is preferred to one that would have to queue it, and that to one whose queue is full. */
  private choose(message: Message, except: Session | undefined): Member | undefined {
    const count = this.members.length;
    if (count === 0) return undefined;
    const start = this.start(message, count);
    let online: Member | undefined;
    let roomy: Member | undefined;
    let best: Member | undefined;
    for (let i = 0; i < count; i++) {
      const member = this.members[(start + i) % count];
      const session = member.session;
      if (session === except || !session.isOnline || !mayReceive(member, message)) continue;
      online ??= member;
      if (!session.canSend) {
        if (roomy === undefined && session.outbound.hasRoomFor(message)) roomy = member;
        continue;
      }
      if (this.strategy !== 'leastInflight') {
        best = member;
        break;
      }
      if (best === undefined || session.inflightCount < best.session.inflightCount) best = member;
    }
    const chosen = best ?? roomy ?? online;
    if (chosen !== undefined) this.sticky = chosen.session;
    return chosen;
  }

  private start(message: Message, count: number): number {
    switch (this.strategy) {
      case 'roundRobin':
      case 'leastInflight':
        this.next = (this.next + 1) % count;
        return this.next;
      case 'random':
        return Math.floor(this.random() * count);
      case 'sticky': {
        const index = this.members.findIndex((candidate) => candidate.session === this.sticky);
        return index < 0 ? 0 : index;
      }
      case 'clientId':
        return hash(publisherName(message.publisher)) % count;
      case 'topic':
        return hash(message.topicName) % count;
    }
  }
}

/** The queue of a shared subscription in the journal. */
class JournaledWaiting implements JournaledQueue {
  /** Something waited once: the journal has heard of this shared subscription. */
  isKnown = false;
  private readonly places: GroupJournal;
  private readonly journal: Journal;
  private readonly requested: string;
  private lastBatch = 0;

  constructor(places: GroupJournal, requested: string) {
    this.places = places;
    this.journal = places.journal;
    this.requested = requested;
  }

  get uncommittedBatch(): number | undefined {
    return this.journal.committedBatch >= this.lastBatch ? undefined : this.lastBatch;
  }

  enqueued(message: Message): QueuePosition {
    const position = this.places.nextPosition();
    this.isKnown = true;
    this.lastBatch = this.journal.openBatch;
    this.journal.groupEnqueued(this.requested, position, message);
    return position;
  }

  finished(position: QueuePosition, isAwaited: boolean = false): void {
    this.journal.groupFinished(this.requested, position, isAwaited);
  }

  ended(): void {
    this.journal.groupEnded(this.requested);
  }

  page(after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    return this.journal.pageGroup(this.requested, after, limit);
  }
}

function publisherName(publisher: Publisher): string {
  return publisher.clientId;
}

function mayReceive(member: Member, message: Message): boolean {
  return member.subscription.mayReceive === undefined || member.subscription.mayReceive(message.topicName);
}
