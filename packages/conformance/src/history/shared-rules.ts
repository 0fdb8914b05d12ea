import { fewestChains } from './chains.js';
import { matches } from './matching.js';
import { countedCopies, type Delivered, isSure, type MessageOfHistory, spansFor } from './messages.js';
import { type Loss } from './plain-rules.js';
import { type Connection, never, type Received, type Session, type SubscriptionSpan, type Timeline } from './timeline.js';

type Deliveries = ReadonlyMap<Session, ReadonlyMap<string, Delivered>>;

/** Everybody who is or was a member of one group. */
interface Group {
  readonly name: string;
  readonly topicFilter: string;
  readonly spans: SubscriptionSpan[];
}

function groupsOf(timeline: Timeline): Group[] {
  const groups = new Map<string, Group>();
  for (const span of timeline.sessions.flatMap(({ subscriptions }) => subscriptions)) {
    if (span.shareName === undefined) continue;
    const group = groups.get(span.filter) ?? { name: span.filter, topicFilter: span.topicFilter, spans: [] };
    groups.set(span.filter, group);
    group.spans.push(span);
  }
  return [...groups.values()];
}

/** Shared subscriptions: one member for each message (I5), and none lost (I1). */
export function checkShared(
  timeline: Timeline,
  messages: Iterable<MessageOfHistory>,
  deliveries: Deliveries,
): { losses: Loss[]; due: number } {
  const groups = groupsOf(timeline);
  const losses: Loss[] = [];
  let due = 0;
  for (const message of messages) {
    for (const group of groups) {
      if (!matches(group.topicFilter, message.topic)) continue;
      const members = new Set(group.spans.map(({ session }) => session));
      for (const session of members) {
        if (new Set(spansFor(session, message).map(({ filter }) => filter)).size > 1)
          throw new Error(`${session.client} has more than one subscription to ${message.topic}, which this checker cannot tell apart`);
      }
      const delivered = [...members].flatMap((session) => deliveries.get(session)!.get(message.message) ?? []);
      checkOneMember(timeline, group, message, delivered);
      for (const one of delivered) checkPresence(timeline, group, message, one);
      if (!isDueToGroup(timeline, group, message)) continue;
      due++;
      if (delivered.length === 0)
        losses.push({
          client: undefined,
          rule: 'lost',
          text: `no member of ${group.name} got ${message.message}, which was acknowledged`,
          places: [message.publish!.invoked, message.publish!.completed],
        });
    }
  }
  return { losses, due };
}

/** Acknowledged, there was a member, and none was lost that may have taken it along. */
function isDueToGroup(timeline: Timeline, { spans }: Group, message: MessageOfHistory): boolean {
  if (message.publish?.outcome !== 'ok' || message.qos === 0) return false;
  const possible = spans.filter((span) => span.perhapsUntil > message.notBefore && span.session.over > message.notBefore);
  return (
    possible.some((span) => isSure(span, message)) &&
    possible.every((span) => span.qos > 0 && span.until === never && timeline.isWatched(span.session))
  );
}

function checkOneMember(timeline: Timeline, group: Group, message: MessageOfHistory, delivered: readonly Delivered[]): void {
  const counted = new Set(delivered.flatMap((one) => countedCopies(timeline, one)));
  const copies = delivered
    .flatMap((one) => one.copies)
    .filter(({ isRepetition }) => !isRepetition)
    .sort((one, other) => one.at - other.at);
  // Each copy may be sent again, or given on, once.
  const count = fewestChains(copies, (earlier, copy) =>
    counted.has(copy) ? isGivenOn(timeline, earlier, copy) : earlier.connection.session === copy.connection.session,
  );
  const most = message.qos === 1 ? message.attempts : 1;
  if (count <= most) return;
  const text = `${group.name} got ${message.message} ${count} times (${delivered.map(({ session }) => session.client).join(', ')})`;
  timeline.violation('sharedTwice', text, ...copies.map(({ at }) => at));
}

/** QoS 1 that a member left unacknowledged goes to another one. Whether its PUBACK arrived is only known while its connection lasts. */
function isGivenOn(timeline: Timeline, holder: Received, copy: Received): boolean {
  if (holder.note.qos !== 1) return false;
  return holder.connection.left < copy.at || timeline.hasCrashBetween(holder.at, copy.at);
}

/**
 * Nobody gets, when he comes back, what was published while he was away and another member was there all the time; unless a third one may have
 * had it first, and have left since.
 */
function checkPresence(
  timeline: Timeline,
  { name, spans }: Group,
  message: MessageOfHistory,
  { session, copies: [first] }: Delivered,
): void {
  const { publish } = message;
  if (publish === undefined) return;
  const wasAway = session.connections.every(
    (connection) => isKnownToEnd(timeline, connection, publish.invoked) || connection.connect.invoked > publish.completed,
  );
  if (!wasAway) return;
  const other = spans.find(
    (span) =>
      span.session !== session &&
      span.from < publish.invoked &&
      span.until > first.at &&
      span.session.connections.some(({ connect, left }) => connect.completed < publish.invoked && left > first.at),
  );
  if (other === undefined || spans.some((span) => span.session !== session && mayHaveLeft(timeline, span, publish.invoked, first.at)))
    return;
  const text = `${session.client} was away when ${message.message} was published to ${name}, and ${other.session.client} was there`;
  timeline.violation('sharedToAbsent', text, publish.invoked, first.at);
}

/** For the broker a connection of the member was there at some time after the one place, and had ended at the other. */
function mayHaveLeft(timeline: Timeline, { session }: SubscriptionSpan, from: number, to: number): boolean {
  return session.connections.some(
    (connection) => connection.connect.invoked < to && connection.left < to && !isKnownToEnd(timeline, connection, from),
  );
}

/** Before that place, and so that the broker knew: one that a client cut takes its time to be noticed. */
function isKnownToEnd(timeline: Timeline, { ended, endedTime, how }: Connection, place: number): boolean {
  if (how !== 'cut') return ended < place;
  return endedTime + timeline.options.slackMilliseconds < timeline.timeOf(place);
}
