import { randomUUID } from 'node:crypto';
import { type Duplex } from 'node:stream';
import { type DecoderOptions, ReasonCode } from '@si-mqtt/codec';
import {
  type AnswerPolicy,
  type Cluster,
  defaultSessionLimits,
  type Journal,
  MemoryRetained,
  type RetainedStore,
  type SessionLimits,
  type SessionStore,
  SingleNode,
} from '@si-mqtt/session';
import { type Logger, pino } from 'pino';
import { type Registry } from 'prom-client';
import { type Authenticator } from './access/authenticator.js';
import { type AuthenticationMechanism } from './access/enhanced.js';
import { covers } from './access/filter-relations.js';
import { AdminListener } from './admin.js';
import { Broker } from './broker.js';
import { Connection, type ConnectionSettings } from './connection.js';
import { type BrokerEvents, brokerEvents } from './events.js';
import { capabilitiesOf } from './handshake.js';
import { Admission } from './listeners/admission.js';
import { type ByteStream } from './listeners/byte-stream.js';
import { DuplexStream } from './listeners/duplex-stream.js';
import { Listener } from './listeners/listener.js';
import { type ListenerInformation } from './listeners/listener-options.js';
import { createMetrics } from './metrics.js';
import { NodeEnv } from './node-env.js';
import { checkContent } from './own-publication.js';
import { mayLose, recheckClient } from './recheck.js';
import { Serial } from './serial.js';
import { openAccess, type ServerAccess } from './server-access.js';
import { ServerLog } from './server-log.js';
import { type CompleteServerOptions, completeOptions, type ServerOptions } from './server-options.js';
import {
  type ClientSummary,
  clientSummaries,
  type RetainedPageSummary,
  retainedSummaries,
  type SubscriptionSummary,
  subscriptionSummaries,
} from './summaries.js';
import { SysTopics } from './sys-topics.js';
import { Ticks } from './ticks.js';
import { runInTurn } from './turn-share.js';

/** Ports other than the in-memory ones, and where to log. */
export interface ServerParts {
  readonly logger?: Logger;
  /** Of the program around it, for `$SYS/broker/version` and `si_mqtt_build_info`. */
  readonly version?: string;
  /** Where sessions, queues and retained messages outlive the process; absent: nowhere. */
  readonly journal?: Journal;
  readonly sessions?: SessionStore;
  readonly retained?: RetainedStore;
  readonly cluster?: Cluster;
  /** Asked before those of the configuration, at every listener. */
  readonly authenticators?: readonly Authenticator[];
  /** Enhanced authentication beside SCRAM-SHA-256, at every listener. */
  readonly mechanisms?: readonly AuthenticationMechanism[];
  /** Attaches Reason Strings and User Properties to acknowledgements and to the other packets that answer a 5.0 client. */
  readonly answers?: AnswerPolicy;
}

/** An MQTT server: listeners, broker, admin listener. Made by `createServer`, started by `start`. */
export class Server {
  readonly events: BrokerEvents = brokerEvents();
  readonly broker: Broker;
  private options: CompleteServerOptions;
  private readonly logger: Logger;
  private readonly env: NodeEnv;
  private readonly access: ServerAccess;
  private readonly ownAuthenticators: readonly Authenticator[];
  private readonly ownMechanisms: readonly AuthenticationMechanism[];
  private readonly admission: Admission;
  /** Where no other store was given. */
  private readonly memoryRetained: MemoryRetained;
  private readonly serial: Serial = new Serial();
  private readonly settings: Map<string, ConnectionSettings> = new Map();
  private readonly sysTopics: SysTopics;
  private readonly admin: AdminListener | undefined;
  private readonly ticks: Ticks;
  private listeners: Listener[] = [];
  private bound: { listener: string; url: string }[] = [];
  private isStopping = false;

  constructor(options: CompleteServerOptions, access: ServerAccess, env: NodeEnv, parts: ServerParts) {
    this.options = options;
    this.env = env;
    this.access = access;
    this.ownAuthenticators = parts.authenticators ?? [];
    this.ownMechanisms = parts.mechanisms ?? [];
    this.logger = parts.logger ?? pino({ enabled: false });
    const { limits } = options;
    const hasOwn = this.ownAuthenticators.length + this.ownMechanisms.length > 0;
    this.admission = new Admission(limits, this.env);
    this.memoryRetained = new MemoryRetained(this.env, limits);
    this.broker = new Broker(brokerSettings(options), {
      env: this.env,
      ...(parts.journal === undefined ? {} : { journal: parts.journal }),
      ...(parts.sessions === undefined ? {} : { sessions: parts.sessions }),
      retained: parts.retained ?? this.memoryRetained,
      cluster: parts.cluster ?? new SingleNode(),
      events: this.events,
      answers: { explainsRefusals: options.responses.reasonStrings, policy: parts.answers },
      // Whom one's own authenticators let in, only they know.
      permissionsOf: (userName, clientId) => (hasOwn ? undefined : access.permissionsFor(userName, clientId)),
    });
    this.sysTopics = new SysTopics(this.broker, options.sys, parts.version);
    this.admin = options.admin.enabled
      ? new AdminListener(options.admin, this.createMetrics(parts.version), () => this.notReadyBecause)
      : undefined;
    const log = new ServerLog(this.events, this.logger, this.broker.drops);
    this.ticks = new Ticks({ broker: this.broker, log, logger: this.logger, options: () => this.options, listeners: () => this.listeners });
  }

  get isReady(): boolean {
    return this.notReadyBecause === undefined;
  }

  /** For an operator; undefined when clients may come. */
  private get notReadyBecause(): string | undefined {
    const { journaling, parts } = this.broker;
    if (!this.ticks.isRunning) return 'it has not started, or has ended';
    if (this.isStopping) return 'it is about to end';
    return parts.cluster.status().ready ? journaling?.notReadyBecause : 'the cluster is not ready';
  }

  /** Resolves when every listener accepts. Rejects with the first that cannot; nothing listens then. */
  async start(): Promise<void> {
    await this.broker.parts.cluster.start({
      deliver: (messages) => {
        for (const message of messages) this.broker.routing.route(message);
      },
      handOver: (clientId) => {
        this.disconnectClient(clientId, ReasonCode.sessionTakenOver);
        return Promise.resolve();
      },
    });
    try {
      await this.broker.journaling?.start();
      // Rules may have changed while the node was down.
      await this.recheckAccess();
      for (const listenerOptions of this.options.listeners) {
        this.settings.set(listenerOptions.name, this.connectionSettings(listenerOptions));
        const listener = new Listener(
          listenerOptions,
          this.admission,
          (stream) => this.accept(stream),
          (reason, remoteAddress) => this.refused(listenerOptions.name, reason, remoteAddress),
        );
        const address = await listener.listen();
        this.listeners.push(listener);
        for (const url of address.urls) this.bound.push({ listener: address.name, url });
      }
      const admin = await this.admin?.listen();
      if (admin !== undefined) this.bound.push({ listener: 'admin', url: admin });
    } catch (error) {
      await this.closeListeners();
      await this.broker.parts.journal?.stop();
      throw error;
    }
    this.ticks.start();
    this.sysTopics.start();
  }

  /** Where it listens: a URL for each address, by the listener's name, and of `admin`. */
  addresses(): readonly { readonly listener: string; readonly url: string }[] {
    return this.bound;
  }

  /**
   * Takes over what can change while the server runs: limits, queue and shared subscription rules, Response Information, and of each listener
   * limits, capabilities and authenticators; reads certificate, password and access files again, or others that take their place. Connections
   * that exist keep what they were told in CONNACK. Rejects, and changes nothing at all, if one of the files cannot be used.
   */
  async reload(options: ServerOptions): Promise<void> {
    const complete = completeOptions(options);
    const changes = [await this.access.prepare(complete)];
    const listeners = this.listeners.flatMap((listener) => {
      const next = complete.listeners.find(({ name, type }) => name === listener.information.name && type === listener.information.type);
      return next === undefined ? [] : [{ listener, next }];
    });
    for (const { listener, next } of listeners) {
      if (listener.certificates !== undefined && 'tls' in next) changes.push(await listener.certificates.prepare(next.tls));
    }
    for (const change of changes) change();
    this.options = complete;
    this.broker.configure(brokerSettings(complete));
    this.admission.limits = complete.limits;
    this.memoryRetained.limits = complete.limits;
    for (const { listener, next } of listeners) {
      listener.limit(next.limits);
      this.settings.set(next.name, this.connectionSettings(next));
    }
    await this.recheckAccess();
  }

  /**
   * To be called when the answers of one's own `Permissions` have changed; files that change are noticed. Connections of users that are gone
   * end with 0x87; subscriptions that are no longer allowed stop delivering, and absent sessions lose them, too.
   */
  recheckAccess(): Promise<void> {
    for (const client of this.broker.clients.values()) {
      if (mayLose(client)) runInTurn(() => recheckClient(this.broker, client));
    }
    return new Promise((resolve) => runInTurn(resolve));
  }

  /** Graceful: no new clients, DISCONNECT 0x8B spread over `drainSeconds`, wills that are due, then everything closes. */
  async stop(how: { readonly drainSeconds: number } = { drainSeconds: 0 }): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    await Promise.all(this.listeners.map((listener) => listener.close()));
    this.sysTopics.stop();
    await this.disconnectEverybody(how.drainSeconds);
    await this.broker.parts.cluster.drain(how.drainSeconds);
    await this.broker.parts.cluster.stop();
    await this.broker.parts.journal?.stop();
    this.ticks.stop();
    await this.admin?.close();
    this.access.close();
    this.admission.close();
  }

  /** Clients with a will go first, so that those who are interested in it are still there. */
  private async disconnectEverybody(drainSeconds: number): Promise<void> {
    const connections = [...this.broker.connections].sort((a, b) => Number(hasWill(b)) - Number(hasWill(a)));
    const steps = Math.max(1, Math.min(connections.length, Math.ceil((drainSeconds * 1000) / 50)));
    const perStep = Math.ceil(connections.length / steps);
    for (let step = 0; step < steps; step++) {
      for (const connection of connections.slice(step * perStep, (step + 1) * perStep)) {
        connection.close(ReasonCode.serverShuttingDown, 'the server shuts down', 'shutdown');
      }
      if (step + 1 < steps) await this.env.sleep(50);
    }
    const deadline = this.env.monotonic() + 3000;
    const { connections: open, wills } = this.broker;
    while ((open.size > 0 || wills.undecided > 0) && this.env.monotonic() < deadline) await this.env.sleep(10);
    for (const connection of this.broker.connections) connection.stream.destroy();
  }

  // ——— for those who use it as a library ———

  /**
   * Publishes as the server itself; access rules do not apply.
   *
   * @throws RangeError if no client could publish this
   */
  publish(content: Parameters<Broker['publishOwn']>[0]): void {
    checkContent(content);
    this.broker.publishOwn(content);
  }

  clients(): ClientSummary[] {
    return clientSummaries(this.broker);
  }

  /** The topic filters of one client, as it wrote them, with the QoS that was granted. */
  subscriptions(clientId: string): SubscriptionSummary[] {
    return subscriptionSummaries(this.broker, clientId);
  }

  /** A page of the retained messages under a filter; `after` continues an earlier page. */
  retainedMessages(topicFilter: string, after?: string, limit: number = 100): Promise<RetainedPageSummary> {
    return retainedSummaries(this.broker, topicFilter, after, limit);
  }

  /** False: there is no such connection. */
  disconnectClient(clientId: string, reasonCode: number = ReasonCode.administrativeAction): boolean {
    const connection = this.broker.clients.get(clientId)?.connection;
    if (connection === undefined) return false;
    connection.close(reasonCode, 'disconnected by the server');
    return true;
  }

  /**
   * Serves a client over a stream of one's own, e.g. one end of Node's `duplexPair` in a test, as if it had connected to that listener.
   * What the listener's limits do not let in is destroyed.
   *
   * @throws RangeError if there is no listener of that name, or the server does not listen
   */
  acceptDuplex(duplex: Duplex, listenerName: string): void {
    const listener = this.listeners.find(({ information }) => information.name === listenerName);
    if (listener === undefined || this.isStopping) throw new RangeError(`no listener ${listenerName} accepts connections`);
    const ticket = listener.gate.admit(duplex);
    if (ticket === undefined) duplex.destroy();
    else this.accept(new DuplexStream(listener.information, duplex, ticket));
  }

  // ——— inside ———

  /** A connection that ends before its CONNECT can be read. */
  private refused(listenerName: string, reason: string, remoteAddress: string | undefined): void {
    const reasonCode = ReasonCode.unspecifiedError;
    this.events.emit('connectionRefused', { clientId: undefined, userName: undefined, listenerName, remoteAddress, reasonCode, reason });
  }

  /** Takes over one connection's bytes; listeners call it. */
  accept(stream: ByteStream): void {
    const settings = this.settings.get(stream.listener.name)!;
    stream.attach(new Connection(this.broker, stream, settings, this.broker.currentTick));
  }

  private createMetrics(version: string | undefined): Registry {
    const { broker, admission, access } = this;
    return createMetrics({ broker, admission, authentications: access.limit, version, listeners: () => this.listeners });
  }

  private connectionSettings(listener: ListenerInformation): ConnectionSettings {
    const { limits } = this.options;
    // A packet that the store takes at no time is better refused by whoever would send it.
    const maximumPacketSize = Math.min(listener.limits.maximumPacketSize, this.broker.parts.journal?.maximumMessageBytes ?? Infinity);
    const decoderOptions: DecoderOptions = {
      from: 'client',
      maximumPacketSize,
      propertiesMax: limits.propertiesPerPacketMax,
      topicLevelsMax: limits.topicLevelsMax,
      topicFiltersMax: limits.filtersPerSubscribeMax,
    };
    return {
      decoderOptions,
      maximumPacketSize,
      capabilities: capabilitiesOf(listener),
      authenticators: [...this.ownAuthenticators, ...this.access.authenticatorsOf(listener)],
      mechanisms: [...this.ownMechanisms, ...this.access.mechanismsOf(listener)],
      responseTopicPrefix: this.options.responses.topicPrefix,
      assignClientId: () => `si-${randomUUID()}`,
      serially: (clientId, work) => this.serial.run(clientId, work),
    };
  }

  private async closeListeners(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
    this.listeners = [];
    this.bound = [];
    await this.admin?.close();
    this.access.close();
    this.admission.close();
  }
}

function hasWill(connection: Connection): boolean {
  return connection.client?.session.hasWill === true;
}

function brokerSettings(options: CompleteServerOptions) {
  const { limits, queue, shared } = options;
  const sessionLimits: SessionLimits = {
    ...defaultSessionLimits,
    ...limits,
    queueOverflow: queue.overflow,
    queueQos0Messages: queue.queueQos0Messages,
  };
  return {
    limits: sessionLimits,
    sessionsMax: limits.sessionsMax,
    outgoingBytesPerConnectionMax: limits.outgoingBytesPerConnectionMax,
    strategyOf: (topicFilter: string) => shared.rules.find(({ filter }) => covers(filter, topicFilter))?.strategy ?? shared.strategy,
  };
}

/**
 * Makes a server; it listens after `start`. Every option has the default of docs/configuration.md.
 *
 * @throws FileError if the password or access file cannot be used
 */
export async function createServer(options: ServerOptions = {}, parts: ServerParts = {}): Promise<Server> {
  const complete = completeOptions(options);
  const env = new NodeEnv();
  const made: { server?: Server } = {};
  const access = await openAccess(
    complete,
    env,
    (what) => {
      parts.logger?.info(`the ${what} have changed`);
      void made.server?.recheckAccess();
    },
    (error) => made.server?.events.emit('error', error),
  );
  const server = new Server(complete, access, env, parts);
  made.server = server;
  return server;
}
