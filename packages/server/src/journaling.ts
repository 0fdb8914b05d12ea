import { ReasonCode } from '@si-mqtt/codec';
import {
  type Journal,
  type JournalHost,
  type MemorySessions,
  Message,
  type RestoredGroup,
  type RestoredSession,
  type RetainedPut,
  type RetainedStore,
  restoredAgreement,
  Session,
} from '@si-mqtt/session';
import { allowAll } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { type ConnectionOutput } from './connection-output.js';
import { FencedError } from './fenced-error.js';
import { storeConditionText } from './server-log.js';
import { owedWill } from './wills.js';

interface Replaced {
  readonly batch: number;
  readonly message: Message;
  previous: Message | undefined;
}

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
  /** What retained messages replaced that are not committed yet. */
  private replaced: Replaced[] = [];
  private fencedBecause: string | undefined;

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
    for (const client of lost) {
      this.broker.ends.connectionLost(client, client.permissions ?? allowAll);
      this.journal.divide();
    }
  }

  /** For an operator; undefined: what is new is taken. */
  get notReadyBecause(): string | undefined {
    if (this.fencedBecause !== undefined) return this.fencedBecause;
    if (!this.isRefusing) return undefined;
    const { condition, work } = this.journal;
    return storeConditionText(condition, work?.lastError);
  }

  /** The store takes nothing new: what would have to be stored is refused before anything of it is in memory. */
  get isRefusing(): boolean {
    return this.isAway || this.journal.condition === 'full';
  }

  /** It takes nothing at all, not even what makes room. */
  get isAway(): boolean {
    const { condition } = this.journal;
    return this.isFenced || condition === 'unavailable' || condition === 'behind';
  }

  // ——— waiting for commits ———

  holds(output: ConnectionOutput): void {
    this.holding.push(output);
  }

  whenCommitted(batch: number, call: () => void): void {
    if (this.journal.committedBatch >= batch) call();
    else this.waits.push({ batch, call });
  }

  /** Resolves when the batch, in which something was recorded, is committed. */
  commit(batch: number): Promise<void> {
    this.journal.divide();
    return new Promise((resolve) => this.whenCommitted(batch, resolve));
  }

  /** True: so much waits for the store that this connection is not to be read until it is told. */
  stalls(reader: StalledReader): boolean {
    const { condition } = this.journal;
    // A full store has to be drained: what subscribers acknowledge is read, and publishers are refused.
    if (condition === 'ready' || condition === 'full') return false;
    this.stalled.add(reader);
    return true;
  }

  turnBegan(): void {
    this.broker.planTurn();
  }

  committed(): void {
    if (this.isFenced) return;
    const { committedBatch } = this.journal;
    const { holding, waits, replaced } = this;
    if (replaced.length > 0) this.replaced = replaced.filter(({ batch }) => batch > committedBatch);
    this.holding = [];
    this.waits = [];
    for (const output of holding) {
      if (this.guarded(() => output.release(committedBatch)) === false) this.holding.push(output);
    }
    for (const wait of waits) {
      if (wait.batch > committedBatch) this.waits.push(wait);
      else this.guarded(wait.call);
    }
  }

  conditionChanged(): void {
    const { condition, work } = this.journal;
    this.broker.parts.events.emit('storeCondition', { condition, lastError: work?.lastError });
    // Of a store that is full or away, too: what cannot be stored is refused, what need not be goes on, and acknowledgements make room.
    if (condition === 'congested') return;
    const readers = [...this.stalled];
    this.stalled.clear();
    for (const reader of readers) reader.continueReading();
  }

  /** Nobody gets the message: it leaves the queues, and its publisher is told. */
  refused(message: Message): void {
    const { broker } = this;
    broker.counters.storeRefused++;
    for (const { session, connection } of broker.clients.values()) {
      let isRevoked = false;
      for (const packetId of session.outbound.revoke(message)) isRevoked = connection?.output.revoke(packetId) === true || isRevoked;
      // It may have been the one that tells what an alias stands for, and those behind it do not.
      if (isRevoked && session.agreement.topicAliasMaximumOut > 0)
        connection!.close(ReasonCode.implementationSpecificError, 'the store did not take a message that was about to be sent');
    }
    broker.routing.revokeShared(message);
    if (message.retain) this.dropRetained(message);
    this.refuseTo(message);
  }

  /** The acknowledgement waits for the journal and keeps its place. 3.x has no way to say no, so that its connection is closed. */
  private refuseTo({ publisher, packetId, qos }: Message): void {
    const client = this.broker.clients.get(publisher.clientId);
    // Its session may have ended; a will, or what the program itself publishes, has nobody who waits.
    if (client === undefined || client.session !== publisher || packetId === 0) return;
    const { session, connection } = client;
    if (session.inbound.refuse(packetId, qos)) return;
    if (session.agreement.protocolVersion === 5 && connection?.output.refuse(packetId, ReasonCode.quotaExceeded) === true) return;
    connection?.close(ReasonCode.quotaExceeded, 'the store does not take this message');
  }

  /** Retains a message here, and records it. */
  retain(store: RetainedStore, message: Message): RetainedPut | Promise<RetainedPut> {
    const previous = retainedUnder(store, message.topicName);
    const put = store.put(message);
    if (put instanceof Promise || put.outcome === 'full') return put;
    this.journal.retained(message.keep());
    this.replaced.push({ batch: this.journal.openBatch, message, previous });
    return put;
  }

  /** The topic's earlier message is there again, as it is in the store. */
  private dropRetained(message: Message): void {
    const { topicName, publisher } = message;
    const { retained, env } = this.broker.parts;
    const at = this.replaced.findIndex((replaced) => replaced.message === message);
    if (at < 0) return;
    const [{ previous }] = this.replaced.splice(at, 1);
    const later = this.replaced.find((replaced) => replaced.previous === message);
    if (later !== undefined) later.previous = previous;
    else if (retainedUnder(retained, topicName) === message)
      void retained.put(previous ?? Message.of({ topicName, payload: new Uint8Array(0), qos: 0, retain: true }, publisher, env.now()));
  }

  /** What one client's packets lead to must not keep others' from leaving. */
  private guarded<Result>(call: () => Result): Result | undefined {
    try {
      return call();
    } catch (error) {
      this.broker.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  private get isFenced(): boolean {
    return this.fencedBecause !== undefined;
  }

  fenced(reason: string): void {
    this.fencedBecause = reason;
    const { broker } = this;
    broker.parts.events.emit('error', new FencedError(`nothing is acknowledged any more: ${reason}; end this broker`));
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
    if (will !== undefined && willPublishAt !== undefined) client.will = owedWill(will, permissions ?? allowAll, willPublishAt);
    broker.clients.set(client.session.clientId, client);
    for (const subscription of stored.subscriptions) broker.routing.subscribe(session, subscription);
    if (stored.wasConnected) this.lost.push(client);
    else broker.ends.plan(client);
  }

  restoreRetained(message: Message): void {
    void this.broker.parts.retained.put(message);
  }

  restoreGroup(group: RestoredGroup): void {
    this.broker.routing.restoreGroup(group);
  }
}

function retainedUnder(store: RetainedStore, topicName: string): Message | undefined {
  const page = store.match(topicName, undefined, 1);
  return page instanceof Promise ? undefined : page.messages.at(0);
}
