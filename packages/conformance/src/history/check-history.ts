import { type DroppedNote, type HistoryEvent } from './events.js';
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

/** Each counted drop excuses one loss: of its client and of its rule, if it says which. */
function unexcused(timeline: Timeline, losses: readonly Loss[]): { left: Loss[]; excused: number } {
  // The narrowest first, so that none is used up where another one would do. Whatever excuses a lost message excuses a missing will, so wills come last.
  const drops = timeline.dropped.map((note) => ({ ...note })).sort((one, other) => breadthOf(one) - breadthOf(other));
  const left = losses.filter((loss) => {
    const drop = drops.find(
      ({ client = loss.client, rule = loss.rule, count }) => count > 0 && client === loss.client && rule === loss.rule,
    );
    if (drop === undefined) return true;
    drop.count--;
    return false;
  });
  return { left, excused: losses.length - left.length };
}

function breadthOf({ client, rule }: DroppedNote): number {
  return (client === undefined ? 2 : 0) + (rule === undefined ? 1 : 0);
}
