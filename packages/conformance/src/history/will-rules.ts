import { type ConnectCall } from './events.js';
import { type Delivered, isSure, type MessageOfHistory, spansFor } from './messages.js';
import { type Loss } from './plain-rules.js';
import { type Connection, never, type Operation, type Session, type Timeline } from './timeline.js';

type Deliveries = ReadonlyMap<Session, ReadonlyMap<string, Delivered>>;

/** What has to become of a will: published, not published, or either. */
type Fate = 'due' | 'open' | 'dropped';

/** Each will is published exactly once if its connection ends in a way that asks for it, and never otherwise (I7). */
export function checkWills(
  timeline: Timeline,
  messages: Iterable<MessageOfHistory>,
  deliveries: Deliveries,
): { losses: Loss[]; due: number } {
  const watched = timeline.sessions.filter((session) => timeline.isWatched(session));
  const losses: Loss[] = [];
  let due = 0;
  for (const message of messages) {
    const connection = message.willOf;
    if (connection === undefined) continue;
    const fate = fateOf(timeline, connection);
    const got = timeline.sessions.flatMap((session) => deliveries.get(session)!.get(message.message) ?? []);
    if (fate === 'dropped')
      for (const one of got)
        timeline.violation('willWrong', `${one.session.client} got ${message.message}, a will that had been dropped`, one.copies[0].at);
    for (const one of got) checkTime(timeline, connection, one);
    if (fate !== 'due') continue;
    for (const session of watched) {
      if (!isAwaited(session, message)) continue;
      due++;
      if (deliveries.get(session)!.has(message.message)) continue;
      losses.push({
        client: session.client,
        rule: 'willMissing',
        text: `${session.client} never got ${message.message}, the will of ${connection.client}`,
        places: [connection.ended],
      });
    }
  }
  return { losses, due };
}

/** The subscription was there before the connection whose will it is, so whenever it was published. */
function isAwaited(session: Session, message: MessageOfHistory): boolean {
  return (
    message.qos > 0 && spansFor(session, message).some((span) => span.shareName === undefined && isSure(span, message) && span.qos > 0)
  );
}

function fateOf(timeline: Timeline, connection: Connection): Fate {
  const { connect, how, ended } = connection;
  if (connect.outcome !== 'ok') return connect.outcome === 'fail' ? 'dropped' : 'open';
  // A broker that was killed may not have read the DISCONNECT.
  if (how === 'disconnected') return timeline.hasCrashBetween(connect.completed, ended) ? 'open' : 'dropped';
  if (how === undefined || how === 'unknown' || ended > timeline.quiesced) return 'open';
  if (timeline.options.afterCrash === 'everything' && timeline.hasCrashBetween(connect.invoked, timeline.quiesced)) return 'open';
  const { delaySeconds } = connect.call.will!;
  return delaySeconds === 0 ? 'due' : fateOfDelayed(timeline, connection, delaySeconds * 1000);
}

function fateOfDelayed(timeline: Timeline, connection: Connection, delay: number): Fate {
  const { connect, ended, endedTime, client } = connection;
  const { slackMilliseconds } = timeline.options;
  // Connections of the client that came after this one.
  const later = timeline.operations.filter(
    (operation): operation is Operation<ConnectCall> =>
      operation.call.call === 'connect' &&
      operation.call.client === client &&
      operation.invoked > connect.completed &&
      operation.outcome !== 'fail',
  );
  const passed = timeline.timeOf(timeline.quiesced) > endedTime + delay + slackMilliseconds;
  if (!connect.call.keepsSession) return 'due';
  const next = later[0];
  if (next === undefined) return passed ? 'due' : 'open';
  if (next.call.cleanStart) return next.outcome === 'ok' ? 'due' : 'open';
  if (next.outcome === 'ok' && (next.completed < ended || timeline.timeOf(next.completed) < endedTime + delay)) return 'dropped';
  return timeline.timeOf(next.invoked) > endedTime + delay + slackMilliseconds ? 'due' : 'open';
}

/** Not before the connection has ended, and not before the delay has passed unless the session ended with it. */
function checkTime(timeline: Timeline, connection: Connection, { session, message, copies: [first] }: Delivered): void {
  const { connect, how, ended, endedTime, client } = connection;
  const takers = timeline.operations.filter(
    ({ call, invoked }) => call.call === 'connect' && call.client === client && invoked > connect.invoked && invoked < first.at,
  );
  if (how !== 'cut' && how !== undefined) return;
  // Where the client still has its connection, or has cut it only later, the broker alone or a takeover can have ended it.
  if (takers.length > 0) return;
  const { delaySeconds } = connect.call.will!;
  const delay = connect.call.keepsSession ? delaySeconds * 1000 : 0;
  const isEarly = ended === never || first.at < ended || first.time < endedTime + delay;
  if (isEarly && !timeline.hasCrashBetween(connect.invoked, first.at))
    timeline.violation(
      'willWrong',
      `${session.client} got ${message.message} too early`,
      ended === never ? connect.invoked : ended,
      first.at,
    );
}
