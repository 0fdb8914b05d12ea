import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { type Acceptance, acceptanceOf, type SocketHandler, setAcceptance } from './accepted-socket.js';
import { type Admission, type AdmissionGate } from './admission.js';
import { type ListenerCounters } from './byte-stream.js';
import { bindError, errorCode } from './listen-error.js';
import { type ListenerInformation } from './listener-options.js';
import { PROXY_HEADER_BYTES_MAX, parseProxyHeader } from './proxy-header.js';
import { acceptWithSharedBuffer, type SharedReading } from './shared-buffer.js';

/** Binds addresses, asks the admission for every connection, reads the PROXY header, and hands over the socket, paused. */
export class SocketAcceptor {
  readonly information: ListenerInformation;
  readonly counters: ListenerCounters = { accepted: 0, proxyHeaderErrors: 0, tlsHandshakeErrors: 0, upgradesRefused: 0, acceptErrors: 0 };
  readonly gate: AdmissionGate;
  readonly #next: SocketHandler;
  readonly #reading: SharedReading<Socket> | undefined;
  readonly #servers: Server[] = [];

  /** @param reading how sockets read into the shared buffer; undefined under TLS, which has buffers of its own */
  constructor(information: ListenerInformation, admission: Admission, reading: SharedReading<Socket> | undefined, next: SocketHandler) {
    this.information = information;
    this.gate = admission.openGate(information.limits);
    this.#next = next;
    // A PROXY header is read by 'data' events, and so is what follows it.
    this.#reading = information.proxyProtocol ? undefined : reading;
  }

  /** Binds every host; port 0 becomes the same free port for all of them if possible. */
  async bindHosts(hosts: readonly string[], port: number): Promise<{ host: string; port: number }[]> {
    const endpoints: { host: string; port: number }[] = [];
    let absent: unknown;
    try {
      for (const host of hosts) {
        try {
          endpoints.push(await this.#bindHost(host, port === 0 ? (endpoints[0]?.port ?? 0) : port, port === 0));
        } catch (error) {
          if (!isAbsentIpv6(host, error)) throw bindError(this.information.name, `${bracketed(host)}:${port}`, error);
          absent = error;
        }
      }
      if (endpoints.length === 0) throw bindError(this.information.name, `${hosts.map(bracketed).join(', ')}:${port}`, absent);
    } catch (error) {
      await this.close();
      throw error;
    }
    return endpoints;
  }

  async bindPath(path: string): Promise<void> {
    try {
      await this.#bind({ path });
    } catch (error) {
      throw bindError(this.information.name, path, error);
    }
  }

  /** Stops accepting. The sockets that were handed over go on, and so do those that are still on their way. */
  async close(): Promise<void> {
    // A server's 'close' event waits for its connections, which may last for days; the address is free as soon as close() returns.
    for (const server of this.#servers.splice(0)) server.close();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async #bindHost(host: string, port: number, anyPort: boolean): Promise<{ host: string; port: number }> {
    // Without ipv6Only, "::" would also take the IPv4 address of the same port, and "0.0.0.0" beside it could not be bound.
    const options: ListenOptions = { host, port, ipv6Only: host.includes(':') };
    let server: Server;
    try {
      server = await this.#bind(options);
    } catch (error) {
      if (!anyPort || port === 0 || errorCode(error) !== 'EADDRINUSE') throw error;
      server = await this.#bind({ ...options, port: 0 });
    }
    const address = server.address();
    return { host, port: typeof address === 'object' && address !== null ? address.port : port };
  }

  #bind(options: ListenOptions): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: false, pauseOnConnect: true });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // The backlog holds what arrives during one turn of the event loop; the system lowers it to its own maximum.
      server.listen({ ...options, backlog: 4096 }, () => {
        server.off('error', reject);
        server.on('error', () => {
          this.counters.acceptErrors++;
        });
        server.on('connection', (socket) => this.#accept(socket, false));
        if (this.#reading !== undefined) acceptWithSharedBuffer(server, this.#reading, (socket) => this.#accept(socket, true));
        this.#servers.push(server);
        resolve(server);
      });
    });
  }

  #accept(socket: Socket, sharedBuffer: boolean): void {
    const ticket = this.gate.admit(socket);
    if (ticket === undefined) {
      socket.on('error', ignore);
      socket.destroy();
      return;
    }
    setAcceptance(socket, { ticket, sharedBuffer, proxied: undefined, certificate: undefined });
    if (this.information.proxyProtocol) new ProxyHeaderReader(this, socket);
    else this.#next(socket, undefined);
  }

  /** Called when the PROXY header of a socket is complete. */
  proceed(socket: Socket, early: Uint8Array | undefined): void {
    this.#next(socket, early);
  }
}

/** Reads one connection's PROXY header. It is short, so that a copy per chunk is the simplest way to bound it. */
class ProxyHeaderReader {
  readonly #acceptor: SocketAcceptor;
  readonly #socket: Socket;
  readonly #acceptance: Acceptance;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(acceptor: SocketAcceptor, socket: Socket) {
    this.#acceptor = acceptor;
    this.#socket = socket;
    this.#acceptance = acceptanceOf(socket);
    watchSocket(socket);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.resume();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (!this.#acceptance.ticket.received(chunk.length)) {
      this.#socket.destroy();
      return;
    }
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = parseProxyHeader(this.#bytes);
    if (header === 'malformed' || (header === 'incomplete' && this.#bytes.length >= PROXY_HEADER_BYTES_MAX)) {
      this.#refuse();
    } else if (header !== 'incomplete') {
      this.#socket.pause();
      this.#socket.off('data', this.#onData);
      this.#socket.off('end', this.#onEnd);
      this.#acceptance.proxied = header.proxied;
      const early = this.#bytes.length > header.length ? this.#bytes.subarray(header.length) : undefined;
      this.#acceptor.proceed(this.#socket, early);
    }
  };

  readonly #onEnd = (): void => this.#refuse();

  #refuse(): void {
    this.#acceptor.counters.proxyHeaderErrors++;
    this.#socket.destroy();
  }
}

/** For sockets that do not become a stream at once: an error does not end the process, and their end is told to the admission. */
export function watchSocket(socket: Socket): void {
  socket.on('error', ignore);
  socket.on('close', onSocketClosed);
}

function onSocketClosed(this: Socket): void {
  acceptanceOf(this).ticket.closed();
}

/** An error is followed by 'close', which is what counts; without a listener it would end the process. */
export function ignore(): void {}

/** Many containers have no IPv6: what is meant to be "loopback" or "all" must not fail there. */
function isAbsentIpv6(host: string, error: unknown): boolean {
  return (host === '::1' || host === '::') && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(errorCode(error));
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
