import { type UserProperty } from '@si-mqtt/codec';
import { type Permissions } from './permissions.js';

/** What the listener knows of a verified client certificate. */
export interface ClientCertificate {
  /** The subject's common name (CN); undefined if it has none. */
  readonly commonName: string | undefined;
  /** SHA-256 of the certificate as Node writes it: upper case hexadecimal bytes between colons. */
  readonly fingerprint256: string;
  /** The whole subject, for logs. */
  readonly subject: string;
}

/** Everything an authenticator may judge a CONNECT by. */
export interface Credentials {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly protocolVersion: 3 | 4 | 5;
  readonly listenerName: string;
  /** Undefined on a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** Undefined unless the listener asked for a certificate and verified it. */
  readonly certificate: ClientCertificate | undefined;
}

/** Who a connection is, and what it may do for as long as it lasts. */
export interface Identity {
  /** Undefined is an anonymous client. */
  readonly userName: string | undefined;
  readonly permissions: Permissions;
  /** Asked after a reload of users: false ends the connection with 0x87. Absent: the identity lasts as long as the connection. */
  readonly stillValid?: () => boolean;
}

/** Why a CONNECT or AUTH is refused; the texts are sent to 5.0 clients. */
export interface Refusal {
  /** A CONNACK reason code of 5.0, 0x80 or above. */
  readonly reasonCode: number;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

/** `'undecided'` leaves it to the next authenticator of the list. */
export type AuthenticationResult = { readonly accepted: Identity } | { readonly refused: Refusal } | 'undecided';

/**
 * Decides who a client is. Called once per CONNECT without Authentication Method, for many connections at the same time.
 * A back end that fails rejects the promise: the server then refuses with 0x88 and logs, it never goes on to the next one.
 */
export interface Authenticator {
  /** For log lines and metrics. */
  readonly name: string;
  /** `stillWanted` is false once the connection is gone: work that waits for its turn is then not worth starting. */
  authenticate(credentials: Credentials, stillWanted?: () => boolean): Promise<AuthenticationResult>;
}
