import { countedCopies, type Delivered, isSure, type MessageOfHistory, spansFor } from './messages.js';
import { type Session, type Timeline } from './timeline.js';

/** A delivery that did not come. Counted drops excuse as many, of what they say. */
export interface Loss {
  readonly client: string | undefined;
  readonly rule: 'lost' | 'willMissing';
  readonly text: string;
  readonly places: readonly number[];
}

type Deliveries = ReadonlyMap<Session, ReadonlyMap<string, Delivered>>;

/** What every session must have got of acknowledged publications (I1). Gives the number of deliveries that were asked for, too. */
export function lossesOf(
  timeline: Timeline,
  messages: Iterable<MessageOfHistory>,
  deliveries: Deliveries,
): { losses: Loss[]; due: number } {
  const watched = timeline.sessions.filter((session) => timeline.isWatched(session));
  const losses: Loss[] = [];
  let due = 0;
  for (const message of messages) {
    const { publish } = message;
    if (publish === undefined || publish.outcome !== 'ok' || message.qos === 0) continue;
    for (const session of watched) {
      if (!isDue(session, message)) continue;
      due++;
      if (deliveries.get(session)!.has(message.message)) continue;
      losses.push({
        client: session.client,
        rule: 'lost',
        text: `${session.client} never got ${message.message}, which was acknowledged`,
        places: [publish.invoked, publish.completed],
      });
    }
  }
  return { losses, due };
}

/** A plain subscription with QoS 1 or 2 asked for it all the time. */
export function isDue(session: Session, message: MessageOfHistory): boolean {
  return (
    message.qos > 0 && spansFor(session, message).some((span) => span.shareName === undefined && isSure(span, message) && span.qos > 0)
  );
}

/** No message comes more often than its QoS allows (I2). Copies for shared subscriptions are counted with their group. */
export function checkCounts(timeline: Timeline, deliveries: Deliveries): void {
  for (const own of deliveries.values()) {
    for (const delivered of own.values()) {
      const { session, message } = delivered;
      const spans = spansFor(session, message);
      const plain = spans.filter(({ shareName }) => shareName === undefined);
      if (plain.length > 0 && spans.length > plain.length)
        throw new Error(`${session.client} has shared and plain subscriptions to ${message.topic}, which this checker cannot tell apart`);
      if (plain.length === 0) continue;
      const copies = countedCopies(timeline, delivered);
      // A broker may send a copy for each subscription; a publisher that sends QoS 1 again may make it two messages.
      const most = new Set(plain.map(({ filter }) => filter)).size * (message.qos === 1 ? message.attempts : 1);
      if (copies.length <= most) continue;
      const rule = message.willOf === undefined ? 'duplicated' : 'willTwice';
      const text = `${session.client} got ${message.message} ${copies.length} times, and at most ${most} is right`;
      timeline.violation(rule, text, ...copies.map(({ at }) => at));
    }
  }
}

/** Messages of one publisher, topic and QoS come in the order in which they were published (I3); what is sent again does not count. */
export function checkOrder(timeline: Timeline, deliveries: Deliveries): void {
  // What was dropped or refused when it first came comes late when its publisher sends it again. Wills nobody sends again.
  const mayComeLate = timeline.refused > 0 || timeline.dropped.some(({ rule }) => rule === undefined);
  for (const [session, own] of deliveries) {
    const last = new Map<string, Delivered>();
    // A Map keeps the order of first insertion, and so of the first copies.
    for (const delivered of own.values()) {
      const { publish, attempts } = delivered.message;
      if (publish === undefined || (attempts > 1 && mayComeLate)) continue;
      const spans = spansFor(session, delivered.message);
      // Members of a group share its order between them.
      if (spans.some(({ shareName }) => shareName !== undefined)) continue;
      // What first came before the subscription was matched only when its publisher sent it again, behind what it had sent meanwhile.
      if (attempts > 1 && !spans.some(({ from }) => from < delivered.message.notBefore)) continue;
      const stream = JSON.stringify([publish.call.client, publish.call.topic, publish.call.qos]);
      const earlier = last.get(stream);
      if (earlier === undefined || earlier.message.publish!.invoked < publish.invoked) last.set(stream, delivered);
      else
        timeline.violation(
          'reordered',
          `${session.client} got ${delivered.message.message} after ${earlier.message.message}`,
          earlier.copies[0].at,
          delivered.copies[0].at,
        );
    }
  }
}
