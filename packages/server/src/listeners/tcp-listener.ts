import { type Socket } from 'node:net';
import { acceptanceOf } from './accepted-socket.js';
import { type Admission, type AdmissionGate } from './admission.js';
import { type Listener, type ListenerAddress, type ListenerCounters, type StreamHandler } from './byte-stream.js';
import { type ListenerInformation, type TcpListenerOptions } from './listener-options.js';
import { bracketed, SocketAcceptor } from './socket-acceptor.js';
import { directReading, SocketStream } from './socket-stream.js';

/** MQTT over plain TCP. */
export class TcpListener implements Listener {
  readonly information: ListenerInformation;
  readonly #options: TcpListenerOptions;
  readonly #acceptor: SocketAcceptor;

  constructor(options: TcpListenerOptions, admission: Admission, onStream: StreamHandler) {
    this.information = options;
    this.#options = options;
    this.#acceptor = new SocketAcceptor(options, admission, directReading, (socket, early) => {
      this.counters.accepted++;
      onStream(plainStream(options, socket, early));
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
    const endpoints = await this.#acceptor.bindHosts(hosts, port);
    const urls = endpoints.map((endpoint) => `mqtt://${bracketed(endpoint.host)}:${endpoint.port}`);
    return { name, type, endpoints, socketPath: undefined, urls };
  }

  close(): Promise<void> {
    return this.#acceptor.close();
  }
}

/** A stream over a socket without TLS. */
export function plainStream(information: ListenerInformation, socket: Socket, early: Uint8Array | undefined): SocketStream {
  const acceptance = acceptanceOf(socket);
  return new SocketStream(information, socket, acceptance, { early, sharedBuffer: acceptance.sharedBuffer, pendingBytesMax: 0 });
}
