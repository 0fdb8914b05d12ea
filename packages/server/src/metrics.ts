import { type Journal, type JournalMeasures, type JournalWork } from '@si-mqtt/session';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type ConcurrencyLimit } from './access/concurrency-limit.js';
import { type Broker } from './broker.js';
import { type Admission, type AdmissionCounters } from './listeners/admission.js';
import { type ListenerCounters } from './listeners/byte-stream.js';
import { QueueSurvey } from './queue-survey.js';
import { SlowReading } from './slow-reading.js';

/** One metric that reads a plain number when it is scraped, so that the hot path never sees prom-client. */
interface Reading {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** NaN: not known now. */
  read(): number | Promise<number>;
}

/** Where the numbers are; read when somebody scrapes. */
export interface MetricSources {
  readonly broker: Broker;
  readonly admission: Admission;
  readonly authentications: ConcurrencyLimit;
  /** Of the program around the server, if it says so. */
  readonly version?: string | undefined;
  listeners(): readonly MeteredListener[];
}

export interface MeteredListener {
  readonly information: { readonly name: string };
  readonly counters: ListenerCounters;
}

/** All metrics of one server, for `/metrics` and for whoever uses the library. */
export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { broker, admission, authentications, version } = sources;
  for (const reading of [
    ...messageReadings(broker),
    ...queueReadings(broker),
    ...connectionReadings(broker, admission.counters),
    ...authenticationReadings(authentications),
  ])
    register(registry, reading);
  if (version !== undefined) registerVersion(registry, version);
  for (const reading of listenerReadings) registerPerListener(registry, reading, () => sources.listeners());
  const { journaling } = broker;
  if (journaling !== undefined) {
    for (const reading of [...storeReadings(broker, journaling.journal), ...measureReadings(broker, journaling.journal)])
      register(registry, reading);
    if (journaling.journal.work !== undefined) registerCommits(registry, journaling.journal.work);
  }
  return registry;
}

function registerVersion(registry: Registry, version: string): void {
  const help = 'Always 1; the label has the version.';
  new Gauge({ name: 'si_mqtt_build_info', help, labelNames: ['version'], registers: [registry] }).labels(version).set(1);
}

function register(registry: Registry, { name, help, kind, read }: Reading): void {
  const configuration = { name: `si_mqtt_${name}`, help, registers: [registry] };
  if (kind === 'gauge') {
    new Gauge({
      ...configuration,
      async collect() {
        this.set(await read());
      },
    });
  } else {
    new Counter({
      ...configuration,
      async collect() {
        const value = await read();
        this.reset();
        this.inc(value);
      },
    });
  }
}

function registerPerListener(registry: Registry, { name, help, read }: ListenerReading, listeners: () => readonly MeteredListener[]): void {
  new Counter({
    name: `si_mqtt_listener_${name}`,
    help,
    labelNames: ['listener'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { information, counters } of listeners()) this.inc({ listener: information.name }, read(counters));
    },
  });
}

/** A histogram that is counted where the commits are. */
function registerCommits(registry: Registry, work: JournalWork): void {
  new Counter({
    name: 'si_mqtt_store_commits_within_total',
    help: 'Commits of the store that took at most so many seconds.',
    labelNames: ['le'],
    registers: [registry],
    collect() {
      this.reset();
      let sum = 0;
      for (const [index, count] of work.commitCounts.entries()) {
        sum += count;
        const bound = work.commitBounds[index];
        this.inc({ le: bound === undefined ? '+Inf' : String(bound / 1000) }, sum);
      }
    },
  });
}

const counter = (name: string, help: string, read: () => number): Reading => ({ name, help, kind: 'counter', read });
const gauge = (name: string, help: string, read: () => number | Promise<number>): Reading => ({ name, help, kind: 'gauge', read });

function storeReadings({ counters }: Broker, journal: Journal): Reading[] {
  const work = () => journal.work;
  return [
    gauge('store_ready', '1: the store takes what is new; 0: it is full, has not answered for too long, or lacks what it had.', () =>
      journal.condition === 'ready' || journal.condition === 'congested' ? 1 : 0,
    ),
    gauge('store_pending_operations', 'Changes that are recorded and not yet committed.', () => work()?.pendingOperations ?? 0),
    gauge('store_pending_bytes', 'Bytes that are recorded and not yet committed.', () => work()?.pendingBytes ?? 0),
    gauge(
      'store_commit_age_seconds',
      'Since the commit that is under way began; 0: none is.',
      () => (work()?.commitMilliseconds ?? 0) / 1000,
    ),
    counter('store_commits_total', 'Commits of the store.', () => work()?.commits ?? 0),
    counter('store_commit_seconds_total', 'Seconds that commits took.', () => work()?.commitSeconds ?? 0),
    counter('store_commit_bytes_total', 'Bytes of the records that were committed.', () => work()?.commitBytes ?? 0),
    counter('store_retries_total', 'Calls of the store that failed and were made again.', () => work()?.retries ?? 0),
    counter('store_dropped_changes_total', 'Changes without a message that the store takes at no time.', () => work()?.droppedEntries ?? 0),
    counter('store_refusing_total', 'What was refused because the store was full or away.', () => counters.storeRefusing),
    counter('store_refused_messages_total', 'Messages that the store takes at no time.', () => counters.storeRefused),
  ];
}

/** What only the store itself knows. */
function measureReadings({ parts }: Broker, journal: Journal): Reading[] {
  if (journal.measure === undefined) return [];
  const measures = new SlowReading(parts.env, () => journal.measure!());
  const of = (name: keyof JournalMeasures) => async () => (await measures.value())?.[name] ?? Number.NaN;
  return [
    gauge('store_log_records', 'Records of the log that are not collected yet; NaN: the store does not answer.', of('logRecords')),
    gauge('store_database_bytes', 'Bytes of the database; NaN: the store does not answer.', of('databaseBytes')),
    gauge('store_disk_free_bytes', 'Bytes that are free where the database is; NaN: the broker cannot know.', of('diskFreeBytes')),
  ];
}

function queueReadings(broker: Broker): Reading[] {
  const { env } = broker.parts;
  const survey = new QueueSurvey(broker);
  const totals = new SlowReading(env, () => survey.totals());
  const of = (name: 'messages' | 'bytes' | 'inflight') => async () => (await totals.value())?.[name] ?? Number.NaN;
  return [
    gauge('queued_messages', 'Messages that wait in the queues of sessions and of shared subscriptions.', of('messages')),
    gauge('queued_bytes', 'Bytes of the messages that wait.', of('bytes')),
    gauge('inflight_messages', 'Messages of QoS 1 and 2 that were sent and are not acknowledged.', of('inflight')),
    gauge('queue_oldest_seconds', 'Since the message that has waited longest came; 0: none waits; NaN: not known yet.', async () => {
      const { messages = Number.NaN, oldestAt } = (await totals.value()) ?? {};
      if (oldestAt === undefined) return messages === 0 ? 0 : Number.NaN;
      return Math.max(0, env.now() - oldestAt) / 1000;
    }),
  ];
}

function messageReadings({ counters, drops, parts, routing }: Broker): Reading[] {
  return [
    counter('bytes_received_total', 'Bytes read from clients.', () => counters.bytesReceived),
    counter('bytes_sent_total', 'Bytes written to clients.', () => counters.bytesSent),
    counter('packets_received_total', 'Control packets read from clients.', () => counters.packetsReceived),
    counter(
      'publish_received_total',
      'Messages taken from clients, of wills, and of the program that runs the server; $SYS is not counted.',
      () => counters.publishReceived,
    ),
    counter('publish_sent_total', 'PUBLISH packets sent to clients.', () => counters.publishSent),
    counter('publish_refused_total', 'Publications that the access rules refused.', () => counters.publishRefused),
    counter('publish_unmatched_total', 'Messages that no subscription of this node matched.', () => counters.publishUnmatched),
    counter('dropped_queue_full_total', 'Deliveries dropped because a session queue was full.', () => drops.queueFull),
    counter('dropped_overloaded_total', 'Deliveries not queued because the heap was above heapBytesMax.', () => drops.overloaded),
    counter('dropped_not_drained_total', 'QoS 0 deliveries dropped because the socket had not drained.', () => drops.notDrained),
    counter('dropped_offline_total', 'QoS 0 deliveries dropped because the session was offline.', () => drops.offline),
    counter('dropped_too_large_total', 'Deliveries larger than the Maximum Packet Size of the client.', () => drops.tooLarge),
    counter('dropped_expired_total', 'Deliveries whose Message Expiry Interval passed in a queue.', () => drops.expired),
    counter(
      'dropped_not_allowed_total',
      'Deliveries that waited until the access rules withdrew their subscription.',
      () => drops.notAllowed,
    ),
    counter('retained_refused_total', 'Messages not retained because the store was full.', () => counters.retainedRefused),
    gauge('subscriptions', 'Subscriptions of this node.', () => routing.subscriptions),
    gauge('shared_groups', 'Shared subscriptions with at least one member.', () => routing.sharedGroups),
    gauge('retained_messages', 'Retained messages.', () => parts.retained.messages),
    gauge('retained_bytes', 'Bytes of the retained messages.', () => parts.retained.bytes),
  ];
}

function connectionReadings({ counters, clients }: Broker, admission: AdmissionCounters): Reading[] {
  return [
    counter('connections_accepted_total', 'CONNECTs accepted.', () => counters.connectionsAccepted),
    counter('connections_refused_total', 'CONNECTs refused.', () => counters.connectionsRefused),
    counter('authentications_refused_total', 'Authentications refused.', () => counters.authenticationsRefused),
    counter('subscribes_refused_total', 'Topic filters refused in SUBACK.', () => counters.subscribesRefused),
    counter('protocol_errors_total', 'Connections that broke the protocol.', () => counters.protocolErrors),
    counter('keep_alive_timeouts_total', 'Connections closed because nothing came in time.', () => counters.keepAliveTimeouts),
    counter('takeovers_total', 'Connections replaced by a newer one with the same client identifier.', () => counters.takeovers),
    counter('wills_published_total', 'Will messages published.', () => counters.willsPublished),
    counter(
      'wills_refused_total',
      'Will messages that the access rules refused, or a store that was full or away.',
      () => counters.willsRefused,
    ),
    counter('sessions_expired_total', 'Sessions that ended by their expiry.', () => counters.sessionsExpired),
    counter('sessions_refused_total', 'CONNECTs refused because of sessionsMax.', () => counters.sessionsRefused),
    counter('queue_overflow_ends_total', 'Sessions ended because their queue was full.', () => counters.queueOverflowEnds),
    counter(
      'slow_connections_closed_total',
      'Connections closed because of outgoingBytesPerConnectionMax.',
      () => counters.slowConnectionsClosed,
    ),
    counter('overload_refused_total', 'CONNECTs refused because the heap was above heapBytesMax.', () => counters.overloadRefused),
    counter('connect_deadline_closed_total', 'Connections without CONNECT in time.', () => admission.closedByConnectDeadline),
    counter(
      'unauthenticated_bytes_closed_total',
      'Connections closed because of unauthenticatedBytesMax.',
      () => admission.closedByUnauthenticatedBytesMax,
    ),
    counter('connections_max_refused_total', 'Connections refused because of connectionsMax.', () => admission.refusedByConnectionsMax),
    counter('connect_rate_refused_total', 'Connections refused because of connectRatePerSecond.', () => admission.refusedByConnectRate),
    counter(
      'unauthenticated_connections_max_refused_total',
      'Connections refused because of unauthenticatedConnectionsMax.',
      () => admission.refusedByUnauthenticatedConnectionsMax,
    ),
    counter(
      'listener_connections_max_refused_total',
      'Connections refused because of connectionsMax of their listener.',
      () => admission.refusedByListenerConnectionsMax,
    ),
    counter(
      'listener_connect_rate_refused_total',
      'Connections refused because of connectRatePerSecond of their listener.',
      () => admission.refusedByListenerConnectRate,
    ),
    counter('connections_admitted_total', 'Network connections that no limit refused.', () => admission.admitted),
    gauge('connections', 'Network connections, those without CONNECT included.', () => admission.connections),
    gauge(
      'connected_clients',
      'Clients whose CONNECT was accepted and that are still there.',
      () => admission.connections - admission.unauthenticatedConnections,
    ),
    gauge('unauthenticated_connections', 'Connections whose CONNECT is not accepted yet.', () => admission.unauthenticatedConnections),
    gauge('unauthenticated_bytes', 'Bytes that these have sent.', () => admission.unauthenticatedBytes),
    gauge('sessions', 'Sessions, connected or not.', () => clients.size),
  ];
}

/** Verifications of passwords, which are costly and therefore limited. */
function authenticationReadings(limit: ConcurrencyLimit): Reading[] {
  return [
    gauge('authentications_running', 'Passwords that are being verified.', () => limit.running),
    gauge('authentications_waiting', 'Passwords that wait to be verified.', () => limit.waiting),
    counter('authentications_completed_total', 'Passwords that were verified, right or wrong.', () => limit.completedTotal),
    counter(
      'authentications_waiting_max_refused_total',
      'Authentications refused because of authenticationsWaitingMax.',
      () => limit.refusedTotal,
    ),
    counter('authentications_abandoned_total', 'Authentications whose connection had gone before their turn.', () => limit.abandonedTotal),
  ];
}

interface ListenerReading {
  readonly name: string;
  readonly help: string;
  read(counters: ListenerCounters): number;
}

const listenerReadings: readonly ListenerReading[] = [
  { name: 'accepted_total', help: 'Connections that came through TLS and upgrade.', read: ({ accepted }) => accepted },
  {
    name: 'proxy_header_errors_total',
    help: 'PROXY protocol headers that were missing, malformed or too long.',
    read: ({ proxyHeaderErrors }) => proxyHeaderErrors,
  },
  { name: 'tls_handshake_errors_total', help: 'TLS handshakes that failed.', read: ({ tlsHandshakeErrors }) => tlsHandshakeErrors },
  {
    name: 'upgrades_refused_total',
    help: 'HTTP requests that were no acceptable WebSocket upgrade.',
    read: ({ upgradesRefused }) => upgradesRefused,
  },
  {
    name: 'accept_errors_total',
    help: 'Connections that the system could not hand over, for want of file descriptors, say.',
    read: ({ acceptErrors }) => acceptErrors,
  },
];
