/** What the configuration says of one listener. The names are those of the broker's configuration file. */
export type ListenerOptions =
  | TcpListenerOptions
  | TlsListenerOptions
  | WebSocketListenerOptions
  | SecureWebSocketListenerOptions
  | UnixListenerOptions;

export type ListenerType = ListenerOptions['type'];

/** What a connection may ask its listener for: one object per listener, shared by all its streams. */
export interface ListenerInformation {
  /** In logs and metrics. */
  readonly name: string;
  readonly type: ListenerType;
  /** Whether clients may connect without a user name. Decided by the configuration, never by the peer's address. */
  readonly allowAnonymous: boolean;
  /** Every connection begins with a PROXY protocol header, version 1 or 2; one without is closed. */
  readonly proxyProtocol: boolean;
  /** In the order in which they are asked. */
  readonly authenticators: readonly AuthenticatorName[];
  readonly capabilities: ListenerCapabilities;
  readonly limits: ListenerLimits;
}

/** `certificate`: the verified client certificate is the proof of identity, and its common name becomes the user name. */
export type AuthenticatorName = 'password' | 'scram' | 'certificate';

/** What CONNACK announces (MQTT 5, 3.2.2.3), and what is refused otherwise. */
export interface ListenerCapabilities {
  readonly maximumQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly subscriptionIdentifiersAvailable: boolean;
}

/** Limits that hold at one listener, beside those of the node. `Infinity` is "unlimited". */
export interface ListenerLimits {
  /** Bytes of the largest packet that a client may send. */
  readonly maximumPacketSize: number;
  /** From accepting a connection to accepting its CONNECT. */
  readonly connectDeadlineSeconds: number;
  readonly connectionsMax: number;
  readonly connectRatePerSecond: number;
  readonly keepAliveSecondsMax: number;
}

interface NetworkListenerOptions extends ListenerInformation {
  /** IP addresses or host names to bind, never empty. */
  readonly hosts: readonly string[];
  /** 0 takes any free port: the same for every host where possible. */
  readonly port: number;
}

export interface TcpListenerOptions extends NetworkListenerOptions {
  readonly type: 'tcp';
}

export interface TlsListenerOptions extends NetworkListenerOptions {
  readonly type: 'tls';
  readonly tls: TlsOptions;
}

export interface WebSocketListenerOptions extends NetworkListenerOptions, WebSocketUpgradeOptions {
  readonly type: 'websocket';
}

export interface SecureWebSocketListenerOptions extends NetworkListenerOptions, WebSocketUpgradeOptions {
  readonly type: 'secure-websocket';
  readonly tls: TlsOptions;
}

export interface UnixListenerOptions extends ListenerInformation {
  readonly type: 'unix';
  /** Absolute path of the socket file. */
  readonly socketPath: string;
  /** Permission bits of the socket file, e.g. 0o660. */
  readonly socketMode: number;
}

export interface WebSocketUpgradeOptions {
  /** URL path of the upgrade request, without its query; begins with `/`. */
  readonly path: string;
  /**
   * Web pages that may connect: origins such as `https://app.example.com`; `loopback` stands for every origin whose host is localhost,
   * 127.0.0.0/8 or ::1, on any port; `*` for every origin. A request without the header `Origin` is always accepted.
   */
  readonly allowedOrigins: readonly string[];
}

export interface TlsOptions extends CertificateOptions {
  /** PEM file with the authorities that client certificates are verified against. Needed unless `clientCertificate` is `none`. */
  readonly certificateAuthorityFile?: string;
  /** `request` asks for a certificate and accepts its absence; one that is sent must verify. */
  readonly clientCertificate: 'none' | 'request' | 'require';
  readonly minimumVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Certificates by the name that the client asks for (SNI); any other name gets the listener's own. */
  readonly serverNames: readonly ServerNameOptions[];
}

export interface CertificateOptions {
  /** PEM file, the leaf certificate first, then its chain. Read again on reload. */
  readonly certificateFile: string;
  /** PEM file. Read again on reload. */
  readonly keyFile: string;
  readonly keyPassphrase?: string;
}

export interface ServerNameOptions extends CertificateOptions {
  /** A host name in lower case, or `*.` and a host name, which stands for exactly one more label. */
  readonly serverName: string;
}
