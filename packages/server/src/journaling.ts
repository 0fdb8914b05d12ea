import { ReasonCode } from '@si-mqtt/codec';
import {
  type Journal,
  type JournalHost,
  type MemorySessions,
  type Message,
  type RestoredGroup,
  type RestoredSession,
  restoredAgreement,
  Session,
} from '@si-mqtt/session';
import { allowAll } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { type ConnectionOutput } from './connection-output.js';

interface Wait {
  readonly batch: number;
  readonly call: () => void;
}

/** A connection that is not read while too much waits for the store. */
export interface StalledReader {
  continueReading(): void;
}

/** A broker's dealings with its journal: what waits for a commit, and what comes back at a start. */
export class Journaling implements JournalHost {
  readonly journal: Journal;
  private readonly broker: Broker;
  private readonly sessions: MemorySessions;
  private readonly stalled: Set<StalledReader> = new Set();
  private holding: ConnectionOutput[] = [];
  private waits: Wait[] = [];
  private lost: Client[] = [];
  private isFenced = false;

  constructor(journal: Journal, broker: Broker, sessions: MemorySessions) {
    this.journal = journal;
    this.broker = broker;
    this.sessions = sessions;
  }

  /** Brings back what an earlier run left. Connections of that run are lost now: their wills are published or begin to wait. */
  async start(): Promise<void> {
    await this.journal.start(this);
    const { lost } = this;
    this.lost = [];
    for (const client of lost) this.broker.connectionLost(client, client.permissions ?? allowAll);
  }

  get isReady(): boolean {
    return !this.isFenced && !this.isRefusing;
  }

  /** The store takes nothing new: what would have to be stored is refused before anything of it is in memory. */
  get isRefusing(): boolean {
    const { condition } = this.journal;
    return condition === 'full' || condition === 'unavailable';
  }

  // ——— waiting for commits ———

  holds(output: ConnectionOutput): void {
    this.holding.push(output);
  }

  whenCommitted(batch: number, call: () => void): void {
    if (this.journal.committedBatch >= batch) call();
    else this.waits.push({ batch, call });
  }

  /** Resolves when what was recorded in this turn is committed. */
  commit(): Promise<void> {
    return new Promise((resolve) => this.whenCommitted(this.journal.openBatch, resolve));
  }

  /** True: so much waits for the store that this connection is not to be read until it is told. */
  stalls(reader: StalledReader): boolean {
    if (this.journal.condition === 'ready') return false;
    this.stalled.add(reader);
    return true;
  }

  turnBegan(): void {
    this.broker.planTurn();
  }

  committed(): void {
    if (this.isFenced) return;
    const { committedBatch } = this.journal;
    const { holding, waits } = this;
    this.holding = [];
    this.waits = [];
    for (const output of holding) if (!output.release(committedBatch)) this.holding.push(output);
    for (const wait of waits) {
      if (wait.batch <= committedBatch) wait.call();
      else this.waits.push(wait);
    }
  }

  conditionChanged(): void {
    const { condition, work } = this.journal;
    this.broker.parts.events.emit('storeCondition', { condition, lastError: work?.lastError });
    if (condition !== 'ready') return;
    const readers = [...this.stalled];
    this.stalled.clear();
    for (const reader of readers) reader.continueReading();
  }

  /** Nobody gets the message: it leaves the queues, and its publisher, who cannot be answered out of order, is disconnected. */
  refused(message: Message): void {
    const { broker } = this;
    broker.counters.storeRefused++;
    for (const { session, connection } of broker.clients.values()) {
      for (const packetId of session.outbound.revoke(message)) connection?.output.revoke(packetId);
    }
    const publisher = broker.clients.get(message.publisher.clientId)?.connection;
    publisher?.close(ReasonCode.quotaExceeded, 'the store does not take this message');
  }

  fenced(reason: string): void {
    this.isFenced = true;
    const { broker } = this;
    broker.parts.events.emit('error', new Error(`another broker owns the store: ${reason}`));
    for (const output of this.holding) output.dropHeld();
    for (const connection of [...broker.connections]) connection.stream.destroy();
  }

  // ——— at a start ———

  restoreSession(stored: RestoredSession): void {
    const { broker } = this;
    const now = broker.parts.env.now();
    const expiresAt = stored.wasConnected ? now + stored.sessionExpiryInterval * 1000 : stored.expiresAt;
    const lease = this.sessions.restore({ ...stored, expiresAt });
    const session = new Session(lease, stored.userName, restoredAgreement(stored), broker.surroundings);
    session.restore(stored);
    const { will, willPublishAt } = stored;
    const permissions = broker.parts.permissionsOf(stored.userName, stored.clientId);
    const client: Client = { session, connection: undefined, permissions, expiresAt, will: undefined };
    if (will !== undefined && willPublishAt !== undefined)
      client.will = { will, permissions: permissions ?? allowAll, publishAt: willPublishAt };
    broker.register(client);
    for (const subscription of stored.subscriptions) broker.routing.subscribe(session, subscription);
    if (stored.wasConnected) this.lost.push(client);
    else broker.plan(client);
  }

  restoreRetained(message: Message): void {
    void this.broker.parts.retained.put(message);
  }

  restoreGroup(group: RestoredGroup): void {
    this.broker.routing.restoreGroup(group);
  }
}
