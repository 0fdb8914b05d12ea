import { type Admission, type AdmissionGate } from './admission.js';
import { type Listener, type ListenerAddress, type ListenerCounters, type StreamHandler } from './byte-stream.js';
import { type ListenerInformation, type SecureWebSocketListenerOptions, type WebSocketListenerOptions } from './listener-options.js';
import { bracketed, SocketAcceptor, watchSocket } from './socket-acceptor.js';
import { TLS_PENDING_BYTES_MAX } from './socket-stream.js';
import { TlsTermination } from './tls-termination.js';
import { copyingReading, WebSocketStream } from './websocket-stream.js';
import { WebSocketUpgrade } from './websocket-upgrade.js';

/** MQTT over WebSocket, with TLS below it if the options say so. */
export class WebSocketListener implements Listener {
  readonly information: ListenerInformation;
  /** Present on a secure listener. */
  readonly reloadCertificates: (() => Promise<void>) | undefined;
  readonly #options: WebSocketListenerOptions | SecureWebSocketListenerOptions;
  readonly #acceptor: SocketAcceptor;
  readonly #tls: TlsTermination | undefined;

  constructor(options: WebSocketListenerOptions | SecureWebSocketListenerOptions, admission: Admission, onStream: StreamHandler) {
    this.information = options;
    this.#options = options;
    const secure = options.type === 'secure-websocket';
    const pendingBytesMax = secure ? TLS_PENDING_BYTES_MAX : 0;
    this.#acceptor = new SocketAcceptor(options, admission, secure ? undefined : copyingReading, (socket, early) => {
      if (this.#tls === undefined) {
        watchSocket(socket);
        upgrade.accept(socket, early);
      } else {
        this.#tls.accept(socket, early);
      }
    });
    const upgrade = new WebSocketUpgrade(options, options, this.counters, (webSocket, socket) => {
      this.counters.accepted++;
      onStream(new WebSocketStream(options, webSocket, socket, pendingBytesMax));
    });
    if (options.type === 'secure-websocket') {
      const tls = new TlsTermination(options, options.tls, this.counters, (socket) => upgrade.accept(socket, undefined));
      this.#tls = tls;
      this.reloadCertificates = () => tls.reload();
    }
  }

  get counters(): ListenerCounters {
    return this.#acceptor.counters;
  }

  get gate(): AdmissionGate {
    return this.#acceptor.gate;
  }

  async listen(): Promise<ListenerAddress> {
    const { name, type, hosts, port, path } = this.#options;
    await this.#tls?.open();
    const endpoints = await this.#acceptor.bindHosts(hosts, port);
    const scheme = type === 'secure-websocket' ? 'wss' : 'ws';
    const urls = endpoints.map((endpoint) => `${scheme}://${bracketed(endpoint.host)}:${endpoint.port}${path}`);
    return { name, type, endpoints, socketPath: undefined, urls };
  }

  close(): Promise<void> {
    return this.#acceptor.close();
  }
}
