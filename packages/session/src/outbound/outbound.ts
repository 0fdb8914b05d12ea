import { protocolError, publishFirstByte, type QoS, ReasonCode } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type Negotiated } from '../negotiation.js';
import { type Output } from '../output.js';
import { type RestoredDelivery } from '../ports/journal.js';
import { type RetainedReplay } from '../retained-replay.js';
import { type SharedGroup } from '../shared-group.js';
import { type Subscription } from '../subscription.js';
import { Delivery } from './delivery.js';
import { Inflight } from './inflight.js';
import { type DeliveryOutcome, Waiting } from './waiting.js';

/** With fewer deliveries than this in memory, the next page of the backlog is fetched. */
const backlogLowWater = 64;

/** Deliveries that one call of `pump` sends at most, so that other connections get their turn. */
const pumpMax = 256;

/** Everything on the way to one client: what waits, what is in flight, and what the client still has room for. */
export class Outbound extends Waiting {
  private inflight: Inflight | undefined;
  /** What was in flight when the client came back and has not been sent again yet, in order. */
  private resend: Set<Delivery> | undefined;
  private replays: RetainedReplay[] | undefined;
  private sendQuotaInitial = 0;
  /** Shared subscriptions with messages that the queue did not take. */
  private heldUpGroups: Set<SharedGroup> | undefined;
  private isStillAllowed: ((delivery: Delivery) => boolean) | undefined;

  get inflightCount(): number {
    return this.inflight?.size ?? 0;
  }

  /**
   * How many more deliveries of QoS 1 and 2 may be sent now [MQTT-4.9.0-2]. Everything unfinished has its place but what is still to be sent
   * again on this connection; negative if more PUBRELs are owed than this client takes messages.
   */
  private get sendQuota(): number {
    return this.sendQuotaInitial - this.inflightCount + (this.resend?.size ?? 0);
  }

  /** A QoS 1 delivery would be sent at once. */
  get canSend(): boolean {
    const output = this.output;
    return (
      output !== undefined &&
      output.writable &&
      this.sendQuota > 0 &&
      this.queue.length === 0 &&
      this.resend === undefined &&
      this.backlog === undefined
    );
  }

  /** The journal does not take this message: it is as if it had never come. Returns the packet identifiers under which it was about to be sent. */
  revoke(message: Message): number[] {
    const packetIds: number[] = [];
    for (const [packetId, delivery] of this.inflight?.published.entries() ?? []) {
      if (delivery.message !== message) continue;
      packetIds.push(packetId);
      this.resend?.delete(delivery);
    }
    for (const packetId of packetIds) this.inflight!.published.delete(packetId);
    this.queue.take((delivery) => delivery.message === message);
    // What waits may be sent now, but in a later turn: the journal is at work on a batch.
    if (packetIds.length > 0) this.output?.requestPump();
    return packetIds;
  }

  /** A connection begins: aliases and quota start anew, unfinished exchanges are taken up again [MQTT-4.4.0-1]. */
  attach(output: Output, negotiated: Negotiated): void {
    this.beginSending(output, negotiated);
    this.sendQuotaInitial = negotiated.sendQuota; // [MQTT-4.9.0-1]
    for (const replay of this.replays ?? []) replay.isAnswered = true;
    const inflight = this.inflight;
    if (inflight === undefined) return;
    for (const packetId of inflight.released.keys()) output.sendAcknowledgement('pubrel', packetId, ReasonCode.success);
    if (inflight.published.size > 0) this.resend = new Set(inflight.published.values());
  }

  detach(): void {
    this.output = undefined;
    this.resend = undefined;
    this.heldUpGroups = undefined;
    // What is in flight may now have to wait for long.
    if (this.inflight !== undefined) for (const { message } of this.inflight.published.values()) message.keep();
  }

  /** Sends the message, or lets it wait, with the options that its subscriptions ask for. */
  deliver(
    message: Message,
    grantedQos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    group: SharedGroup | undefined,
  ): DeliveryOutcome {
    const qos = grantedQos < message.qos ? grantedQos : message.qos; // [MQTT-3.8.4-8]
    if (message.retain && this.replays !== undefined) for (const replay of this.replays) replay.replace(message);
    if (qos === 0) return this.deliverQos0(message, retain, subscriptionIdentifiers);
    if (!this.canSend) return this.enqueue(new Delivery(message.keep(), qos, retain, subscriptionIdentifiers, group));
    const delivery = new Delivery(message.keepBriefly(), qos, retain, subscriptionIdentifiers, group);
    return this.sendNew(delivery) ? 'taken' : 'dropped';
  }

  addReplay(replay: RetainedReplay): void {
    (this.replays ??= []).push(replay);
  }

  /** An UNSUBSCRIBE or a new SUBSCRIBE ends the replay of its filter. */
  endReplay(requested: string): void {
    this.replays = this.replays?.filter((replay) => replay.subscription.requested !== requested);
  }

  /** The rules have changed: a replay that goes on obeys its subscription as it is now. */
  changeReplay(subscription: Subscription): void {
    for (const replay of this.replays ?? [])
      if (replay.subscription.requested === subscription.requested) replay.subscription = subscription;
  }

  /** The rules may have changed: whatever waits now is asked for once more when its turn comes, and left out if the answer is no. */
  recheckWaiting(isStillAllowed: (delivery: Delivery) => boolean): void {
    if (this.queuedCount > 0) this.isStillAllowed = isStillAllowed;
  }

  receivePuback(packetId: number): void {
    const delivery = this.inflight?.published.get(packetId);
    if (delivery === undefined) return;
    if (delivery.qos !== 1) throw protocolError(`PUBACK for packet identifier ${packetId}, which is in use for QoS 2`);
    this.inflight!.published.delete(packetId); // [MQTT-4.3.2-3]
    this.resend?.delete(delivery);
    this.forget(delivery);
    this.finished();
  }

  receivePubrec(packetId: number, reasonCode: ReasonCode): void {
    const inflight = this.inflight;
    const delivery = inflight?.published.get(packetId);
    if (delivery === undefined) {
      const known = inflight?.released.has(packetId) === true;
      this.output?.sendAcknowledgement('pubrel', packetId, known ? ReasonCode.success : ReasonCode.packetIdentifierNotFound);
      return;
    }
    if (delivery.qos !== 2) throw protocolError(`PUBREC for packet identifier ${packetId}, which is in use for QoS 1`);
    inflight!.published.delete(packetId);
    this.resend?.delete(delivery);
    if (reasonCode >= 0x80) {
      this.forget(delivery);
      this.finished(); // [MQTT-4.4.0-2]
      return;
    }
    inflight!.released.set(packetId, delivery.position);
    if (delivery.position !== 0) this.recording!.received(delivery.position, packetId);
    this.output?.sendAcknowledgement('pubrel', packetId, ReasonCode.success); // [MQTT-4.3.3-4]
  }

  receivePubcomp(packetId: number): void {
    const position = this.inflight?.released.get(packetId);
    if (position === undefined) return;
    this.inflight!.released.delete(packetId);
    if (position !== 0) this.recording!.finished(position);
    this.finished();
  }

  /**
   * Sends what may be sent now: unfinished deliveries again, then what waits, then retained messages of new subscriptions.
   * Called when the socket has drained, quota came back, or a connection began.
   */
  pump(): void {
    const output = this.output;
    if (output === undefined) return;
    let left = pumpMax;
    if (this.resend !== undefined && !this.pumpResend(output)) return;
    if (this.backlog !== undefined && this.queue.length < backlogLowWater) this.fetchBacklog();
    while (this.queue.length > 0) {
      if (!output.writable) return;
      const first = this.queue.peek()!;
      if (first.qos > 0 && this.sendQuota <= 0) return;
      if (left-- === 0) {
        output.requestPump();
        return;
      }
      this.queue.shift();
      if (this.isStillAllowed?.(first) === false) {
        this.surroundings.drops.notAllowed++;
        this.forget(first);
      } else if (this.dropsExpired(first.message)) {
        this.forget(first);
      } else if (first.qos === 0) {
        this.sendQos0(first.message, first.retain, first.subscriptionIdentifiers);
      } else {
        this.sendNew(first);
      }
    }
    if (this.backlog !== undefined) {
      this.fetchBacklog();
      return;
    }
    this.isStillAllowed = undefined;
    this.drainGroups();
    if (this.replays !== undefined) this.pumpReplays(output, left);
  }

  /** The queue did not take what waits for a member of the shared subscription: it is offered again when the queue is empty. */
  whenDrained(group: SharedGroup): void {
    (this.heldUpGroups ??= new Set()).add(group);
  }

  private drainGroups(): void {
    const groups = this.heldUpGroups;
    if (groups === undefined) return;
    this.heldUpGroups = undefined;
    for (const group of groups) group.drain();
  }

  private fetchBacklog(): void {
    this.backlog!.fetch(
      (deliveries, isComplete) => {
        if (isComplete) this.backlog = undefined;
        for (const delivery of deliveries) this.takeBack(delivery);
        this.pump();
      },
      (batch) => this.output?.whenCommitted(batch, () => this.pump()),
      (error) => this.surroundings.failed?.(error),
    );
  }

  /** A delivery from the journal: what was in flight is sent again, what waited waits in memory now. */
  protected takeBack(restored: RestoredDelivery): void {
    const { packetId, position, isReceived } = restored;
    const delivery = this.deliveryOf(restored);
    if (packetId === 0) {
      this.queue.push(delivery);
      return;
    }
    const inflight = (this.inflight ??= new Inflight());
    if (isReceived) {
      inflight.released.set(packetId, position);
      this.output?.sendAcknowledgement('pubrel', packetId, ReasonCode.success);
    } else {
      inflight.restore(delivery);
      (this.resend ??= new Set()).add(delivery);
    }
  }

  /** The same as `redispatchShared`, with what is in the journal only, for a session that is about to end; `redispatch` takes all. */
  async redispatchBacklog(redispatch: (delivery: Delivery, group: SharedGroup) => void): Promise<void> {
    // A page that is on its way to memory would be given away twice.
    this.backlog = this.backlog?.anew();
    for await (const restored of this.backlog?.deliveries() ?? []) {
      if (this.output !== undefined) return;
      const delivery = this.deliveryOf(restored);
      const { group, message, packetId, qos } = delivery;
      if (group === undefined || (packetId !== 0 && (qos === 2 || message.isExpired(this.surroundings.env.now())))) continue;
      if (!this.dropsExpired(message)) redispatch(delivery, group);
      this.giveUp(delivery);
    }
  }

  /**
   * Gives up deliveries of shared subscriptions for other members: all that was never sent, and QoS 1 that was sent and not acknowledged.
   * What `redispatch` does not take stays. QoS 2 that was sent stays with this client [MQTT-4.8.2-4], and so does what has expired since it was sent.
   */
  redispatchShared(redispatch: (delivery: Delivery, group: SharedGroup) => boolean): void {
    const { inflight } = this;
    if (inflight !== undefined) {
      const now = this.surroundings.env.now();
      for (const [packetId, delivery] of inflight.published.entries()) {
        if (delivery.qos !== 1 || delivery.group === undefined || delivery.message.isExpired(now)) continue;
        if (!redispatch(delivery, delivery.group)) continue;
        inflight.published.delete(packetId);
        this.resend?.delete(delivery);
        this.giveUp(delivery);
      }
    }
    const gone = this.queue.take(
      (delivery) => delivery.group !== undefined && (this.dropsExpired(delivery.message) || redispatch(delivery, delivery.group)),
    );
    for (const delivery of gone) this.giveUp(delivery);
    // There may be room for what waits behind.
    this.output?.requestPump();
  }

  private finished(): void {
    if (
      this.resend !== undefined ||
      this.queue.length > 0 ||
      this.replays !== undefined ||
      this.backlog !== undefined ||
      this.heldUpGroups !== undefined
    )
      this.pump();
  }

  private deliverQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[] | undefined): DeliveryOutcome {
    const output = this.output;
    if (output === undefined) {
      if (this.surroundings.limits.queueQos0Messages) {
        return this.enqueue(new Delivery(message.keep(), 0, retain, subscriptionIdentifiers, undefined));
      }
      this.surroundings.drops.offline++;
      return 'dropped';
    }
    if (!output.writable) {
      this.surroundings.drops.notDrained++;
      return 'dropped';
    }
    return this.sendQos0(message, retain, subscriptionIdentifiers) ? 'taken' : 'dropped';
  }

  /** Under a new packet identifier [MQTT-4.3.2-1] [MQTT-4.3.3-1], with DUP 0 [MQTT-4.3.2-2] [MQTT-4.3.3-2]. */
  private sendNew(delivery: Delivery): boolean {
    const inflight = (this.inflight ??= new Inflight());
    const { recording } = this;
    inflight.add(delivery);
    if (recording !== undefined) {
      if (delivery.position === 0) recording.enqueued(delivery);
      else recording.sent(delivery);
      recording.hold();
    }
    if (
      this.send(
        delivery.message,
        publishFirstByte(delivery.qos, delivery.retain, false),
        delivery.packetId,
        delivery.subscriptionIdentifiers,
      )
    )
      return true;
    inflight.published.delete(delivery.packetId);
    this.forget(delivery);
    return false;
  }

  /** In the original order, under the original identifiers, with DUP, as far as the quota goes [MQTT-3.3.1-1]. */
  private pumpResend(output: Output): boolean {
    const resend = this.resend!;
    for (const delivery of resend) {
      if (this.sendQuota <= 0 || !output.writable) return false;
      resend.delete(delivery);
      const firstByte = publishFirstByte(delivery.qos, delivery.retain, true);
      if (this.send(delivery.message, firstByte, delivery.packetId, delivery.subscriptionIdentifiers)) continue;
      this.inflight!.published.delete(delivery.packetId);
      this.forget(delivery);
    }
    this.resend = undefined;
    return true;
  }

  private pumpReplays(output: Output, budget: number): void {
    const replays = this.replays!;
    let left = budget;
    let waiting = 0;
    while (replays.length > waiting) {
      const replay = replays[waiting];
      const message = replay.peek();
      if (message === 'done') {
        replays.splice(waiting, 1);
      } else if (message === 'fetching') {
        waiting++;
      } else {
        const { qos: grantedQos, subscriptionIdentifier, mayReceive } = replay.subscription;
        const qos = Math.min(grantedQos, message.qos) as QoS;
        if (!output.writable || (qos > 0 && this.sendQuota <= 0)) return;
        if (qos === 0 && !replay.isAnswered) {
          waiting++;
          continue;
        }
        if (left-- === 0) {
          output.requestPump();
          return;
        }
        replay.advance();
        if (mayReceive !== undefined && !mayReceive(message.topicName)) continue;
        const identifiers = subscriptionIdentifier === 0 ? undefined : [subscriptionIdentifier];
        if (qos === 0) this.sendQos0(message, true, identifiers);
        else this.sendNew(new Delivery(message, qos, true, identifiers, undefined));
      }
    }
    if (replays.length === 0) this.replays = undefined;
  }
}
