import { type Message } from '../message.js';
import {
  type ConnectedState,
  type DisconnectedState,
  type Journal,
  type JournalCondition,
  type JournaledDelivery,
  type JournalHost,
  type QueuePosition,
  type RestoredDelivery,
  type SessionKey,
} from '../ports/journal.js';
import { type Position } from '../ports/session-store.js';
import { type Subscription } from '../subscription.js';

interface KeptSession {
  readonly key: SessionKey;
  state: ConnectedState;
  isConnected: boolean;
  expiresAt: number;
  willPublishAt: number | undefined;
  readonly subscriptions: Map<string, Subscription>;
  readonly receivedPacketIds: Set<number>;
  readonly deliveries: Map<QueuePosition, RestoredDelivery>;
}

/** What outlives a MemoryJournal, as a database outlives the broker's process. */
export class MemoryJournalState {
  readonly sessions: Map<string, KeptSession> = new Map();
  readonly retained: Map<string, Message> = new Map();
  readonly groups: Map<string, Map<QueuePosition, RestoredDelivery>> = new Map();
  /** Raised at every start. */
  runs = 0;
}

type Operation = (state: MemoryJournalState) => void;

/** Positions that one run can give in each session. */
const positionsPerRun = 2 ** 33;

/**
 * The in-memory reference of Journal, for tests: a new one on the same state is the node after a crash; what was not committed is lost.
 * `commit` says when and how a batch becomes durable; it resolves at once unless given.
 */
export class MemoryJournal implements Journal {
  openBatch = 1;
  committedBatch = 0;
  operations = 0;
  readonly condition: JournalCondition = 'ready';
  firstPosition = 0;
  private readonly state: MemoryJournalState;
  private readonly commit: (batch: number) => Promise<void>;
  private host: JournalHost | undefined;
  private incarnations = 0n;
  private recorded: Operation[] = [];
  private underWay: Promise<void> | undefined;

  constructor(state: MemoryJournalState = new MemoryJournalState(), commit: (batch: number) => Promise<void> = () => Promise.resolve()) {
    this.state = state;
    this.commit = commit;
  }

  start(host: JournalHost): Promise<void> {
    const { state } = this;
    this.host = host;
    state.runs++;
    this.firstPosition = state.runs * positionsPerRun + 1;
    for (const { key, state: connected, isConnected, expiresAt, willPublishAt, subscriptions, ...rest } of state.sessions.values()) {
      host.restoreSession({
        ...key,
        ...connected,
        wasConnected: isConnected,
        willPublishAt,
        expiresAt,
        subscriptions: [...subscriptions.values()],
        receivedPacketIds: [...rest.receivedPacketIds],
        ...totals(rest.deliveries),
      });
    }
    for (const message of state.retained.values()) host.restoreRetained(message);
    for (const [requested, waiting] of state.groups) {
      if (waiting.size > 0) host.restoreGroup({ sharedSubscription: requested, ...totals(waiting) });
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.endTurn();
    while (this.underWay !== undefined) await this.underWay;
  }

  endTurn(): void {
    if (this.underWay !== undefined || this.recorded.length === 0) return;
    const batch = this.openBatch++;
    const operations = this.recorded;
    this.recorded = [];
    this.underWay = this.commit(batch).then(() => {
      for (const operation of operations) operation(this.state);
      this.committedBatch = batch;
      this.underWay = undefined;
      this.host?.committed();
      this.endTurn();
    });
  }

  /** Each batch is whole here. */
  divide(): void {}

  nextIncarnation(): Position {
    return BigInt(this.firstPosition) + ++this.incarnations;
  }

  connected({ clientId, incarnation }: SessionKey, connected: ConnectedState): void {
    this.record(({ sessions }) => {
      const kept = sessions.get(clientId);
      if (kept?.key.incarnation === incarnation) {
        Object.assign(kept, { state: connected, isConnected: true, expiresAt: Infinity, willPublishAt: undefined });
        return;
      }
      sessions.set(clientId, {
        key: { clientId, incarnation },
        state: connected,
        isConnected: true,
        expiresAt: Infinity,
        willPublishAt: undefined,
        subscriptions: new Map(),
        receivedPacketIds: new Set(),
        deliveries: new Map(),
      });
    });
  }

  disconnected(session: SessionKey, { expiresAt, delayedWill }: DisconnectedState): void {
    this.recordFor(session, (kept) => {
      kept.isConnected = false;
      kept.expiresAt = expiresAt;
      kept.willPublishAt = delayedWill?.publishAt;
      kept.state = { ...kept.state, will: delayedWill?.will };
    });
  }

  willEnded(session: SessionKey): void {
    this.recordFor(session, (kept) => {
      kept.willPublishAt = undefined;
      kept.state = { ...kept.state, will: undefined };
    });
  }

  ended({ clientId, incarnation }: SessionKey): void {
    this.record(({ sessions }) => {
      if (sessions.get(clientId)?.key.incarnation === incarnation) sessions.delete(clientId);
    });
  }

  subscribed(session: SessionKey, subscription: Subscription): void {
    this.recordFor(session, ({ subscriptions }) => subscriptions.set(subscription.requested, subscription));
  }

  unsubscribed(session: SessionKey, requested: string): void {
    this.recordFor(session, ({ subscriptions }) => subscriptions.delete(requested));
  }

  enqueued(session: SessionKey, delivery: JournaledDelivery): void {
    const kept = restored(delivery, delivery.packetId);
    this.recordFor(session, ({ deliveries }) => deliveries.set(kept.position, kept));
  }

  sent(session: SessionKey, { position, packetId }: JournaledDelivery): void {
    this.recordFor(session, ({ deliveries }) => change(deliveries, position, { packetId }));
  }

  received(session: SessionKey, position: QueuePosition, _packetId: number): void {
    this.recordFor(session, ({ deliveries }) => change(deliveries, position, { isReceived: true }));
  }

  finished(session: SessionKey, position: QueuePosition, isAwaited: boolean = false): void {
    if (!isAwaited) this.operations--;
    this.recordFor(session, ({ deliveries }) => deliveries.delete(position));
  }

  inboundReceived(session: SessionKey, packetId: number): void {
    this.recordFor(session, ({ receivedPacketIds }) => receivedPacketIds.add(packetId));
  }

  inboundReleased(session: SessionKey, packetId: number): void {
    this.recordFor(session, ({ receivedPacketIds }) => receivedPacketIds.delete(packetId));
  }

  retained(message: Message): void {
    this.record(({ retained }) => {
      if (message.payloadLength === 0) retained.delete(message.topicName);
      else retained.set(message.topicName, message);
    });
  }

  groupEnqueued(sharedSubscription: string, position: QueuePosition, message: Message): void {
    const waiting: RestoredDelivery = {
      position,
      message,
      qos: message.qos,
      retain: false,
      subscriptionIdentifiers: undefined,
      sharedSubscription,
      packetId: 0,
      isReceived: false,
    };
    this.record(({ groups }) => {
      const group = groups.get(sharedSubscription) ?? new Map<QueuePosition, RestoredDelivery>();
      groups.set(sharedSubscription, group.set(position, waiting));
    });
  }

  groupFinished(sharedSubscription: string, position: QueuePosition, isAwaited: boolean = false): void {
    if (!isAwaited) this.operations--;
    this.record(({ groups }) => groups.get(sharedSubscription)?.delete(position));
  }

  groupEnded(sharedSubscription: string): void {
    this.record(({ groups }) => groups.delete(sharedSubscription));
  }

  page({ clientId, incarnation }: SessionKey, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    const kept = this.state.sessions.get(clientId);
    return Promise.resolve(kept?.key.incarnation === incarnation ? pageOf(kept.deliveries, after, limit) : []);
  }

  pageGroup(sharedSubscription: string, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    return Promise.resolve(pageOf(this.state.groups.get(sharedSubscription) ?? new Map<QueuePosition, RestoredDelivery>(), after, limit));
  }

  private record(operation: Operation): void {
    this.operations++;
    this.recorded.push(operation);
    if (this.recorded.length === 1) this.host?.turnBegan();
  }

  private recordFor({ clientId, incarnation }: SessionKey, change: (kept: KeptSession) => void): void {
    this.record(({ sessions }) => {
      const kept = sessions.get(clientId);
      if (kept?.key.incarnation === incarnation) change(kept);
    });
  }
}

function restored(delivery: JournaledDelivery, packetId: number): RestoredDelivery {
  const { position, message, qos, retain, subscriptionIdentifiers, sharedSubscription } = delivery;
  return { position, message, qos, retain, subscriptionIdentifiers, sharedSubscription, packetId, isReceived: false };
}

function change(deliveries: Map<QueuePosition, RestoredDelivery>, position: QueuePosition, changes: Partial<RestoredDelivery>): void {
  const delivery = deliveries.get(position);
  if (delivery !== undefined) deliveries.set(position, { ...delivery, ...changes });
}

function totals(deliveries: ReadonlyMap<QueuePosition, RestoredDelivery>) {
  let queuedBytes = 0;
  let lastPosition = 0;
  for (const { position, message } of deliveries.values()) {
    queuedBytes += message.size;
    lastPosition = Math.max(lastPosition, position);
  }
  return { queuedMessages: deliveries.size, queuedBytes, lastPosition };
}

function pageOf(deliveries: ReadonlyMap<QueuePosition, RestoredDelivery>, after: QueuePosition, limit: number): RestoredDelivery[] {
  return [...deliveries.values()]
    .filter(({ position }) => position > after)
    .sort((a, b) => a.position - b.position)
    .slice(0, limit);
}
