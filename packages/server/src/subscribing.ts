import { type QoS, ReasonCode, type SubscribePacket, type SubscriptionRequest, type UnsubscribePacket } from '@si-mqtt/codec';
import { type InterestChange, RetainedReplay, type Session, type Subscription } from '@si-mqtt/session';
import { hasWildcard, parseTopicFilter } from '@si-mqtt/topics';
import { type Permissions, type SubscribeDecision } from './access/permissions.js';
import { type Connection } from './connection.js';

interface Verdict {
  readonly reasonCode: ReasonCode;
  readonly subscription: Subscription | undefined;
  /** The journal does not have it yet. */
  readonly isToRecord: boolean;
  readonly replays: boolean;
}

/** SUBSCRIBE: every filter is judged, those that are granted count at once, one SUBACK answers all [MQTT-3.8.4-5]. */
export function handleSubscribe(connection: Connection, session: Session, packet: SubscribePacket): void {
  const decisions = packet.subscriptions.map((request) =>
    connection.permissions.maySubscribe(parseTopicFilter(request.topicFilter).topicFilter),
  );
  if (!decisions.includes('unknown')) {
    subscribe(connection, session, packet, decisions as SubscribeDecision[]);
    return;
  }
  // Only this connection waits for the answer.
  connection.pause();
  const { permissions } = connection;
  Promise.all(
    decisions.map((decision, index) =>
      decision === 'unknown'
        ? permissions.decideSubscribe!(parseTopicFilter(packet.subscriptions[index].topicFilter).topicFilter)
        : Promise.resolve(decision),
    ),
  )
    .then((decided) => {
      if (connection.isOpen) subscribe(connection, session, packet, decided);
      connection.resume();
    })
    .catch(() => connection.close(ReasonCode.implementationSpecificError, 'the access rules did not answer'));
}

function subscribe(connection: Connection, session: Session, packet: SubscribePacket, decisions: readonly SubscribeDecision[]): void {
  const { broker } = connection;
  const changes: InterestChange[] = [];
  const verdicts = packet.subscriptions.map((request, index): Verdict => {
    const verdict = judge(connection, session, packet, request, decisions[index]);
    if (verdict.subscription !== undefined) {
      session.outbound.endReplay(verdict.subscription.requested);
      broker.routing.subscribe(session, verdict.subscription);
      if (verdict.isToRecord) session.recordSubscription(verdict.subscription);
      changes.push({ change: 'added', topicFilter: verdict.subscription.topicFilter, shareName: verdict.subscription.shareName });
      broker.parts.events.emit('subscribed', {
        clientId: session.clientId,
        topicFilter: request.topicFilter,
        qos: verdict.subscription.qos,
      });
    } else {
      broker.counters.subscribesRefused++;
    }
    return verdict;
  });
  broker.parts.journal?.divide();
  const answer = () => {
    if (!connection.isOpen) return;
    acknowledge(connection, packet, verdicts);
    replayRetained(connection, session, verdicts);
  };
  const barrier = broker.parts.cluster.updateInterest(changes);
  if (barrier === undefined) answer();
  else barrier.then(answer, () => connection.close(ReasonCode.implementationSpecificError, 'the cluster did not take the subscription'));
}

function judge(
  connection: Connection,
  session: Session,
  packet: SubscribePacket,
  request: SubscriptionRequest,
  decision: SubscribeDecision,
): Verdict {
  const refuse = (reasonCode: ReasonCode): Verdict => ({ reasonCode, subscription: undefined, isToRecord: false, replays: false });
  const { capabilities } = connection.settings;
  const { shareName, topicFilter } = parseTopicFilter(request.topicFilter);
  const identifier = packet.properties?.subscriptionIdentifier ?? 0;
  if (shareName !== undefined && !capabilities.sharedSubscriptionAvailable) return refuse(ReasonCode.sharedSubscriptionsNotSupported);
  if (!capabilities.wildcardSubscriptionAvailable && hasWildcard(topicFilter)) return refuse(ReasonCode.wildcardSubscriptionsNotSupported);
  if (identifier !== 0 && !capabilities.subscriptionIdentifiersAvailable) return refuse(ReasonCode.subscriptionIdentifiersNotSupported);
  if (decision === 'refused') return refuse(ReasonCode.notAuthorized);
  const known = session.subscriptions.get(request.topicFilter);
  const isNew = known === undefined;
  if (isNew && session.subscriptions.size >= connection.broker.settings.limits.subscriptionsPerClientMax)
    return refuse(ReasonCode.quotaExceeded);
  // A bridge of mosquitto's kind wants what it subscribed to as it was published, and nothing of its own back.
  const { bridge } = session.agreement;
  const qos = Math.min(request.qos, capabilities.maximumQos) as QoS; // [MQTT-3.2.2-10]
  const subscription: Subscription = {
    requested: request.topicFilter,
    topicFilter,
    shareName,
    qos,
    noLocal: request.noLocal || (bridge && shareName === undefined),
    retainAsPublished: request.retainAsPublished || bridge,
    subscriptionIdentifier: identifier,
    mayReceive: decision === 'partly' ? cachedPerTopic(connection.permissions) : undefined,
  };
  // Many clients subscribe anew whenever they connect: the journal has that already.
  const isToRecord = session.isRecorded && (isNew || !isSame(known, subscription));
  if (isToRecord && connection.broker.journaling!.isRefusing) {
    connection.broker.counters.storeRefusing++;
    return refuse(ReasonCode.quotaExceeded);
  }
  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a shared subscription gets none (section 4.8.2).
  const replays = shareName === undefined && (request.retainHandling === 0 || (request.retainHandling === 1 && isNew));
  return { reasonCode: qos, subscription, isToRecord, replays };
}

/** As far as it is stored. */
function isSame(one: Subscription, other: Subscription): boolean {
  return (
    one.qos === other.qos &&
    one.noLocal === other.noLocal &&
    one.retainAsPublished === other.retainAsPublished &&
    one.subscriptionIdentifier === other.subscriptionIdentifier
  );
}

const receiveDecisionsMax = 1000;

export function cachedPerTopic(permissions: Permissions): (topicName: string) => boolean {
  const decisions = new Map<string, boolean>();
  let { version } = permissions;
  return (topicName) => {
    if (permissions.version !== version || decisions.size >= receiveDecisionsMax) {
      decisions.clear();
      version = permissions.version;
    }
    let decision = decisions.get(topicName);
    if (decision === undefined) {
      decision = permissions.mayReceive(topicName);
      decisions.set(topicName, decision);
    }
    return decision;
  };
}

function acknowledge(connection: Connection, packet: SubscribePacket, verdicts: readonly Verdict[]): void {
  const version = connection.protocolVersion;
  const reasonCodes = verdicts.map(({ reasonCode }, index) => {
    if (version === 5 || reasonCode < 0x80) return reasonCode;
    // 3.1 has no failure in SUBACK: the filter is answered as if it were granted, and gets nothing (broker.md §1).
    return version === 3 ? packet.subscriptions[index].qos : 0x80;
  });
  connection.answer({ type: 'suback', packetId: packet.packetId, reasonCodes }); // [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.9.3-1]
}

function replayRetained(connection: Connection, session: Session, verdicts: readonly Verdict[]): void {
  const { broker } = connection;
  if (!connection.settings.capabilities.retainAvailable) return;
  const begun: RetainedReplay[] = [];
  for (const { subscription, replays } of verdicts) {
    if (subscription === undefined || !replays) continue;
    const retained = broker.retainedAt(subscription.topicFilter);
    if (retained.messages === 0) continue;
    const failed = (error: unknown) => broker.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
    begun.push(new RetainedReplay(subscription, retained, () => connection.output.requestPump(), failed));
    session.outbound.addReplay(begun.at(-1)!);
  }
  if (begun.length === 0) return;
  // What is sent at once is in the batch that SUBACK waits for, and leaves after it; so does QoS 0, which would not wait.
  const { heldBatch } = connection.output;
  if (heldBatch > 0) {
    for (const replay of begun) replay.isAnswered = false;
    session.whenCommitted(heldBatch, () => {
      for (const replay of begun) replay.isAnswered = true;
      connection.output.pump();
    });
  }
  connection.output.pump();
}

/** UNSUBSCRIBE: filters are compared character by character [MQTT-3.10.4-1]; always answered [MQTT-3.10.4-5]. */
export function handleUnsubscribe(connection: Connection, session: Session, packet: UnsubscribePacket): void {
  const { broker } = connection;
  const changes: InterestChange[] = [];
  const reasonCodes = packet.topicFilters.map((requested) => {
    const subscription = session.subscriptions.get(requested);
    if (subscription === undefined) return ReasonCode.noSubscriptionExisted;
    broker.routing.unsubscribe(session, requested); // [MQTT-3.10.4-2]
    session.recordUnsubscription(requested);
    changes.push({ change: 'removed', topicFilter: subscription.topicFilter, shareName: subscription.shareName });
    broker.parts.events.emit('unsubscribed', { clientId: session.clientId, topicFilter: requested });
    return ReasonCode.success;
  });
  const answer = () => {
    if (connection.isOpen) {
      connection.answer({ type: 'unsuback', packetId: packet.packetId, reasonCodes: connection.protocolVersion === 5 ? reasonCodes : [] });
    }
  };
  const barrier = broker.parts.cluster.updateInterest(changes);
  if (barrier === undefined) answer();
  else barrier.then(answer, () => connection.close(ReasonCode.implementationSpecificError, 'the cluster did not take the change'));
}
