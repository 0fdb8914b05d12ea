import { type Socket } from 'node:net';
import { type Admission, type AdmissionGate } from './admission.js';
import { type ListenerAddress, type ListenerCounters, type RefusalHandler, type StreamHandler } from './byte-stream.js';
import { type ListenerInformation, type ListenerLimits, type ListenerOptions, type ListenerType } from './listener-options.js';
import { bracketed, SocketAcceptor, watchSocket } from './socket-acceptor.js';
import { directReading, SocketStream, TLS_PENDING_BYTES_MAX } from './socket-stream.js';
import { TlsTermination } from './tls-termination.js';
import { bindSocketFile } from './unix-socket.js';
import { copyingReading, WebSocketStream } from './websocket-stream.js';
import { WebSocketUpgrade } from './websocket-upgrade.js';

const SCHEMES: Readonly<Record<Exclude<ListenerType, 'unix'>, string>> = {
  tcp: 'mqtt',
  tls: 'mqtts',
  websocket: 'ws',
  'secure-websocket': 'wss',
};

/** One place where clients connect: sockets are accepted, go through TLS and the WebSocket upgrade where the options say so, and become streams. */
export class Listener {
  readonly information: ListenerInformation;
  /** Where the listener speaks TLS. */
  readonly certificates: TlsTermination | undefined;
  readonly #options: ListenerOptions;
  readonly #acceptor: SocketAcceptor;
  readonly #upgrade: WebSocketUpgrade | undefined;

  constructor(options: ListenerOptions, admission: Admission, onStream: StreamHandler, onRefused: RefusalHandler) {
    this.information = options;
    this.#options = options;
    const isWebSocket = options.type === 'websocket' || options.type === 'secure-websocket';
    const tls = options.type === 'tls' || options.type === 'secure-websocket' ? options.tls : undefined;
    const pendingBytesMax = tls === undefined ? 0 : TLS_PENDING_BYTES_MAX;
    // TLS has buffers of its own.
    const reading = tls !== undefined ? undefined : isWebSocket ? copyingReading : directReading;
    this.#acceptor = new SocketAcceptor(options, admission, reading, (socket, early) => {
      if (this.certificates !== undefined) {
        this.certificates.accept(socket, early);
        return;
      }
      if (isWebSocket) watchSocket(socket);
      speak(socket, early);
    });
    const { counters } = this;
    if (tls !== undefined)
      this.certificates = new TlsTermination(options.name, tls, counters, onRefused, (socket) => speak(socket, undefined));
    if (isWebSocket) {
      this.#upgrade = new WebSocketUpgrade(options.limits.maximumPacketSize, options, counters, onRefused, (webSocket, socket) => {
        counters.accepted++;
        onStream(new WebSocketStream(options, webSocket, socket, pendingBytesMax));
      });
    }
    const speak = (socket: Socket, early: Uint8Array | undefined): void => {
      if (this.#upgrade !== undefined) {
        this.#upgrade.accept(socket, early);
        return;
      }
      counters.accepted++;
      onStream(new SocketStream(options, socket, pendingBytesMax, early));
    };
  }

  get counters(): ListenerCounters {
    return this.#acceptor.counters;
  }

  /** Lets its connections in. */
  get gate(): AdmissionGate {
    return this.#acceptor.gate;
  }

  /**
   * Binds and begins to accept.
   *
   * @throws ListenError if an address or a file cannot be used; nothing is left open then.
   */
  async listen(): Promise<ListenerAddress> {
    const options = this.#options;
    const { name, type } = options;
    await this.certificates?.open();
    if (type === 'unix') {
      const { socketPath } = options;
      await bindSocketFile(options, this.#acceptor);
      return { name, type, endpoints: [], socketPath, urls: [`unix:${socketPath}`] };
    }
    const endpoints = await this.#acceptor.bindHosts(options.hosts, options.port);
    const path = options.type === 'websocket' || options.type === 'secure-websocket' ? options.path : '';
    const urls = endpoints.map((endpoint) => `${SCHEMES[type]}://${bracketed(endpoint.host)}:${endpoint.port}${path}`);
    return { name, type, endpoints, socketPath: undefined, urls };
  }

  /** Other limits for the connections that come from now on. */
  limit(limits: ListenerLimits): void {
    this.gate.limits = limits;
    this.#upgrade?.limit(limits.maximumPacketSize);
  }

  /** Stops accepting; streams that exist go on. */
  close(): Promise<void> {
    return this.#acceptor.close();
  }
}
