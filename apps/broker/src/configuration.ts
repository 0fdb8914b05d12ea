/**
 * The whole validated configuration, as the server gets it: every default is filled in, every path is absolute,
 * every `{ env = … }` and `{ file = … }` is replaced by its text, and `"unlimited"` has become `Infinity`.
 * What a person may write, with explanations and defaults, is in `schema.ts`.
 */
export interface Configuration {
  /** At least one; names are unique, and no two listen on the same address. */
  readonly listeners: readonly ListenerConfiguration[];
  readonly limits: LimitsConfiguration;
  readonly queue: QueueConfiguration;
  readonly shared: SharedConfiguration;
  readonly access: AccessConfiguration;
  readonly responses: ResponsesConfiguration;
  readonly log: LogConfiguration;
  readonly admin: AdminConfiguration;
  readonly life: LifeConfiguration;
  readonly storage: StorageConfiguration;
  readonly sys: SysConfiguration;
}

export type ListenerConfiguration =
  | TcpListenerConfiguration
  | TlsListenerConfiguration
  | WebSocketListenerConfiguration
  | SecureWebSocketListenerConfiguration
  | UnixListenerConfiguration;

interface ListenerCommon {
  /** In logs and metrics: letters, digits, `-`, `_`, `.`; at most 64 characters. */
  readonly name: string;
  /** Resolved: without a rule in the file it is true only if every bind address is loopback (or a Unix socket) and `proxyProtocol` is false. */
  readonly allowAnonymous: boolean;
  /** Every connection begins with a PROXY protocol header, version 1 or 2; one without is closed. */
  readonly proxyProtocol: boolean;
  /** In the order in which they are asked. Resolved: without a rule, `password` and `scram` if there is a password file, else none. */
  readonly authenticators: readonly AuthenticatorName[];
  readonly capabilities: CapabilitiesConfiguration;
  readonly limits: ListenerLimitsConfiguration;
}

/** `certificate`: the verified client certificate is the proof of identity, and its common name becomes the user name. */
export type AuthenticatorName = 'password' | 'scram' | 'certificate';

interface NetworkListener extends ListenerCommon {
  /** IP addresses or host names to bind, never empty. */
  readonly hosts: readonly string[];
  /** 0 to 65,535; 0 takes any free port (the same for every host is not promised then). */
  readonly port: number;
}

export interface TcpListenerConfiguration extends NetworkListener {
  readonly type: 'tcp';
}

export interface TlsListenerConfiguration extends NetworkListener {
  readonly type: 'tls';
  readonly tls: TlsConfiguration;
}

export interface WebSocketListenerConfiguration extends NetworkListener, WebSocketUpgrade {
  readonly type: 'websocket';
}

export interface SecureWebSocketListenerConfiguration extends NetworkListener, WebSocketUpgrade {
  readonly type: 'secure-websocket';
  readonly tls: TlsConfiguration;
}

interface WebSocketUpgrade {
  /** URL path of the upgrade request, without its query; begins with `/`. */
  readonly path: string;
  /**
   * Origins that a browser may come from, e.g. `https://app.example.com`. `loopback` stands for every origin whose host is
   * localhost, 127.0.0.0/8 or ::1, on any port; `*` for every origin. A request without the header `Origin` is always accepted.
   */
  readonly allowedOrigins: readonly string[];
}

export interface UnixListenerConfiguration extends ListenerCommon {
  readonly type: 'unix';
  /** Absolute path of the socket file. */
  readonly socketPath: string;
  /** Permission bits of the socket file, e.g. 0o660. */
  readonly socketMode: number;
}

export interface TlsConfiguration extends CertificateConfiguration {
  /** PEM file with the authorities that client certificates are verified against. Always set unless `clientCertificate` is `none`. */
  readonly certificateAuthorityFile?: string;
  /** `request` asks for a certificate and accepts its absence; one that is sent must verify. */
  readonly clientCertificate: 'none' | 'request' | 'require';
  readonly minimumVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Certificates by the name that the client asks for (SNI); any other name gets the listener's own. */
  readonly serverNames: readonly ServerNameConfiguration[];
}

export interface CertificateConfiguration {
  /** PEM file, the leaf certificate first, then its chain. Read again on reload. */
  readonly certificateFile: string;
  /** PEM file. Read again on reload. */
  readonly keyFile: string;
  readonly keyPassphrase?: string;
}

export interface ServerNameConfiguration extends CertificateConfiguration {
  /** A host name in lower case, or `*.` and a host name, which stands for exactly one more label. */
  readonly serverName: string;
}

/** What CONNACK announces (MQTT 5, 3.2.2.3), and what is refused otherwise. */
export interface CapabilitiesConfiguration {
  readonly maximumQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly subscriptionIdentifiersAvailable: boolean;
}

/** Resolved: what the listener does not say is the node's value. The counts hold for this listener, beside those of the node. */
export interface ListenerLimitsConfiguration {
  /** Bytes. */
  readonly maximumPacketSize: number;
  readonly connectDeadlineSeconds: number;
  /** At this listener alone; `Infinity` unless set. */
  readonly connectionsMax: number;
  /** At this listener alone; `Infinity` unless set. */
  readonly connectRatePerSecond: number;
  /** `Infinity`: the client chooses. */
  readonly keepAliveSecondsMax: number;
}

/** Each is at least 1 (the topic aliases and the session expiry may be 0), and `Infinity` where the file says `"unlimited"`. */
export interface LimitsConfiguration {
  /** Bytes, of a packet that a client sends; checked at the fixed header. */
  readonly maximumPacketSize: number;
  readonly connectDeadlineSeconds: number;
  readonly keepAliveSecondsMax: number;
  readonly receiveMaximum: number;
  readonly inflightOutMax: number;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly topicAliasMaximumIn: number;
  readonly topicAliasMaximumOut: number;
  readonly subscriptionsPerClientMax: number;
  readonly filtersPerSubscribeMax: number;
  readonly topicLevelsMax: number;
  readonly propertiesPerPacketMax: number;
  readonly sessionExpirySecondsMax: number;
  /** Session expiry of MQTT 3.1 and 3.1.1 clients without clean session; never more than `sessionExpirySecondsMax`. */
  readonly persistentSessionExpirySeconds: number;
  readonly messageExpirySecondsMax: number;
  readonly sessionsMax: number;
  readonly connectionsMax: number;
  readonly unauthenticatedConnectionsMax: number;
  readonly unauthenticatedBytesMax: number;
  readonly connectRatePerSecond: number;
  readonly retainedMessagesMax: number;
  readonly retainedBytesMax: number;
  readonly authenticationsMax: number;
  readonly authenticationsWaitingMax: number;
  readonly outgoingBytesPerConnectionMax: number;
  /** Bytes; `"automatic"` in the file is resolved to 85 % of what V8 was given. */
  readonly heapBytesMax: number;
}

export interface QueueConfiguration {
  readonly overflow: 'rejectNewest' | 'dropOldest' | 'endSession';
  readonly queueQos0Messages: boolean;
}

export type SharedStrategy = 'roundRobin' | 'random' | 'sticky' | 'clientId' | 'topic' | 'leastInflight';

export interface SharedConfiguration {
  readonly strategy: SharedStrategy;
  /** The first rule whose `filter` covers the topic filter of a shared subscription (the part after `$share/{ShareName}/`) decides. */
  readonly rules: readonly SharedRule[];
}

export interface SharedRule {
  readonly filter: string;
  readonly strategy: SharedStrategy;
}

export interface AccessConfiguration {
  /** Absolute path; absent: nobody has a password. */
  readonly passwordFile?: string;
  /** Absolute path; absent: who is let in may publish and subscribe to everything. */
  readonly aclFile?: string;
}

export interface ResponsesConfiguration {
  /** Response Information of CONNACK; `%c` stands for the client id. Absent: none is given. */
  readonly topicPrefix?: string;
}

export interface LogConfiguration {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: for people if standard output is a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
}

export interface AdminConfiguration {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
}

export interface LifeConfiguration {
  /** 0: everybody is disconnected at once. */
  readonly drainSeconds: number;
  /** How often certificate, password and ACL files are looked at for changes. */
  readonly filePollSeconds: number;
}

export interface StorageConfiguration {
  readonly driver: 'sqlite' | 'memory';
  /** Of the database file of `sqlite`. */
  readonly path: string;
  readonly durability: 'synced' | 'flushed';
  readonly maxBytes: number;
  readonly reserveBytes: number;
  readonly pendingBytesMax: number;
  readonly refuseAfterSeconds: number;
}

export interface SysConfiguration {
  readonly enabled: boolean;
  readonly intervalSeconds: number;
}
