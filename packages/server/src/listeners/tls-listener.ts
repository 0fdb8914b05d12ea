import { acceptanceOf } from './accepted-socket.js';
import { type Admission, type AdmissionGate } from './admission.js';
import { type Listener, type ListenerAddress, type ListenerCounters, type StreamHandler } from './byte-stream.js';
import { type ListenerInformation, type TlsListenerOptions } from './listener-options.js';
import { bracketed, SocketAcceptor } from './socket-acceptor.js';
import { SocketStream, TLS_PENDING_BYTES_MAX } from './socket-stream.js';
import { TlsTermination } from './tls-termination.js';

/** MQTT over TLS. */
export class TlsListener implements Listener {
  readonly information: ListenerInformation;
  readonly #options: TlsListenerOptions;
  readonly #acceptor: SocketAcceptor;
  readonly #tls: TlsTermination;

  constructor(options: TlsListenerOptions, admission: Admission, onStream: StreamHandler) {
    this.information = options;
    this.#options = options;
    this.#acceptor = new SocketAcceptor(options, admission, undefined, (socket, early) => this.#tls.accept(socket, early));
    this.#tls = new TlsTermination(options, options.tls, this.#acceptor.counters, (socket) => {
      this.counters.accepted++;
      onStream(new SocketStream(options, socket, acceptanceOf(socket), { sharedBuffer: false, pendingBytesMax: TLS_PENDING_BYTES_MAX }));
    });
  }

  get counters(): ListenerCounters {
    return this.#acceptor.counters;
  }

  get gate(): AdmissionGate {
    return this.#acceptor.gate;
  }

  async listen(): Promise<ListenerAddress> {
    const { name, type, hosts, port } = this.#options;
    await this.#tls.open();
    const endpoints = await this.#acceptor.bindHosts(hosts, port);
    const urls = endpoints.map((endpoint) => `mqtts://${bracketed(endpoint.host)}:${endpoint.port}`);
    return { name, type, endpoints, socketPath: undefined, urls };
  }

  close(): Promise<void> {
    return this.#acceptor.close();
  }

  reloadCertificates(): Promise<void> {
    return this.#tls.reload();
  }
}
