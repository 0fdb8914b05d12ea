import { ReasonCode } from '@si-mqtt/codec';
import {
  type Delivery,
  type DropCounters,
  GroupJournal,
  type Journal,
  type Message,
  type RestoredGroup,
  type Session,
  SharedGroup,
  type SharedGroupLimits,
  type SharedStrategy,
  type Subscription,
} from '@si-mqtt/session';
import { type Match, SubscriptionTree } from '@si-mqtt/topics';
import { runInTurn } from './turn-share.js';

type Subscriber = Session | SharedGroup;

/** Subscriptions of a session that has ended: more of them go bit by bit, because others are waiting. */
const endedPerTask = 100;

export interface RoutingSettings {
  readonly journal?: Journal;
  readonly random: () => number;
  readonly groupLimits: SharedGroupLimits;
  readonly drops: DropCounters;
  strategyOf(topicFilter: string): SharedStrategy;
}

/** This node's subscriptions, and the way of a message to the sessions that have them. */
export class Routing {
  private readonly tree: SubscriptionTree<Subscriber, Subscription | undefined>;
  /** By share name and topic filter, as the client writes them. */
  private readonly groups: Map<string, SharedGroup> = new Map();
  private readonly settings: RoutingSettings;
  private readonly groupJournal: GroupJournal | undefined;

  constructor(settings: RoutingSettings) {
    this.settings = settings;
    this.groupJournal = settings.journal === undefined ? undefined : new GroupJournal(settings.journal);
    this.tree = new SubscriptionTree({ hashSeed: Math.floor(settings.random() * 2 ** 32) });
  }

  get subscriptions(): number {
    let members = 0;
    for (const group of this.groups.values()) members += group.memberCount;
    return this.tree.size - this.groups.size + members;
  }

  sharedSubscriptions(): Iterable<SharedGroup> {
    return this.groups.values();
  }

  get sharedGroups(): number {
    return this.groups.size;
  }

  /** A shared subscription that somebody here has, as clients write it. */
  group(requested: string): SharedGroup | undefined {
    return this.groups.get(requested);
  }

  /** What waited in an earlier run; its members have been restored. */
  restoreGroup(stored: RestoredGroup): void {
    const group = this.groups.get(stored.sharedSubscription);
    if (group !== undefined) group.restore(stored);
    else this.settings.journal!.groupEnded(stored.sharedSubscription);
  }

  /** Whether some subscriber of the message is one that the journal has. */
  isRecorded(message: Message): boolean {
    return this.tree.match(message.topicName).some(({ subscriber }) => subscriber.isRecorded);
  }

  /** Adds or replaces; what is under way to the session is not touched [MQTT-3.8.4-3]. What waited for a member of a group comes. */
  subscribe(session: Session, subscription: Subscription): void {
    this.set(session, subscription);
    if (subscription.shareName !== undefined) this.groups.get(subscription.requested)?.drainTo(session);
  }

  /** The same, and what waits for a group goes on waiting. */
  set(session: Session, subscription: Subscription): void {
    session.addSubscription(subscription);
    if (subscription.shareName === undefined) {
      this.tree.set(subscription.topicFilter, session, subscription);
      return;
    }
    let group = this.groups.get(subscription.requested);
    if (group === undefined) {
      const { random, groupLimits, drops } = this.settings;
      const strategy = this.settings.strategyOf(subscription.topicFilter);
      group = new SharedGroup(subscription.shareName, subscription.topicFilter, strategy, random, groupLimits, drops, this.groupJournal);
      this.groups.set(subscription.requested, group);
      this.tree.set(subscription.topicFilter, group, undefined);
    }
    group.join(session, subscription);
  }

  /** False: there was no such subscription. Deliveries that were begun are finished [MQTT-3.10.4-3]. */
  unsubscribe(session: Session, requested: string): boolean {
    const subscription = session.subscriptions.get(requested);
    if (subscription === undefined) return false;
    session.removeSubscription(requested);
    session.outbound.endReplay(requested);
    const group = this.groups.get(requested);
    if (subscription.shareName === undefined || group === undefined) {
      this.tree.delete(subscription.topicFilter, session);
      return true;
    }
    group.leave(session);
    if (group.memberCount === 0) {
      group.end();
      this.groups.delete(requested);
      this.tree.delete(group.topicFilter, group);
    }
    return true;
  }

  /** The journal does not take this message: nobody gets it any more who has not got it from its group. */
  revokeShared(message: Message): void {
    for (const group of this.groups.values()) group.revoke(message);
  }

  /** The session has a connection again: groups in which nobody was online hand over what waited. */
  cameOnline(session: Session): void {
    for (const subscription of session.subscriptions.values()) {
      if (subscription.shareName !== undefined) this.groups.get(subscription.requested)?.drainTo(session);
    }
  }

  /** The session lost its connection: other members of its groups get what it did not finish (broker.md §3). */
  wentOffline(session: Session): void {
    session.outbound.redispatchShared((delivery, group) => group.redispatch(delivery, session));
    // What waited for this member's connection goes on with another's.
    for (const { requested, shareName } of session.subscriptions.values()) if (shareName !== undefined) this.groups.get(requested)?.drain();
  }

  /** The session will end and is offline: what only the journal has of its shared subscriptions goes to other members first. */
  async bequeath(session: Session): Promise<void> {
    this.leaveShared(session);
    await session.outbound.redispatchBacklog((delivery, group) => leaveTo(group, delivery, session));
  }

  /** The session is over and takes nothing any more; its groups keep what it leaves behind. */
  end(session: Session): void {
    this.leaveShared(session);
    for (const { requested, shareName } of session.subscriptions.values())
      if (shareName !== undefined) this.unsubscribe(session, requested);
    this.unsubscribeAll(session);
  }

  private unsubscribeAll(session: Session): void {
    let left = endedPerTask;
    for (const requested of session.subscriptions.keys()) {
      if (left-- === 0) {
        runInTurn(() => this.unsubscribeAll(session));
        return;
      }
      this.unsubscribe(session, requested);
    }
  }

  private leaveShared(session: Session): void {
    session.outbound.redispatchShared((delivery, group) => {
      leaveTo(group, delivery, session);
      return true;
    });
  }

  /** Delivers to everybody on this node whose subscription matches. The reason code is the publisher's answer (broker.md §2). */
  route(message: Message): ReasonCode {
    const matches = this.tree.match(message.topicName);
    let taken = false;
    let refused = false;
    for (let i = 0; i < matches.length; i++) {
      const { subscriber, value } = matches[i];
      let outcome: string;
      if (value === undefined) {
        outcome = (subscriber as SharedGroup).deliver(message);
        if (outcome === 'noMember') continue;
      } else if (i + 1 < matches.length && matches[i + 1].subscriber === subscriber) {
        let last = i + 1;
        while (last + 1 < matches.length && matches[last + 1].subscriber === subscriber) last++;
        outcome = deliverOverlapping(message, subscriber as Session, matches, i, last);
        i = last;
        if (outcome === 'none') continue;
      } else {
        if (value.noLocal && isOwn(message, subscriber as Session)) continue; // [MQTT-3.8.3-3]
        if (value.mayReceive !== undefined && !value.mayReceive(message.topicName)) continue;
        const identifier = value.subscriptionIdentifier;
        outcome = (subscriber as Session).deliver(
          message,
          value.qos,
          value.retainAsPublished && message.retain, // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
          identifier === 0 ? undefined : [identifier],
          undefined,
        );
      }
      if (outcome === 'refused') refused = true;
      else taken = true;
    }
    if (taken) return ReasonCode.success;
    return refused ? ReasonCode.quotaExceeded : ReasonCode.noMatchingSubscribers;
  }
}

/** Another member gets the delivery, or it waits for one. */
function leaveTo(group: SharedGroup, delivery: Delivery, session: Session): void {
  if (!group.redispatch(delivery, session)) group.inherit(delivery, session);
}

function isOwn(message: Message, session: Session): boolean {
  return message.publisher.clientId === session.clientId;
}

/** One copy for several subscriptions of one session: at the highest QoS [MQTT-3.3.4-2], with all identifiers [MQTT-3.3.4-3] [MQTT-3.3.4-4]. */
function deliverOverlapping(
  message: Message,
  session: Session,
  matches: readonly Match<Subscriber, Subscription | undefined>[],
  first: number,
  last: number,
): 'taken' | 'dropped' | 'refused' | 'none' {
  let qos: 0 | 1 | 2 = 0;
  let retain = false;
  let matched = false;
  let identifiers: number[] | undefined;
  for (let i = first; i <= last; i++) {
    const subscription = matches[i].value!;
    if (subscription.noLocal && isOwn(message, session)) continue;
    if (subscription.mayReceive !== undefined && !subscription.mayReceive(message.topicName)) continue;
    matched = true;
    if (subscription.qos > qos) qos = subscription.qos;
    if (subscription.retainAsPublished && message.retain) retain = true;
    if (subscription.subscriptionIdentifier !== 0) (identifiers ??= []).push(subscription.subscriptionIdentifier);
  }
  return matched ? session.deliver(message, qos, retain, identifiers, undefined) : 'none';
}
