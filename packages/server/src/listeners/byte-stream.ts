import { type ClientCertificate } from '../access/authenticator.js';
import { type AdmissionTicket } from './admission.js';
import { type ListenerInformation, type ListenerType } from './listener-options.js';

/** What a byte stream calls on its connection. Nothing is called before `attach`, and nothing after `closed`. */
export interface ByteStreamReceiver {
  /**
   * Bytes from the peer, in order. The chunk is valid until the call returns: whoever keeps a part copies it.
   *
   * @param readBytes size of the read from the socket that brought the chunk, if it is not the chunk itself
   * @param length how many bytes of the chunk came, if it has room for more
   */
  received(chunk: Uint8Array, readBytes?: number, length?: number): void;
  /** Everything that was written has left the process. Called after a `write` that returned false. */
  drained(): void;
  /** The last call, exactly once. The error is undefined if the connection was closed without one. */
  closed(error: Error | undefined): void;
  /** The peer sends no more; all that was read before has been handed over. Writing goes on where the transport allows it. */
  ended(): void;
}

/** One accepted connection as a duplex stream of bytes: the same for every transport. */
export interface ByteStream {
  /** An object that all streams of a listener share. */
  readonly listener: ListenerInformation;
  /** From the PROXY header if there is one; undefined on a Unix socket, and once the socket is closed. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Undefined unless the listener, or the proxy in front of it, verified a client certificate. */
  readonly certificate: ClientCertificate | undefined;
  /** The connection calls `accepted` on it when CONNECT is accepted; everything else is the stream's own business. */
  readonly admission: AdmissionTicket;
  /** Must be called in the call that hands over the stream. Reading begins; bytes that came before are handed over first. */
  attach(receiver: ByteStreamReceiver): void;
  /**
   * Takes ownership of the bytes, and of those that follow them: they must not change afterwards. False: they have not all left yet, `drained`
   * follows.
   */
  write(bytes: Uint8Array, following?: Uint8Array): boolean;
  /** Bytes that were written and not yet handed to the kernel. */
  readonly pendingBytes: number;
  /** `received` and `ended` are not called until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes; nothing more is received. A peer that does not read is cut off after 2 seconds. */
  end(): void;
  /** Closes at once; what was not yet sent is lost. */
  destroy(): void;
}

/** Where a listener listens, after it was bound. */
export interface ListenerAddress {
  readonly name: string;
  readonly type: ListenerType;
  /** One per bound address; empty on a Unix socket. A missing IPv6 loopback is left out if another address could be bound. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly socketPath: string | undefined;
  /** For people: `mqtt://`, `mqtts://`, `ws://`, `wss://` with the path, or `unix:` and the path of the socket. */
  readonly urls: readonly string[];
}

/** Connections that a listener closed before it handed them over, by reason; plain numbers that metrics read. */
export interface ListenerCounters {
  /** Streams that were handed over. */
  accepted: number;
  /** Missing, malformed or too long PROXY protocol headers. */
  proxyHeaderErrors: number;
  tlsHandshakeErrors: number;
  /** HTTP requests that were no acceptable WebSocket upgrade: path, subprotocol, origin, method. */
  upgradesRefused: number;
  /** Accepting failed in the kernel, for instance because there are no file descriptors left. */
  acceptErrors: number;
}

/** Called once for each accepted connection; must attach a receiver before it returns. */
export type StreamHandler = (stream: ByteStream) => void;

/** A connection that does not become a stream, and why. */
export type RefusalHandler = (reason: string, remoteAddress: string | undefined) => void;
