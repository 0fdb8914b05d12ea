import { ReasonCode, type Will } from '@si-mqtt/codec';
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
import { Deadlines } from './deadlines.js';
import { type BrokerEvents } from './events.js';
import { Journaling } from './journaling.js';
import { type NodeEnv } from './node-env.js';
import { Routing, type RoutingSettings } from './routing.js';
import { SendBuffers } from './send-buffer.js';
import { isSysTopic } from './sys-topics.js';
import { runInTurn } from './turn-share.js';

/** A client id's place in the broker: its session, its connection while there is one, its will while that waits. */
export interface Client {
  readonly session: Session;
  connection: Connection | undefined;
  /** Of its last connection. Undefined: nobody can say, the session is from an earlier run. */
  permissions: Permissions | undefined;
  /** Wall clock, milliseconds; Infinity while connected or never. */
  expiresAt: number;
  will: DelayedWill | undefined;
  /** A will of its was published into a store that takes nothing new; until a connection finds that otherwise, none is again. */
  hasSpentWill?: boolean;
  /** The batch of the journal that has the session's end. */
  endedIn?: number;
}

interface DelayedWill {
  readonly will: Will;
  readonly permissions: Permissions;
  readonly publishAt: number;
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
  /** `$SYS` is this node's own: it takes no room from clients, and the next start makes it anew. */
  private readonly sysRetained: RetainedStore;
  settings: BrokerSettings;
  /** Half seconds since the start: the coarse clock of keep alive. */
  currentTick = 0;
  private readonly deadlines: Deadlines<Client>;
  private readonly bequests: WeakMap<Session, Promise<void>> = new WeakMap();
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
      overflowed: (session) => this.queueOverflowed(session),
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
    this.sysRetained = new MemoryRetained(parts.env, { retainedMessagesMax: Infinity, retainedBytesMax: Infinity });
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
    this.deadlines = new Deadlines((client) => (client.connection === undefined ? nextDeadline(client) : undefined));
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

  private retainAndRoute(
    message: Message,
    publisher: Session | undefined,
    packetId: number,
    isRefusing: boolean,
  ): ReasonCode | typeof pending {
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

  /** For the server's own publications: `$SYS` topics, the library. */
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

  // ——— sessions ———

  /** The connection of a session has ended; what `detach` decided is carried out. */
  connectionEnded(client: Client, connection: Connection, end: Parameters<Session['detach']>[0], permissions: Permissions): void {
    if (client.connection !== connection) return;
    client.connection = undefined;
    this.connectionLost(client, permissions, end);
  }

  /** What a session has to do without its connection; also after a start, for the connections that the earlier run had. */
  connectionLost(client: Client, permissions: Permissions, end: Parameters<Session['detach']>[0] = 'lost'): void {
    const { session } = client;
    const { will, willAction, expiresAt } = session.detach(end);
    if (will !== undefined && willAction.action === 'delay') client.will = { will, permissions, publishAt: willAction.publishAt };
    if (expiresAt === undefined) {
      this.endOffline(client);
    } else {
      client.expiresAt = expiresAt;
      if (end !== 'takenOver') {
        this.routing.wentOffline(session);
        this.inBackground(session.lease.detach(session.sessionExpiryInterval));
        session.outbound.unload();
      }
      session.recordDisconnection(expiresAt, client.will);
      this.plan(client);
    }
    if (will !== undefined && willAction.action === 'publish') this.publishWill(session, will, permissions);
  }

  /**
   * What the journal alone has for the session of its shared subscriptions goes to other members; undefined: nothing is to be waited for. The
   * session is offline, and ends afterwards: its client does not continue it.
   */
  bequest(session: Session): Promise<void> | undefined {
    const known = this.bequests.get(session);
    if (known !== undefined || !session.outbound.hasBacklog) return known;
    if (![...session.subscriptions.values()].some(({ shareName }) => shareName !== undefined)) return undefined;
    const bequest = this.routing.bequeath(session).catch((error: unknown) => this.failed(error));
    this.bequests.set(session, bequest);
    return bequest;
  }

  /** Ends a session that has no connection any more, at once if it leaves nothing to others that has to be fetched. */
  private endOffline(client: Client): void {
    const { session } = client;
    const bequest = this.bequest(session);
    if (bequest === undefined) {
      this.endSession(client);
      return;
    }
    client.expiresAt = this.parts.env.now();
    this.inBackground(session.lease.end());
    session.recordDisconnection(client.expiresAt, client.will);
    const end = () => {
      if (this.clients.get(session.clientId) !== client) return;
      this.endSession(client);
      this.parts.journal?.divide();
    };
    void bequest.then(() => runInTurn(end));
  }

  /** The session and everything that belongs to it goes; a will that waited is published now [MQTT-3.1.2-8]. */
  endSession(client: Client): void {
    const { session } = client;
    if (this.clients.get(session.clientId) === client) this.clients.delete(session.clientId);
    session.end();
    this.routing.end(session);
    this.inBackground(session.lease.end());
    const { journal } = this.parts;
    if (journal !== undefined) client.endedIn = journal.openBatch;
    const delayed = client.will;
    client.will = undefined;
    if (delayed !== undefined) this.publishWill(session, delayed.will, delayed.permissions);
    this.parts.events.emit('sessionEnded', { clientId: session.clientId });
  }

  /** A will is authorized again when it is sent (broker.md §4). */
  private publishWill(session: Session, will: Will, permissions: Permissions): void {
    const decision = permissions.mayPublish(will.topicName, will.qos, will.retain);
    if (decision === true) this.publishAllowedWill(session, will);
    else if (decision === false) this.counters.willsRefused++;
    else this.inBackground(this.publishDecidedWill(session, will, permissions));
  }

  private async publishDecidedWill(session: Session, will: Will, permissions: Permissions): Promise<void> {
    if (await permissions.decidePublish!(will.topicName)) this.publishAllowedWill(session, will);
    else this.counters.willsRefused++;
  }

  private publishAllowedWill(session: Session, will: Will): void {
    const { willDelayInterval: _delay, ...properties } = will.properties ?? {};
    const hasProperties = Object.keys(properties).length > 0;
    const content: MessageContent = {
      topicName: will.topicName,
      payload: will.payload,
      qos: will.qos,
      retain: will.retain, // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
      ...(hasProperties ? { properties } : {}),
    };
    const message = Message.of(content, session, this.parts.env.now());
    const isRefusing = this.isToRefuseWill(session);
    if (isRefusing && message.qos > 0 && this.routing.isRecorded(message)) {
      this.counters.storeRefusing++;
      this.counters.willsRefused++;
      return;
    }
    this.counters.willsPublished++;
    this.counters.publishReceived++;
    this.retainAndRoute(message, undefined, 0, isRefusing);
  }

  /**
   * What was taken with a CONNECT is published, although the store takes nothing new: one will for each session. A session that comes back meanwhile, so
   * that what waits for it makes room, could fill the store with one at every connection.
   */
  private isToRefuseWill(session: Session): boolean {
    const client = this.clients.get(session.clientId);
    if (this.journaling?.isRefusing !== true || client?.session !== session) return false;
    const hasSpent = client.hasSpentWill === true;
    client.hasSpentWill = true;
    return hasSpent;
  }

  /** Delayed wills and expired sessions; called by the server's tick. */
  tick(): void {
    for (const client of this.deadlines.due(this.parts.env.now())) runInTurn(() => this.meetDeadlines(client));
  }

  /** While its client stays away, what the journal alone has for it goes to other members of its shared subscriptions before. */
  private endExpired(client: Client): void {
    const { session } = client;
    const end = () => {
      if (this.clients.get(session.clientId) !== client || client.expiresAt > this.parts.env.now()) return;
      this.counters.sessionsExpired++;
      this.endSession(client); // [MQTT-4.1.0-2]
      this.parts.journal?.divide();
    };
    const bequest = this.bequest(session);
    if (bequest === undefined) end();
    else void bequest.then(() => runInTurn(end));
  }

  private meetDeadlines(client: Client): void {
    if (this.clients.get(client.session.clientId) !== client) return;
    const now = this.parts.env.now();
    const delayed = client.will;
    if (delayed !== undefined && delayed.publishAt <= now) {
      client.will = undefined;
      client.session.recordWillEnd();
      this.publishWill(client.session, delayed.will, delayed.permissions);
      this.parts.journal?.divide();
    }
    if (client.expiresAt <= now) {
      this.endExpired(client);
    } else {
      this.plan(client);
    }
  }

  /** Looks at the client again when its will or its end is due. */
  plan(client: Client): void {
    this.deadlines.plan(client, nextDeadline(client));
  }

  /** Makes the session of a new connection. */
  register(client: Client): void {
    this.clients.set(client.session.clientId, client);
  }

  private queueOverflowed(session: Session): void {
    this.counters.queueOverflowEnds++;
    // Not within the routing that found the queue full.
    setImmediate(() => {
      const client = this.clients.get(session.clientId);
      if (client?.session !== session) return;
      this.parts.events.emit('queueOverflowed', { clientId: session.clientId });
      if (client.connection !== undefined) client.connection.endSession(ReasonCode.quotaExceeded, 'the queue of this session is full');
      else this.endOffline(client);
    });
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

  private inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.failed(error));
  }

  private failed(error: unknown): void {
    this.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
  }
}

function nextDeadline(client: Client): number {
  return Math.min(client.expiresAt, client.will?.publishAt ?? Infinity);
}
