import { type ReceivedNote, type SubscribeCall } from './events.js';
import { matches } from './matching.js';
import { type Connection, never, type Operation, type Received, type Session, type Timeline } from './timeline.js';

/** A change of a topic's retained message. */
interface Write {
  readonly topic: string;
  /** Undefined: a deletion. */
  readonly message: string | undefined;
  readonly client: string;
  readonly qos: number;
  readonly invoked: number;
  /** `never` while it may still take effect. */
  readonly completed: number;
  readonly isCertain: boolean;
}

/** A retained message never goes back, and is there for whoever asks (I6). */
export function checkRetained(timeline: Timeline): { due: number } {
  const writes = writesOf(timeline);
  if (writes.size === 0) return { due: 0 };
  for (const session of timeline.sessions) checkSession(timeline, session, writes);
  let due = 0;
  for (const operation of timeline.operations) {
    if (operation.call.call === 'subscribe' && operation.outcome === 'ok')
      due += checkPresence(timeline, operation as Operation<SubscribeCall>, writes);
  }
  return { due };
}

function writesOf(timeline: Timeline): Map<string, Write[]> {
  const writes = new Map<string, Write[]>();
  const add = (write: Write) => {
    const own = writes.get(write.topic) ?? [];
    writes.set(write.topic, own);
    own.push(write);
  };
  for (const operation of timeline.operations) {
    const { call, invoked, completed, outcome } = operation;
    if (call.call === 'publish' && call.retain && outcome !== 'fail') {
      const isCertain = outcome === 'ok' && call.qos > 0;
      const { topic, client, qos } = call;
      add({
        topic,
        message: call.deletes ? undefined : call.message,
        client,
        qos,
        invoked,
        completed: isCertain ? completed : never,
        isCertain,
      });
    } else if (call.call === 'connect' && call.will?.retain === true) {
      const { topic, message, qos } = call.will;
      add({ topic, message, client: `will of ${call.client}`, qos, invoked, completed: never, isCertain: false });
    }
  }
  return writes;
}

/** For certain: the one was done before the other was begun, or one client sent both in this order. */
function isBefore(one: Write, other: Write): boolean {
  return one.completed < other.invoked || (one.client === other.client && one.qos === other.qos && one.invoked < other.invoked);
}

/** What a session gets because of its subscriptions is not older than what it has got, nor than what was written when it asked. */
function checkSession(timeline: Timeline, session: Session, writes: ReadonlyMap<string, Write[]>): void {
  const newest = new Map<string, { readonly write: Write; readonly at: number }[]>();
  for (const received of session.received) {
    const { note, at } = received;
    const own = writes.get(note.topic);
    const write = own?.find(({ message }) => message !== undefined && message === note.message);
    if (own === undefined || write === undefined) continue;
    const seen = newest.get(note.topic) ?? [];
    newest.set(note.topic, seen);
    if (note.retain) {
      const later = seen.find((one) => isBefore(write, one.write));
      if (later !== undefined)
        timeline.violation('retainedStale', `${session.client} got ${note.message} after ${later.write.message}`, later.at, at);
      else checkAge(timeline, received, write, own);
    }
    seen.push({ write, at });
  }
}

function checkAge(timeline: Timeline, { note, at, connection }: Received, write: Write, own: readonly Write[]): void {
  const asked = firstSubscribe(connection, note, at);
  if (asked === undefined) return;
  const newer = own.find((other) => other.completed < asked.invoked && isBefore(write, other));
  if (newer === undefined) return;
  const what = newer.message === undefined ? 'it had been removed' : `${newer.message} had taken its place`;
  timeline.violation(
    'retainedStale',
    `${note.client} got ${note.message} for its subscription, and ${what}`,
    newer.completed,
    asked.invoked,
    at,
  );
}

/** The earliest SUBSCRIBE because of which a retained message can have come. QoS 0 is never sent again on a later connection. */
function firstSubscribe({ number, session }: Connection, { topic, qos }: ReceivedNote, before: number): Operation | undefined {
  return session!.subscribes.find(
    ({ call, invoked }) => invoked < before && (qos > 0 || call.connection === number) && matches(call.filter, topic),
  );
}

/** Each topic whose retained message was certain when the client subscribed has to come, if the client stayed. Gives how many had to. */
function checkPresence(timeline: Timeline, { call, invoked }: Operation<SubscribeCall>, writes: ReadonlyMap<string, Write[]>): number {
  const connection = timeline.connections.get(call.connection)!;
  if (!call.wantsRetained || call.filter.startsWith('$share/') || connection.ended < timeline.quiesced) return 0;
  let due = 0;
  for (const [topic, own] of writes) {
    if (!matches(call.filter, topic) || timeline.crashes.some((at) => at > invoked) || !isThere(timeline, own, invoked)) continue;
    due++;
    const came = connection.session!.received.some(
      ({ note, at, connection: on }) => note.retain && note.topic === topic && at > invoked && on === connection,
    );
    if (!came)
      timeline.violation('retainedMissing', `${call.client} subscribed to ${call.filter} and did not get what ${topic} has`, invoked);
  }
  return due;
}

/** A message was stored for certain before the place, and nothing that may be later can have removed it. */
function isThere(timeline: Timeline, own: readonly Write[], place: number): boolean {
  const stored = own.filter(({ message, completed }) => message !== undefined && completed < place);
  const lost = timeline.options.afterCrash === 'everything' ? Math.max(...timeline.crashes, -1) : -1;
  return stored.some(
    (write) => write.invoked > lost && own.every((other) => other === write || other.message !== undefined || isBefore(other, write)),
  );
}
