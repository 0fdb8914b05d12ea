import { ReasonCode } from '@si-mqtt/codec';
import { type InterestChange, type Session, type Subscription } from '@si-mqtt/session';
import { matches } from '@si-mqtt/topics';
import { allowAll, type Permissions, type SubscribeDecision } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { cachedPerTopic } from './subscribing.js';

/** False: whatever the rules are, this client may do everything. */
export function mayLose({ connection, permissions }: Client): boolean {
  return connection?.identity?.stillValid !== undefined || (permissions !== undefined && permissions !== allowAll);
}

/** The users or the rules have changed. */
export function recheckClient(broker: Broker, client: Client): void {
  const { session, connection, permissions } = client;
  if (broker.clients.get(session.clientId) !== client) return;
  if (connection?.identity?.stillValid?.() === false) {
    connection.close(ReasonCode.notAuthorized, 'this user exists no more');
  } else if (permissions === undefined || permissions === allowAll) {
    return;
  } else if (connection === undefined) {
    // What somebody has to be asked for is asked when the client comes back.
    recheckFromMemory(broker, session, permissions);
  } else {
    recheckSubscriptions(broker, session, permissions)?.catch(() =>
      connection.close(ReasonCode.implementationSpecificError, 'the access rules did not answer'),
    );
  }
}

/**
 * The rules, or the client's permissions, may have changed: subscriptions that are no longer allowed are withdrawn, those of which only a part
 * is allowed are narrowed, and what waits is delivered only if a subscription that is left allows it (broker.md §4). Publications that were
 * sent already and not acknowledged are sent again all the same [MQTT-4.4.0-1]. A promise, if somebody has to be asked about some of them; it
 * is rejected if there is no answer.
 */
export function recheckSubscriptions(broker: Broker, session: Session, permissions: Permissions): Promise<void> | undefined {
  const open = recheckFromMemory(broker, session, permissions);
  if (open.length === 0) return undefined;
  const answers = open.map(({ topicFilter }) => permissions.decideSubscribe!(topicFilter));
  return Promise.all(answers).then((decisions) => apply(broker, session, permissions, open, decisions));
}

/** The same as far as nobody has to be asked; the other subscriptions stay as they are, and are returned. */
function recheckFromMemory(broker: Broker, session: Session, permissions: Permissions): readonly Subscription[] {
  const decided: Subscription[] = [];
  const decisions: SubscribeDecision[] = [];
  const open: Subscription[] = [];
  for (const subscription of session.subscriptions.values()) {
    const decision = permissions.maySubscribe(subscription.topicFilter);
    if (decision === 'unknown') {
      open.push(subscription);
    } else {
      decided.push(subscription);
      decisions.push(decision);
    }
  }
  apply(broker, session, permissions, decided, decisions);
  return open;
}

function apply(
  broker: Broker,
  session: Session,
  permissions: Permissions,
  subscriptions: readonly Subscription[],
  decisions: readonly SubscribeDecision[],
): void {
  const changes: InterestChange[] = [];
  for (const [index, subscription] of subscriptions.entries()) {
    const { requested, topicFilter, shareName } = subscription;
    // While somebody was asked the client may have subscribed anew, and that was judged for itself.
    if (session.subscriptions.get(requested) !== subscription) continue;
    if (decisions[index] === 'refused') {
      withdraw(broker, session, subscription);
      changes.push({ change: 'removed', topicFilter, shareName });
    } else if (decisions[index] === 'partly' || subscription.mayReceive !== undefined) {
      const mayReceive = decisions[index] === 'partly' ? cachedPerTopic(permissions) : undefined;
      const changed = { ...subscription, mayReceive };
      broker.routing.set(session, changed);
      session.outbound.changeReplay(changed);
    }
  }
  if (changes.length > 0) void broker.parts.cluster.updateInterest(changes);
  recheckWaiting(session);
}

function withdraw(broker: Broker, session: Session, { requested, shareName }: Subscription): void {
  const group = shareName === undefined ? undefined : broker.routing.group(requested);
  if (group !== undefined) session.outbound.redispatchShared((delivery, of) => of === group && group.redispatch(delivery, session));
  broker.routing.unsubscribe(session, requested);
  session.recordUnsubscription(requested);
  broker.parts.events.emit('unsubscribed', { clientId: session.clientId, topicFilter: requested });
}

const topicsMax = 1000;

/** What a shared subscription chose this session for, and what it may not have any more, is another member's. */
function recheckWaiting(session: Session): void {
  const known = new Map<string, boolean>();
  session.outbound.recheckWaiting((delivery) => {
    const { topicName } = delivery.message;
    let isAllowed = known.get(topicName);
    if (isAllowed === undefined) {
      isAllowed = mayReceive(session, topicName);
      if (known.size >= topicsMax) known.clear();
      known.set(topicName, isAllowed);
    }
    const { group } = delivery;
    if (!isAllowed && group !== undefined && !group.redispatch(delivery, session)) group.inherit(delivery, session);
    return isAllowed;
  });
}

function mayReceive(session: Session, topicName: string): boolean {
  for (const subscription of session.subscriptions.values()) {
    if (matches(subscription.topicFilter, topicName) && subscription.mayReceive?.(topicName) !== false) return true;
  }
  return false;
}
