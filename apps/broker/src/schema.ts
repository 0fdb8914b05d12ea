import { type CompleteServerOptions } from '@si-mqtt/server';
import { z } from 'zod';
import {
  type LifeConfiguration,
  type LimitsConfiguration,
  type ListenerConfiguration,
  type ListenerLimitsConfiguration,
  type LogConfiguration,
} from './configuration.js';
import { filePath, limit, limitOr, MIB, text, unlimited, wholeNumber } from './schema-values.js';
import { storageSchema, type WrittenStorage } from './storage-schema.js';

/** A listener as the file has it: what its surroundings decide may still be absent (`resolve.ts` decides it). */
export type WrittenListener = Unresolved<ListenerConfiguration>;
type Unresolved<L> = L extends ListenerConfiguration
  ? Omit<L, 'limits' | 'hosts' | 'allowAnonymous' | 'authenticators'> &
      Partial<Pick<L, Extract<keyof L, 'hosts' | 'allowAnonymous' | 'authenticators'>>> & {
        readonly limits: Partial<ListenerLimitsConfiguration>;
      }
  : never;

/** The file after the schema: defaults filled in, paths still as they were written. */
export interface WrittenConfiguration extends Omit<CompleteServerOptions, 'listeners' | 'limits' | 'life'> {
  readonly listeners?: readonly WrittenListener[];
  readonly limits: Omit<LimitsConfiguration, 'heapBytesMax'> & { readonly heapBytesMax: number | 'automatic' };
  readonly log: LogConfiguration;
  readonly life: LifeConfiguration;
  readonly storage: WrittenStorage;
}

const DAY_SECONDS = 86_400;
/** Largest Remaining Length (MQTT 5, 1.5.5) and its five bytes of fixed header. */
const PACKET_BYTES_MAX = 268_435_460;

const portNumber = () => wholeNumber(0, 65_535);
const hostName = () => text().regex(/^[0-9A-Za-z.:_%-]+$/, { error: 'an IP address or a host name, without a port and without brackets' });

const capabilities = z
  .strictObject({
    maximumQos: z
      .union([z.literal(0), z.literal(1), z.literal(2)], { error: '0, 1 or 2' })
      .default(2)
      .describe('Highest QoS of a PUBLISH that clients may send here, and of what they are sent.'),
    retainAvailable: z.boolean().default(true).describe('Whether messages may be retained.'),
    wildcardSubscriptionAvailable: z.boolean().default(true).describe('Whether topic filters may contain + and #.'),
    sharedSubscriptionAvailable: z.boolean().default(true).describe('Whether clients may subscribe to $share/{ShareName}/{filter}.'),
    subscriptionIdentifiersAvailable: z.boolean().default(true).describe('Whether SUBSCRIBE may carry a Subscription Identifier.'),
  })
  .prefault({})
  .describe('What clients may use at this listener; MQTT 5 clients are told in CONNACK.');

const listenerLimits = z
  .strictObject({
    maximumPacketSize: wholeNumber(64, PACKET_BYTES_MAX).optional().describe('Bytes. Instead of limits.maximumPacketSize.'),
    connectDeadlineSeconds: limit(3600).optional().describe('Instead of limits.connectDeadlineSeconds.'),
    connectionsMax: limit().optional().describe('Connections at this listener, beside limits.connectionsMax for the node.'),
    connectRatePerSecond: limit()
      .optional()
      .describe('New connections per second at this listener, beside limits.connectRatePerSecond for the node.'),
    keepAliveSecondsMax: unlimited(65_535).optional().describe('Instead of limits.keepAliveSecondsMax.'),
  })
  .prefault({})
  .describe('Limits of this listener.');

const certificate = {
  certificateFile: filePath().describe('PEM file: the certificate, then its chain. Read again on SIGHUP and when it changes.'),
  keyFile: filePath().describe('PEM file: the private key. Read again on SIGHUP and when it changes.'),
  keyPassphrase: text().optional().describe('Passphrase of the private key; better as { env = "NAME" } or { file = "path" }.'),
};

const tls = z
  .strictObject({
    ...certificate,
    certificateAuthorityFile: filePath().optional().describe('PEM file: the authorities that client certificates are verified against.'),
    clientCertificate: z
      .enum(['none', 'request', 'require'])
      .default('none')
      .describe('Whether clients show a certificate: "none" (not asked), "request" (may) or "require" (must).'),
    minimumVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Oldest TLS version that is spoken.'),
    serverNames: z
      .array(
        z.strictObject({
          serverName: z
            .string()
            .regex(/^(\*\.)?([0-9a-z_]([0-9a-z_-]*[0-9a-z_])?\.)*[0-9a-z_]([0-9a-z_-]*[0-9a-z_])?$/, {
              error: 'a host name in lower case, which may begin with "*."',
            })
            .describe('Name that the client asks for; "*.example.com" stands for any one label before it.'),
          ...certificate,
        }),
      )
      .default([])
      .describe('Certificates by server name (SNI); other names get the one above.'),
  })
  .describe('Certificate of this listener, and of its clients.');

const common = {
  name: z
    .string()
    .regex(/^[0-9A-Za-z._-]{1,64}$/, { error: '1 to 64 letters, digits, "-", "_" or "."' })
    .describe('Name in logs and metrics.'),
  allowAnonymous: z
    .boolean()
    .optional()
    .describe(
      'Whether clients may connect without a user name. When not set: only if every address is loopback (or a Unix socket), and proxyProtocol is false.',
    ),
  proxyProtocol: z.boolean().default(false).describe('Whether every connection begins with a PROXY protocol header (version 1 or 2).'),
  authenticators: z
    .array(z.enum(['password', 'scram', 'certificate']))
    .optional()
    .describe(
      'How clients prove who they are: "password" (user name and password of access.passwordFile), "scram" (SCRAM-SHA-256, MQTT 5), "certificate" (the common name of the client certificate becomes the user name). When not set: password and scram if there is a password file.',
    ),
  capabilities,
  limits: listenerLimits,
};
const network = (port: number) => ({
  hosts: z
    .array(hostName())
    .min(1)
    .optional()
    .describe('Addresses to listen on; "0.0.0.0" and "::" are all. When not set: loopback, 127.0.0.1 and ::1.'),
  port: portNumber().default(port).describe('TCP port; 0 takes a free one.'),
});
const originForm = 'an origin such as "https://app.example.com" (no path, no slash at the end), "loopback" or "*"';
const webSocket = {
  path: z
    .string()
    .regex(/^\/[^?#\s]*$/, { error: 'a URL path that begins with "/", without a query' })
    .default('/mqtt')
    .describe('URL path of the upgrade request.'),
  allowedOrigins: z
    .array(
      z.union([z.literal('loopback'), z.literal('*'), z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/, { error: originForm })], {
        error: originForm,
      }),
    )
    .default(['loopback'])
    .describe(
      'Web pages that may connect: origins such as "https://app.example.com"; "loopback" stands for localhost, 127.0.0.0/8 and ::1 on any port, "*" for every page. Clients that are no web page send no Origin and are not concerned.',
    ),
};

const listener = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('tcp'), ...common, ...network(1883) }),
    z.strictObject({ type: z.literal('tls'), ...common, ...network(8883), tls }),
    z.strictObject({ type: z.literal('websocket'), ...common, ...network(8083), ...webSocket }),
    z.strictObject({ type: z.literal('secure-websocket'), ...common, ...network(8084), ...webSocket, tls }),
    z.strictObject({
      type: z.literal('unix'),
      ...common,
      socketPath: filePath().describe('Path of the socket file.'),
      socketMode: wholeNumber(0, 0o777).default(0o660).describe('Permission bits of the socket file: who may connect.'),
    }),
  ],
  { error: '"tcp", "tls", "websocket", "secure-websocket" or "unix"' },
);

const limits = z
  .strictObject({
    maximumPacketSize: wholeNumber(64, PACKET_BYTES_MAX)
      .default(MIB)
      .describe('Bytes. Largest packet that clients may send; refused at its first bytes, before anything is stored.'),
    connectDeadlineSeconds: limit(3600)
      .default(10)
      .describe('From accepting a connection to its complete CONNECT, with PROXY header, TLS handshake and WebSocket upgrade.'),
    keepAliveSecondsMax: unlimited(65_535)
      .prefault('unlimited')
      .describe('Longest keep alive. MQTT 5 clients that ask for more, or for none, get this as Server Keep Alive.'),
    receiveMaximum: limit(65_535).default(100).describe('QoS 1 and 2 messages that an MQTT 5 client may have in flight to the broker.'),
    inflightOutMax: limit(65_535).default(100).describe('QoS 1 and 2 messages in flight to one client; its Receive Maximum may lower it.'),
    queueMessagesMax: unlimited().prefault(10_000).describe('Messages that wait in one session, for a slow or absent client.'),
    queueBytesMax: unlimited()
      .prefault(16 * MIB)
      .describe('Bytes of the messages that wait in one session.'),
    topicAliasMaximumIn: wholeNumber(0, 65_535).default(16).describe('Topic aliases that an MQTT 5 client may use; 0 is none.'),
    topicAliasMaximumOut: wholeNumber(0, 65_535)
      .default(16)
      .describe('Topic aliases that the broker uses, if the client allows as many; 0 is none.'),
    subscriptionsPerClientMax: unlimited().prefault(1000).describe('Subscriptions of one client.'),
    filtersPerSubscribeMax: unlimited().prefault(100).describe('Topic filters in one SUBSCRIBE or UNSUBSCRIBE.'),
    topicLevelsMax: limit(65_536).default(64).describe('Levels of a topic name or topic filter.'),
    propertiesPerPacketMax: limit().default(100).describe('Properties in one packet, user properties included.'),
    sessionExpirySecondsMax: unlimited(4_294_967_294, 0)
      .prefault(30 * DAY_SECONDS)
      .describe('Longest time that the session of an absent client is kept; also bounds the Will Delay Interval.'),
    persistentSessionExpirySeconds: unlimited(4_294_967_294)
      .prefault(7 * DAY_SECONDS)
      .describe(
        'How long the session of an absent MQTT 3.1 or 3.1.1 client without clean session is kept; at most sessionExpirySecondsMax.',
      ),
    messageExpirySecondsMax: unlimited(4_294_967_295)
      .prefault('unlimited')
      .describe('Longest life of a queued or retained message, also of one without Message Expiry Interval.'),
    sessionsMax: unlimited().prefault(1_000_000).describe('Sessions, with and without a connection.'),
    connectionsMax: unlimited()
      .prefault(100_000)
      .describe('Network connections; never more than the system lets the process have (`ulimit -n`) less what the broker needs itself.'),
    unauthenticatedConnectionsMax: unlimited().prefault(20_000).describe('Connections whose CONNECT is not yet accepted.'),
    unauthenticatedBytesMax: unlimited()
      .prefault(64 * MIB)
      .describe('Bytes stored for all connections whose CONNECT is not yet accepted.'),
    connectRatePerSecond: unlimited().prefault(5000).describe('New connections per second; more are closed at once.'),
    retainedMessagesMax: unlimited().prefault(1_000_000).describe('Retained messages.'),
    retainedBytesMax: unlimited()
      .prefault(256 * MIB)
      .describe('Bytes of all retained messages.'),
    authenticationsMax: limit(1024).default(4).describe('Authentications at the same time (verifying one argon2id password holds 19 MiB).'),
    authenticationsWaitingMax: unlimited()
      .prefault(10_000)
      .describe('Connections that wait for their turn to be authenticated; more are refused as "server busy".'),
    outgoingBytesPerConnectionMax: limit()
      .default(MIB)
      .describe(
        'Acknowledgements and control packets that wait for one socket; a client that reads too slowly even for these is disconnected.',
      ),
    heapBytesMax: limitOr('automatic', 'automatic' as const)
      .prefault('automatic')
      .describe(
        'Bytes of JavaScript heap above which new connections and queued messages are refused; "automatic" is 85 % of what Node.js was given.',
      ),
  })
  .prefault({})
  .describe('Limits of the node. Each is at least 1 where 0 is not mentioned; "unlimited" switches one off where that is possible.');

const strategy = () => z.enum(['roundRobin', 'random', 'sticky', 'clientId', 'topic', 'leastInflight']);
const levelWildcards = /^(?:[^+#/\0]*|\+)(?:\/(?:[^+#/\0]*|\+))*(?:\/#)?$/;
const topicFilter = () =>
  text().refine((filter) => filter === '#' || levelWildcards.test(filter), {
    error: 'a topic filter: + and # stand alone in their level, # only at the end',
  });

/** What may be in the file. The descriptions are the explanations in `config/config.default.toml` and `docs/configuration.md`. */
export const configurationSchema: z.ZodType<WrittenConfiguration> = z.strictObject({
  listeners: z
    .array(listener)
    .min(1)
    .optional()
    .describe('Where clients connect. When not set: TCP on port 1883 and WebSocket on port 8083, both on loopback.'),
  limits,
  queue: z
    .strictObject({
      overflow: z
        .enum(['rejectNewest', 'dropOldest', 'endSession'])
        .default('rejectNewest')
        .describe(
          'What happens when the queue of a session is full: "rejectNewest" (the publisher is told, MQTT 5), "dropOldest" or "endSession".',
        ),
      queueQos0Messages: z.boolean().default(false).describe('Whether QoS 0 messages wait for absent clients too.'),
    })
    .prefault({})
    .describe('Messages for slow and absent clients.'),
  shared: z
    .strictObject({
      strategy: strategy()
        .default('roundRobin')
        .describe(
          'Which member of a shared subscription gets a message: "roundRobin", "random", "sticky" (one until it leaves), "clientId" (by the publisher), "topic" (by the topic name) or "leastInflight".',
        ),
      rules: z
        .array(
          z.strictObject({
            filter: topicFilter().describe('Topic filter that covers the filter of the shared subscription.'),
            strategy: strategy().describe('Strategy for these.'),
          }),
        )
        .default([])
        .describe('Other strategies for some topic filters; the first rule that covers a filter decides.'),
    })
    .prefault({})
    .describe('Shared subscriptions.'),
  access: z
    .strictObject({
      passwordFile: filePath()
        .optional()
        .describe('Users and passwords, in mosquitto\'s format; "si-mqtt passwd" writes it. Read again on SIGHUP and when it changes.'),
      aclFile: filePath()
        .optional()
        .describe(
          "Access rules, in mosquitto's format. When not set, every client that is let in may use every topic. Read again on SIGHUP and when it changes.",
        ),
    })
    .prefault({})
    .describe('Who may do what.'),
  responses: z
    .strictObject({
      topicPrefix: text()
        .refine((prefix) => !/[+#\0]/.test(prefix), { error: 'a topic name without +, # and U+0000' })
        .optional()
        .describe('Response Information for MQTT 5 clients that ask for it; %c stands for the client id.'),
      reasonStrings: z.boolean().default(true).describe('Whether refusals tell MQTT 5 clients why, in a Reason String.'),
    })
    .prefault({})
    .describe('What MQTT 5 clients are told.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('Least severity that is logged.'),
      format: z
        .enum(['auto', 'json', 'pretty'])
        .default('auto')
        .describe('"json", "pretty" for people, or "auto": pretty on a terminal, otherwise JSON.'),
    })
    .prefault({})
    .describe('Logs go to standard output; payloads and secrets are never logged.'),
  admin: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether /metrics, /healthz and /readyz are served.'),
      host: hostName().default('127.0.0.1').describe('Address to listen on. Nothing here asks for a password.'),
      port: portNumber().default(9883).describe('TCP port; 0 takes a free one.'),
    })
    .prefault({})
    .describe('HTTP for operators.'),
  life: z
    .strictObject({
      drainSeconds: wholeNumber(0, 3600)
        .default(5)
        .describe('Over how much time clients are disconnected when the broker is asked to stop.'),
      filePollSeconds: limit(3600).default(5).describe('How often certificate, password and ACL files are looked at for changes.'),
    })
    .prefault({})
    .describe('Start and stop.'),
  storage: storageSchema,
  sys: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the topics $SYS/broker/… are published.'),
      intervalSeconds: limit(86_400).default(10).describe('How often they are published.'),
    })
    .prefault({})
    .describe('Statistics as messages.'),
});
