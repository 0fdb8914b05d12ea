import { ReasonCode } from '@si-mqtt/codec';
import {
  type AnswerSettings,
  type Cluster,
  DropCounters,
  type Journal,
  MemoryRetained,
  MemorySessions,
  Message,
  type MessageContent,
  type Publisher,
  pending,
  type RetainedPut,
  type RetainedStore,
  type Session,
  type SessionLimits,
  type SessionStore,
  type SessionSurroundings,
} from '@si-mqtt/session';
import { type Permissions } from './access/permissions.js';
import { type Connection } from './connection.js';
import { type ConnectionOutput } from './connection-output.js';
import { Counters } from './counters.js';
import { type BrokerEvents } from './events.js';
import { Journaling } from './journaling.js';
import { type NodeEnv } from './node-env.js';
import { Routing, type RoutingSettings } from './routing.js';
import { SendBuffers } from './send-buffer.js';
import { SessionEnds } from './session-ends.js';
import { isSysTopic } from './sys-topics.js';
import { type OwedWill, Wills } from './wills.js';

/** A client id's place in the broker: its session, its connection while there is one, its will while that waits. */
export interface Client {
  readonly session: Session;
  connection: Connection | undefined;
  /** Of its last connection. Undefined: nobody can say, the session is from an earlier run. */
  permissions: Permissions | undefined;
  /** Wall clock, milliseconds; Infinity while connected or never. */
  expiresAt: number;
  will: OwedWill | undefined;
  /** A will of its was published into a store that takes nothing new; until a connection finds that otherwise, none is again. */
  hasSpentWill?: boolean;
  /** The batch of the journal that has the session's end. */
  endedIn?: number;
}

export interface BrokerSettings extends Pick<RoutingSettings, 'strategyOf'> {
  readonly limits: SessionLimits;
  readonly sessionsMax: number;
  readonly outgoingBytesPerConnectionMax: number;
}

export interface BrokerParts {
  readonly env: NodeEnv;
  /** Absent: nothing outlives the process. */
  readonly journal?: Journal;
  /** Absent: this node's own. */
  readonly sessions?: SessionStore;
  readonly retained: RetainedStore;
  readonly cluster: Cluster;
  readonly events: BrokerEvents;
  readonly answers: AnswerSettings;
  /** Of a session that an earlier run left. Undefined: nobody can say before its client comes. */
  permissionsOf(userName: string | undefined, clientId: string): Permissions | undefined;
}

/** One node: who is connected, which sessions live, and the way of a message from its publisher to retained store, sessions and cluster. */
export class Broker {
  readonly counters: Counters = new Counters();
  readonly drops: DropCounters = new DropCounters();
  readonly clients: Map<string, Client> = new Map();
  readonly connections: Set<Connection> = new Set();
  readonly routing: Routing;
  readonly parts: BrokerParts;
  readonly buffers: SendBuffers = new SendBuffers();
  readonly surroundings: SessionSurroundings;
  readonly sessions: SessionStore;
  readonly journaling: Journaling | undefined;
  readonly answers: AnswerSettings;
  readonly wills: Wills = new Wills(this);
  readonly ends: SessionEnds = new SessionEnds(this);
  /** `$SYS` is this node's own: it takes no room from clients, and the next start makes it anew. Bounded, as states of connections come from clients. */
  private readonly sysRetained: RetainedStore;
  settings: BrokerSettings;
  /** Half seconds since the start: the coarse clock of keep alive. */
  currentTick = 0;
  private readonly dirty: ConnectionOutput[] = [];
  private readonly wantPump: ConnectionOutput[] = [];
  private turnPlanned = false;
  private readonly endTurn: () => void = () => this.flush();

  constructor(settings: BrokerSettings, parts: BrokerParts) {
    this.settings = settings;
    this.parts = parts;
    this.answers = parts.answers;
    const { journal } = parts;
    this.surroundings = {
      overflowed: (session) => this.ends.queueOverflowed(session),
      env: parts.env,
      limits: settings.limits,
      drops: this.drops,
      isOverloaded: false,
      groupOf: (sharedSubscription) => this.routing.group(sharedSubscription),
      failed: (error) => this.failed(error),
      ...(journal === undefined ? {} : { journal }),
    };
    const own = new MemorySessions(parts.env, journal === undefined ? undefined : () => journal.nextIncarnation());
    this.sessions = parts.sessions ?? own;
    this.sysRetained = new MemoryRetained(parts.env, { retainedMessagesMax: 10_000, retainedBytesMax: 4 << 20 });
    this.journaling = journal === undefined ? undefined : new Journaling(journal, this, own);
    const { surroundings } = this;
    this.routing = new Routing({
      ...(journal === undefined ? {} : { journal }),
      random: () => parts.env.random(),
      drops: this.drops,
      // Read when they are needed: a reload may change them.
      groupLimits: {
        get queueMessagesMax() {
          return surroundings.limits.queueMessagesMax;
        },
        get queueBytesMax() {
          return surroundings.limits.queueBytesMax;
        },
      },
      strategyOf: (topicFilter) => this.settings.strategyOf(topicFilter),
    });
  }

  /** New limits hold at once, for sessions that exist as well. */
  configure(settings: BrokerSettings): void {
    this.settings = settings;
    this.surroundings.limits = settings.limits;
  }

  // ——— messages ———

  /** Retain, route, forward. The message's publisher has been authorized. `packetId` is named again with a pending outcome. */
  publish(message: Message, publisher: Session | undefined, packetId: number): ReasonCode | typeof pending {
    this.counters.publishReceived++;
    return this.journaling === undefined
      ? this.retainAndRoute(message, publisher, packetId, false)
      : this.publishRecorded(this.journaling, message, publisher, packetId);
  }

  /** As without a journal, but the publisher's acknowledgement waits for what was recorded. */
  private publishRecorded(
    journaling: Journaling,
    message: Message,
    publisher: Session | undefined,
    packetId: number,
  ): ReasonCode | typeof pending {
    if (message.qos > 0 && journaling.isRefusing && (message.retain || this.routing.isRecorded(message))) {
      return this.refuseToStore(publisher, packetId);
    }
    const { journal } = journaling;
    const { operations } = journal;
    const reasonCode = this.retainAndRoute(message, publisher, packetId, journaling.isRefusing);
    if (journal.operations !== operations && message.qos > 0) {
      publisher?.hold();
      message.packetId = packetId;
    }
    return reasonCode;
  }

  /** Nothing of the message is in memory yet. 3.x has no way to say no: whatever is not acknowledged comes again. */
  private refuseToStore(publisher: Session | undefined, packetId: number): ReasonCode | typeof pending {
    this.counters.storeRefusing++;
    if (publisher === undefined || publisher.agreement.protocolVersion === 5) return ReasonCode.quotaExceeded;
    this.leaveUnanswered(publisher, packetId, ReasonCode.quotaExceeded, 'the store takes nothing now');
    return pending;
  }

  retainAndRoute(message: Message, publisher: Session | undefined, packetId: number, isRefusing: boolean): ReasonCode | typeof pending {
    if (message.retain) {
      const put = this.retain(message, isRefusing);
      if (put instanceof Promise) {
        message.keep();
        this.settle(
          put.then((outcome) => this.afterRetain(outcome, message)),
          publisher,
          packetId,
        );
        return pending;
      }
      if (put.outcome === 'full') {
        // It is delivered all the same; the publisher is told that it was not retained.
        this.counters.retainedRefused++;
        this.routeHere(message);
        return ReasonCode.quotaExceeded;
      }
    }
    const reasonCode = this.routeHere(message);
    if (!this.parts.cluster.remoteInterest) return reasonCode;
    this.settle(this.forward(message.keep(), reasonCode), publisher, packetId);
    return message.qos === 0 ? reasonCode : pending;
  }

  /** A topic of `$SYS`, which is not counted: nobody asked for it. */
  publishSys(topicName: string, payload: Uint8Array): void {
    const { env } = this.parts;
    const message = Message.of({ topicName, payload, qos: 0, retain: true }, { clientId: '', userName: undefined }, env.now());
    void this.sysRetained.put(message);
    this.routing.route(message);
  }

  /** For publications of the library. */
  publishOwn(content: MessageContent, publisher: Publisher = { clientId: '', userName: undefined }): void {
    this.publish(Message.of(content, publisher, this.parts.env.now()), undefined, 0);
  }

  /** Where a topic's retained message is, and where all are that a topic filter can match. */
  retainedAt(topic: string): RetainedStore {
    return isSysTopic(topic) ? this.sysRetained : this.parts.retained;
  }

  private retain(message: Message, isRefusing: boolean): RetainedPut | Promise<RetainedPut> {
    const { journaling } = this;
    const store = this.retainedAt(message.topicName);
    if (journaling === undefined || store === this.sysRetained) return store.put(message);
    if (isRefusing) return { outcome: 'full' };
    return journaling.retain(store, message);
  }

  private routeHere(message: Message): ReasonCode {
    const reasonCode = this.routing.route(message);
    if (reasonCode === ReasonCode.noMatchingSubscribers) this.counters.publishUnmatched++;
    return reasonCode;
  }

  private async forward(message: Message, here: ReasonCode): Promise<ReasonCode> {
    const elsewhere = await this.parts.cluster.publish(message);
    return here === ReasonCode.success || elsewhere === ReasonCode.noMatchingSubscribers ? here : elsewhere;
  }

  private afterRetain(put: RetainedPut, message: Message): ReasonCode | Promise<ReasonCode> {
    const here = this.routeHere(message);
    if (put.outcome === 'full') {
      this.counters.retainedRefused++;
      return ReasonCode.quotaExceeded;
    }
    return this.parts.cluster.remoteInterest ? this.forward(message, here) : here;
  }

  /** An outcome that is unknown is never acknowledged: the publisher's connection is closed instead. */
  private settle(outcome: Promise<ReasonCode>, publisher: Session | undefined, packetId: number): void {
    outcome.then(
      (reasonCode) => {
        if (publisher !== undefined) this.answer(publisher, packetId, reasonCode);
      },
      (error: unknown) => {
        this.failed(error);
        if (publisher === undefined) return;
        this.leaveUnanswered(publisher, packetId, ReasonCode.implementationSpecificError, 'the message could not be stored');
      },
    );
  }

  /** An outcome that was pending; a session that has ended meanwhile has nobody to tell and nothing to remember. */
  answer(publisher: Session, packetId: number, reasonCode: ReasonCode): void {
    if (this.isCurrent(publisher)) publisher.inbound.published(packetId, reasonCode);
  }

  /** The connection that the session has by now is closed instead of an acknowledgement, so that its client sends the publication again. */
  leaveUnanswered(publisher: Session, packetId: number, reasonCode: ReasonCode, reason: string): void {
    if (this.isCurrent(publisher)) this.clients.get(publisher.clientId)!.connection?.close(reasonCode, reason);
    publisher.inbound.leaveUnanswered(packetId);
  }

  /** False: the session has ended. */
  private isCurrent(session: Session): boolean {
    return this.clients.get(session.clientId)?.session === session;
  }

  // ——— the end of a turn ———

  /** One write per connection and turn: the connection is flushed when all that was read has been handled. */
  flushLater(output: ConnectionOutput): void {
    this.dirty.push(output);
    this.planTurn();
  }

  pumpLater(output: ConnectionOutput): void {
    this.wantPump.push(output);
    this.planTurn();
  }

  planTurn(): void {
    if (this.turnPlanned) return;
    this.turnPlanned = true;
    setImmediate(this.endTurn);
  }

  private flush(): void {
    this.turnPlanned = false;
    const { wantPump, dirty } = this;
    if (wantPump.length > 0) for (const output of wantPump.splice(0)) output.pump();
    // Writing can make nothing dirty again: sockets answer in later turns.
    for (let i = 0; i < dirty.length; i++) dirty[i].flush();
    dirty.length = 0;
    this.parts.journal?.endTurn();
  }

  inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.failed(error));
  }

  failed(error: unknown): void {
    this.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
  }
}
