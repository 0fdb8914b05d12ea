import { readFile } from 'node:fs/promises';
import { type Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, Server, type TLSSocket } from 'node:tls';
import { type ClientCertificate } from '../access/authenticator.js';
import { fileStatus } from '../access/polled-file.js';
import { acceptanceOf, setAcceptance } from './accepted-socket.js';
import { type ListenerCounters, type RefusalHandler } from './byte-stream.js';
import { errorCode, ListenError } from './listen-error.js';
import { type CertificateOptions, type TlsOptions } from './listener-options.js';
import { ignore, watchSocket } from './socket-acceptor.js';

/** Everything that was read from the files of one listener. */
interface LoadedCertificates {
  readonly own: SecureContextOptions;
  readonly byServerName: ReadonlyMap<string, SecureContext>;
}

/** Does the TLS handshake on accepted sockets, with certificates that can be replaced while connections last. */
export class TlsTermination {
  readonly #listenerName: string;
  #options: TlsOptions;
  readonly #counters: ListenerCounters;
  readonly #onRefused: RefusalHandler;
  readonly #next: (socket: TLSSocket) => void;
  #server: Server | undefined = undefined;
  #byServerName: ReadonlyMap<string, SecureContext> = new Map();
  /** Of all files, when they were last read. */
  #seenStatus = '';

  constructor(
    listenerName: string,
    options: TlsOptions,
    counters: ListenerCounters,
    onRefused: RefusalHandler,
    next: (socket: TLSSocket) => void,
  ) {
    this.#onRefused = onRefused;
    this.#listenerName = listenerName;
    this.#options = options;
    this.#counters = counters;
    this.#next = next;
  }

  /** Reads the certificates; must have succeeded before the first `accept`. Rejects with ListenError. */
  async open(): Promise<void> {
    const status = await this.#status();
    const loaded = await this.#load(this.#options);
    this.#seenStatus = status;
    this.#byServerName = loaded.byServerName;
    const { clientCertificate } = this.#options;
    this.#server = new Server({
      ...loaded.own,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'require',
      SNICallback: (serverName, done) => done(null, this.#contextOf(serverName)),
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#refuse(socket, error));
  }

  /**
   * Reads the files again, or others; whether clients are asked for a certificate stays as it was. Nothing changes until what it resolves to
   * is called: then new connections get the new certificates, existing ones go on. Rejects with ListenError if a file cannot be used.
   */
  async prepare(options: TlsOptions = this.#options): Promise<() => void> {
    const next = { ...options, clientCertificate: this.#options.clientCertificate };
    const status = await this.#status(next);
    const loaded = await this.#load(next);
    return () => {
      this.#options = next;
      this.#seenStatus = status;
      this.#server?.setSecureContext(loaded.own);
      this.#byServerName = loaded.byServerName;
    };
  }

  /** Reads the files again if one of them has changed. Rejects with ListenError, once for each change, if they cannot be used. */
  async reloadIfChanged(): Promise<boolean> {
    const status = await this.#status();
    if (status === this.#seenStatus) return false;
    this.#seenStatus = status;
    const before = this.#options;
    const use = await this.prepare();
    // Other files may have taken their place meanwhile.
    if (this.#options !== before) return false;
    use();
    return true;
  }

  accept(socket: Socket, early: Uint8Array | undefined): void {
    watchSocket(socket);
    if (early !== undefined) socket.unshift(early);
    this.#server?.emit('connection', socket);
  }

  #onSecure(socket: TLSSocket): void {
    const certificate = peerCertificate(socket);
    if (certificate !== undefined && !socket.authorized && this.#options.clientCertificate !== 'none') {
      this.#refuse(socket);
      return;
    }
    const acceptance = acceptanceOf(wrappedSocket(socket));
    acceptance.certificate = socket.authorized ? certificate : undefined;
    setAcceptance(socket, acceptance);
    socket.on('error', ignore);
    this.#next(socket);
  }

  #refuse(socket: TLSSocket, error?: Error): void {
    const { authorizationError } = socket as { authorizationError?: unknown };
    // A certificate that cannot be verified ends in what looks like a client that hung up.
    const reason = typeof authorizationError === 'string' ? `the client certificate is refused, ${authorizationError}` : reasonOf(error);
    this.#counters.tlsHandshakeErrors++;
    const { proxied } = acceptanceOf(wrappedSocket(socket));
    this.#onRefused(`the TLS handshake failed: ${reason}`, proxied === undefined ? socket.remoteAddress : proxied.address);
    socket.destroy();
  }

  /** Undefined: the listener's own certificate. */
  #contextOf(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    return this.#byServerName.get(name) ?? this.#byServerName.get(`*${name.slice(name.indexOf('.'))}`);
  }

  async #status(options: TlsOptions = this.#options): Promise<string> {
    const files = [options, ...options.serverNames].flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile]);
    if (options.certificateAuthorityFile !== undefined) files.push(options.certificateAuthorityFile);
    return (await Promise.all(files.map((path) => fileStatus(path).catch(errorCode)))).join('\n');
  }

  async #load(options: TlsOptions): Promise<LoadedCertificates> {
    const authorities =
      options.certificateAuthorityFile === undefined
        ? undefined
        : await this.#read('certificateAuthorityFile', options.certificateAuthorityFile);
    const own = await this.#contextOptions(options, options, authorities);
    this.#createContext(own, options);
    const byServerName = new Map<string, SecureContext>();
    for (const entry of options.serverNames) {
      byServerName.set(entry.serverName, this.#createContext(await this.#contextOptions(options, entry, authorities), entry));
    }
    return { own, byServerName };
  }

  async #contextOptions(options: TlsOptions, files: CertificateOptions, authorities: string | undefined): Promise<SecureContextOptions> {
    return {
      cert: await this.#read('certificateFile', files.certificateFile),
      key: await this.#read('keyFile', files.keyFile),
      passphrase: files.keyPassphrase,
      ca: authorities,
      minVersion: options.minimumVersion,
      // Resumed sessions with client certificates need one, the same for every certificate of the listener.
      sessionIdContext: 'si-mqtt',
      honorCipherOrder: true,
    };
  }

  /** Also how a certificate is checked: OpenSSL refuses what it cannot parse and a key that does not belong to its certificate. */
  #createContext(contextOptions: SecureContextOptions, files: CertificateOptions): SecureContext {
    try {
      return createSecureContext(contextOptions);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const text = `cannot use the certificate ${files.certificateFile} with the key ${files.keyFile}: ${reason}; both must be PEM and belong together`;
      throw new ListenError(this.#listenerName, errorCode(error) || 'CERTIFICATE', text, error);
    }
  }

  async #read(key: string, path: string): Promise<string> {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      const code = errorCode(error);
      const advice =
        code === 'ENOENT' ? 'the file does not exist' : code === 'EACCES' ? 'this user may not read it' : `it cannot be read (${code})`;
      throw new ListenError(this.#listenerName, code, `${key} ${path}: ${advice}; correct the path or the permissions`, error);
    }
  }
}

/** TLSSocket keeps the socket that it wraps, but offers no public way to it. */
function wrappedSocket(socket: TLSSocket): Socket {
  const { _parent: parent } = socket as unknown as { _parent?: Socket };
  if (parent === undefined) throw new Error('assertion failed: this Node hides the socket under a TLSSocket');
  return parent;
}

/** OpenSSL's own text goes through all its layers; Node has the last one alone. */
function reasonOf(error: Error | undefined): string {
  const { reason } = (error ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : (error?.message ?? 'unknown');
}

function peerCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  const { CN: commonName } = subject as Partial<Record<string, string | string[]>>;
  const parts = Object.entries(subject).map(([key, value]) => `${key}=${Array.isArray(value) ? value.join('+') : value}`);
  return { commonName: typeof commonName === 'string' ? commonName : undefined, fingerprint256, subject: parts.join(', ') };
}
