import { type PublishCall } from './events.js';
import { matches } from './matching.js';
import { type Connection, never, type Operation, type Received, type Session, type SubscriptionSpan, type Timeline } from './timeline.js';

/** A publication or a will, and what its receivers have to do with it. */
export interface MessageOfHistory {
  readonly message: string;
  readonly topic: string;
  readonly qos: number;
  /** Until then it cannot have been published. */
  readonly notBefore: number;
  readonly publish: Operation<PublishCall> | undefined;
  /** The connection whose will it is. */
  readonly willOf: Connection | undefined;
  /** How often its publisher sent it. */
  readonly attempts: number;
}

/** What one session got of one message, without what was sent because of a subscription. */
export interface Delivered {
  readonly session: Session;
  readonly message: MessageOfHistory;
  readonly copies: Received[];
}

/** Everything that can be delivered, by its payload. */
export function messagesOf(timeline: Timeline): Map<string, MessageOfHistory> {
  const found = new Map<string, MessageOfHistory>();
  const add = (message: MessageOfHistory) => {
    if (found.has(message.message)) throw new Error(`two messages have the payload ${message.message}`);
    found.set(message.message, message);
  };
  for (const operation of timeline.operations) {
    const { call, invoked: notBefore, attempts } = operation;
    if (call.call === 'publish' && !call.deletes) {
      add({ ...call, notBefore, publish: operation as Operation<PublishCall>, willOf: undefined, attempts });
    } else if (call.call === 'connect' && call.will !== undefined) {
      const willOf = timeline.connections.get(call.connection)!;
      add({ ...call.will, notBefore, publish: undefined, willOf, attempts: 1 });
    }
  }
  return found;
}

/** What came, by session and message. Reports what nobody published and nobody asked for. */
export function deliveriesOf(timeline: Timeline, messages: ReadonlyMap<string, MessageOfHistory>): Map<Session, Map<string, Delivered>> {
  const deliveries = new Map<Session, Map<string, Delivered>>();
  for (const session of timeline.sessions) {
    const own = new Map<string, Delivered>();
    deliveries.set(session, own);
    for (const received of session.received) {
      const { at, note } = received;
      const spans = session.subscriptions.filter((span) => matches(span.topicFilter, note.topic));
      const message = note.message === undefined ? undefined : messages.get(note.message);
      if (note.message !== undefined && (message === undefined || message.topic !== note.topic || message.notBefore > at)) {
        timeline.violation('invented', `${session.client} got ${note.message} under ${note.topic}, and nobody had published it there`, at);
        continue;
      }
      // What was published before an UNSUBSCRIBE was answered may still come after it.
      const notBefore = note.retain ? 0 : (message?.notBefore ?? 0);
      if (!spans.some((span) => span.perhapsFrom < at && span.perhapsUntil > notBefore)) {
        timeline.violation('unasked', `${session.client} got ${note.message ?? 'a deletion'} without a subscription to ${note.topic}`, at);
        continue;
      }
      if (message === undefined || note.retain) continue;
      const delivered = own.get(message.message) ?? { session, message, copies: [] };
      own.set(message.message, delivered);
      delivered.copies.push(received);
    }
  }
  return deliveries;
}

/** Subscriptions of the session that may match the message. */
export function spansFor(session: Session, message: MessageOfHistory): SubscriptionSpan[] {
  return session.subscriptions.filter((span) => span.perhapsUntil > message.notBefore && matches(span.topicFilter, message.topic));
}

/** From before the message on to the end the broker has to match that subscription. */
export function isSure(span: SubscriptionSpan, message: MessageOfHistory): boolean {
  return span.from < message.notBefore && span.until === never;
}

/**
 * The copies that count as deliveries: not what came again before its PUBREL, and of QoS 1 not what was sent again on a later connection
 * of the session, once, with DUP and under the same identifier.
 */
export function countedCopies(timeline: Timeline, { copies }: Delivered): Received[] {
  return copies.filter((copy, index) => !copy.isRepetition && !isSentAgain(timeline, copies.slice(0, index), copy));
}

function isSentAgain(timeline: Timeline, before: readonly Received[], copy: Received): boolean {
  const { qos, dup, packetId } = copy.note;
  if (qos !== 1) return false;
  const here = before.filter(({ connection }) => connection === copy.connection);
  const elsewhere = before.filter(({ connection }) => connection !== copy.connection);
  const isSame = ({ note }: Received) => note.packetId === packetId;
  if (dup && elsewhere.some(isSame) && !here.some(isSame)) return true;
  // A broker that does not write down each PUBACK begins anew after a crash, with all that it had sent.
  if (timeline.options.afterCrash !== 'lazy') return false;
  return here.length < elsewhere.filter(({ at }) => timeline.hasCrashBetween(at, copy.at)).length;
}
