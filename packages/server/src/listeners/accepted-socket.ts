import { type Socket } from 'node:net';
import { type ClientCertificate } from '../access/authenticator.js';
import { type AdmissionTicket } from './admission.js';
import { type ProxiedConnection } from './proxy-header.js';

const acceptance: unique symbol = Symbol('acceptance');

/** What is known of a connection before it has become a stream. It hangs on the socket, so that listener functions can be shared. */
export interface Acceptance {
  readonly ticket: AdmissionTicket;
  /** Whether the socket reads into the shared buffer, so that its SharedReading gets the bytes. */
  readonly sharedBuffer: boolean;
  /** From the PROXY header; undefined without one, or if the proxy speaks for itself (LOCAL, UNKNOWN). */
  proxied: ProxiedConnection | undefined;
  /** From the TLS handshake of this listener. */
  certificate: ClientCertificate | undefined;
}

type AcceptedSocket = Socket & { [acceptance]?: Acceptance };

export function setAcceptance(socket: Socket, value: Acceptance): void {
  (socket as AcceptedSocket)[acceptance] = value;
}

export function acceptanceOf(socket: Socket): Acceptance {
  const value = (socket as AcceptedSocket)[acceptance];
  if (value === undefined) throw new Error('assertion failed: the socket did not come through a SocketAcceptor');
  return value;
}

/** The next step of an accepted connection: TLS, the WebSocket upgrade, or the stream itself. `early` was read together with the PROXY header. */
export type SocketHandler = (socket: Socket, early: Uint8Array | undefined) => void;
