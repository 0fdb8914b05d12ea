import { type Env } from '../ports/env.js';
import {
  type AcquireRequest,
  type Position,
  type QueuePage,
  type SessionLease,
  type SessionOperation,
  type SessionState,
  type SessionStore,
  type StoredDelivery,
  type StoredSession,
} from '../ports/session-store.js';
import { type Subscription } from '../subscription.js';

/** One session's stored state; `lease` is its present holder's. */
interface Entry {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly incarnation: Position;
  readonly subscriptions: Map<string, Subscription>;
  readonly receivedPacketIds: Set<number>;
  readonly deliveries: Map<Position, StoredDelivery>;
  will: SessionState['will'];
  expiresAt: number;
  lease: MemoryLease | undefined;
}

/**
 * The in-memory reference of SessionStore: nothing outlives the process. The server keeps its sessions itself when the store is not
 * durable, so here it uses only the ownership; the operations are what durable stores are compared with.
 */
export class MemorySessions implements SessionStore {
  readonly durable: boolean = false;
  private readonly entries: Map<string, Entry> = new Map();
  private readonly env: Env;
  private position = 0n;

  constructor(env: Env) {
    this.env = env;
  }

  acquire(request: AcquireRequest): Promise<SessionLease> {
    let entry = this.live(request.clientId);
    entry?.lease?.lose(request.cleanStart ? 'ended' : 'takenOver');
    const sessionPresent = entry !== undefined && !request.cleanStart;
    if (entry === undefined || !sessionPresent) {
      entry = {
        clientId: request.clientId,
        userName: request.userName,
        incarnation: this.nextPosition(),
        subscriptions: new Map(),
        receivedPacketIds: new Set(),
        deliveries: new Map(),
        will: undefined,
        expiresAt: Infinity,
        lease: undefined,
      };
      this.entries.set(request.clientId, entry);
    }
    entry.will = request.will;
    entry.expiresAt = Infinity;
    const lease = new MemoryLease(this, entry, sessionPresent);
    entry.lease = lease;
    return Promise.resolve(lease);
  }

  list(after: string, limit: number): Promise<readonly StoredSession[]> {
    const clientIds = [...this.entries.keys()].filter((clientId) => clientId > after && this.live(clientId) !== undefined).sort();
    return Promise.resolve(
      clientIds.slice(0, limit).map((clientId) => {
        const entry = this.entries.get(clientId)!;
        return {
          clientId,
          userName: entry.userName,
          incarnation: entry.incarnation,
          connected: entry.lease !== undefined,
          expiresAt: entry.expiresAt,
          subscriptions: entry.subscriptions.size,
          queued: entry.deliveries.size,
        };
      }),
    );
  }

  nextPosition(): Position {
    return ++this.position;
  }

  now(): number {
    return this.env.now();
  }

  remove(entry: Entry): void {
    if (this.entries.get(entry.clientId) === entry) this.entries.delete(entry.clientId);
  }

  /** The entry, unless it has expired: then it goes now. */
  private live(clientId: string): Entry | undefined {
    const entry = this.entries.get(clientId);
    if (entry === undefined || entry.expiresAt > this.env.now()) return entry;
    this.entries.delete(clientId);
    return undefined;
  }
}

class MemoryLease implements SessionLease {
  readonly sessionPresent: boolean;
  readonly lost: Promise<'takenOver' | 'ended'>;
  private readonly store: MemorySessions;
  private readonly entry: Entry;
  private settle!: (reason: 'takenOver' | 'ended') => void;

  constructor(store: MemorySessions, entry: Entry, sessionPresent: boolean) {
    this.store = store;
    this.entry = entry;
    this.sessionPresent = sessionPresent;
    this.lost = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  get clientId(): string {
    return this.entry.clientId;
  }

  get incarnation(): Position {
    return this.entry.incarnation;
  }

  get state(): SessionState {
    const { subscriptions, receivedPacketIds, will } = this.entry;
    return { subscriptions: [...subscriptions.values()], receivedPacketIds: [...receivedPacketIds], will };
  }

  lose(reason: 'takenOver' | 'ended'): void {
    if (this.entry.lease === this) this.entry.lease = undefined;
    this.settle(reason);
  }

  page(after: Position | undefined, limit: number): Promise<QueuePage> {
    const later = [...this.entry.deliveries.values()].filter((delivery) => after === undefined || delivery.position > after);
    const deliveries = later.slice(0, limit);
    return Promise.resolve({ deliveries, after: later.length > limit ? deliveries.at(-1)!.position : undefined });
  }

  commit(operations: readonly SessionOperation[]): Promise<'committed' | 'fenced'> {
    if (this.entry.lease !== this) return Promise.resolve('fenced');
    for (const operation of operations) this.apply(operation);
    return Promise.resolve('committed');
  }

  detach(sessionExpiryInterval: number): Promise<'committed' | 'fenced'> {
    if (this.entry.lease !== this) return Promise.resolve('fenced');
    this.entry.lease = undefined;
    this.entry.expiresAt = this.store.now() + sessionExpiryInterval * 1000;
    if (sessionExpiryInterval === 0) {
      this.store.remove(this.entry);
      this.settle('ended');
    }
    return Promise.resolve('committed');
  }

  end(): Promise<void> {
    const holder = this.entry.lease;
    // A lease that another one has replaced can end nothing; one that was detached still can.
    if (holder === undefined || holder === this) {
      this.store.remove(this.entry);
      this.lose('ended');
    }
    return Promise.resolve();
  }

  private apply(operation: SessionOperation): void {
    const { subscriptions, deliveries, receivedPacketIds } = this.entry;
    switch (operation.operation) {
      case 'subscribe':
        subscriptions.set(operation.subscription.requested, operation.subscription);
        return;
      case 'unsubscribe':
        subscriptions.delete(operation.requested);
        return;
      case 'enqueue': {
        const position = this.store.nextPosition();
        operation.delivery.message.keep();
        deliveries.set(position, { ...operation.delivery, position, packetId: 0, released: false });
        return;
      }
      case 'assignPacketId': {
        const delivery = deliveries.get(operation.position);
        if (delivery !== undefined) deliveries.set(operation.position, { ...delivery, packetId: operation.packetId });
        return;
      }
      case 'received':
        for (const delivery of deliveries.values()) {
          if (delivery.packetId === operation.packetId) deliveries.set(delivery.position, { ...delivery, released: true });
        }
        return;
      case 'release':
        deliveries.delete(operation.position);
        return;
      case 'receiveInbound':
        receivedPacketIds.add(operation.packetId);
        return;
      case 'releaseInbound':
        receivedPacketIds.delete(operation.packetId);
        return;
    }
  }
}
