import { type HistoryEvent } from './events.js';
import { deliveriesOf, messagesOf } from './messages.js';
import { checkOwners } from './owner-rules.js';
import { checkCounts, checkOrder, type Loss, lossesOf } from './plain-rules.js';
import { checkRetained } from './retained-rules.js';
import { checkShared } from './shared-rules.js';
import { type CheckOptions, Timeline } from './timeline.js';
import { type Violation } from './violation.js';
import { checkWills } from './will-rules.js';

export interface Judgement {
  /** Empty: the broker kept what it promised. */
  readonly violations: readonly Violation[];
  /** Deliveries that are missing and excused by counted drops. */
  readonly excused: number;
  /** What there was to be judged: a history that asks for nothing proves nothing. */
  readonly judged: {
    /** Deliveries that sessions, groups, watchers of wills and new subscriptions had to get. */
    readonly plain: number;
    readonly shared: number;
    readonly wills: number;
    readonly retained: number;
    readonly messages: number;
    readonly sessions: number;
  };
}

/**
 * Whether a broker kept its promises to the clients of a history: nothing acknowledged is lost, QoS 2 comes once, order is kept, each group
 * has one member for a message and each client id one owner, retained messages never go back, and wills are published exactly once. Outcomes
 * that nobody knows are allowed to be either; drops that the broker counted are the only excuse for a loss.
 */
export function checkHistory(events: readonly HistoryEvent[], options: CheckOptions = {}): Judgement {
  const timeline = new Timeline(events, options);
  const messages = messagesOf(timeline);
  const deliveries = deliveriesOf(timeline, messages);
  const list = [...messages.values()];
  checkCounts(timeline, deliveries);
  checkOrder(timeline, deliveries);
  checkOwners(timeline);
  const plain = lossesOf(timeline, list, deliveries);
  const shared = checkShared(timeline, list, deliveries);
  const wills = checkWills(timeline, list, deliveries);
  const retained = checkRetained(timeline);
  const losses = unexcused(timeline, [...plain.losses, ...shared.losses, ...wills.losses]);
  for (const { rule, text, places } of losses.left) timeline.violation(rule, text, ...places);
  return {
    violations: timeline.violations,
    excused: losses.excused,
    judged: {
      plain: plain.due,
      shared: shared.due,
      wills: wills.due,
      retained: retained.due,
      messages: list.length,
      sessions: timeline.sessions.length,
    },
  };
}

/** Each counted drop excuses one loss: of that client if it says whose it was, of anybody otherwise. */
function unexcused(timeline: Timeline, losses: readonly Loss[]): { left: Loss[]; excused: number } {
  const own = new Map<string, number>();
  let ofAnybody = 0;
  for (const { client, count } of timeline.dropped) {
    if (client === undefined) ofAnybody += count;
    else own.set(client, (own.get(client) ?? 0) + count);
  }
  const left = losses.filter(({ client }) => {
    const count = client === undefined ? 0 : (own.get(client) ?? 0);
    if (count > 0) own.set(client!, count - 1);
    else if (ofAnybody > 0) ofAnybody--;
    else return true;
    return false;
  });
  return { left, excused: losses.length - left.length };
}
