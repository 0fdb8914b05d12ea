import { type Session, type SharedGroup } from '@si-mqtt/session';
import { type Broker } from './broker.js';

/** Sessions that are looked at in one turn. */
const sessionsPerTurn = 10_000;
/** Queues of an earlier run that one survey asks the journal about. */
const askedMax = 100;

export interface QueueTotals {
  readonly messages: number;
  readonly bytes: number;
  readonly inflight: number;
  /** Wall clock; undefined: nothing waits. */
  readonly oldestAt: number | undefined;
}

type Queue = Pick<Session | SharedGroup, 'oldestQueuedAt' | 'learnOldest'>;

/**
 * Adds up what waits in all queues. Each knows its own length, and so nothing is counted per message. When the oldest came is not known of
 * queues from an earlier run, which are in the journal only: some of them are asked about each time, so that later surveys know it.
 */
export class QueueSurvey {
  private readonly broker: Broker;
  private asking: Promise<void> | undefined;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  async totals(): Promise<QueueTotals> {
    const { clients, routing } = this.broker;
    let [messages, bytes, inflight] = [0, 0, 0];
    let oldestAt: number | undefined;
    const unknown: Queue[] = [];
    const add = (queue: Queue, count: number, size: number): void => {
      if (count === 0) return;
      messages += count;
      bytes += size;
      const at = queue.oldestQueuedAt;
      if (at === undefined) unknown.push(queue);
      else if (oldestAt === undefined || at < oldestAt) oldestAt = at;
    };
    let left = sessionsPerTurn;
    for (const { session } of clients.values()) {
      inflight += session.inflightCount;
      add(session, session.queuedCount, session.queuedBytes);
      left -= 1;
      if (left > 0) continue;
      left = sessionsPerTurn;
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const group of routing.sharedSubscriptions()) add(group, group.waitingMessages, group.waitingBytes);
    if (unknown.length > 0) this.asking ??= this.ask(unknown.slice(0, askedMax));
    return { messages, bytes, inflight, oldestAt };
  }

  /** In the background: the store may be away. */
  private async ask(queues: readonly Queue[]): Promise<void> {
    try {
      for (const queue of queues) await queue.learnOldest();
    } catch {
      // The next survey asks again.
    }
    this.asking = undefined;
  }
}
