import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { type Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { acceptanceOf } from './accepted-socket.js';
import { END_MILLISECONDS_MAX } from './accepted-stream.js';
import { type ListenerCounters, type RefusalHandler } from './byte-stream.js';
import { type WebSocketUpgradeOptions } from './listener-options.js';
import { ignore } from './socket-acceptor.js';

/** The largest fixed header: one byte of type and flags, four of Remaining Length. */
const FIXED_HEADER_BYTES_MAX = 5;
/** ws keeps chunks and fragments of an incomplete message in lists: this bounds what they cost beside their bytes. */
const MESSAGE_PARTS_MAX = 16_384;
const HTTP_HEADER_BYTES_MAX = 8192;

interface UpgradeRefusal {
  readonly status: number;
  readonly reason: string;
}

/** Answers HTTP on accepted sockets: WebSocket upgrades for MQTT go on, everything else is refused. */
export class WebSocketUpgrade {
  readonly #options: WebSocketUpgradeOptions;
  readonly #counters: ListenerCounters;
  readonly #onRefused: RefusalHandler;
  readonly #next: (webSocket: WebSocket, socket: Socket) => void;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;

  constructor(
    maximumPacketSize: number,
    options: WebSocketUpgradeOptions,
    counters: ListenerCounters,
    onRefused: RefusalHandler,
    next: (webSocket: WebSocket, socket: Socket) => void,
  ) {
    this.#options = options;
    this.#counters = counters;
    this.#onRefused = onRefused;
    this.#next = next;
    const webSocketOptions = {
      noServer: true,
      clientTracking: false,
      // Compression would cost 300 kB per connection, and a small frame could become a large message.
      perMessageDeflate: false,
      maxPayload: maximumPacketSize + FIXED_HEADER_BYTES_MAX,
      maxBufferedChunks: MESSAGE_PARTS_MAX,
      maxFragments: MESSAGE_PARTS_MAX,
      closeTimeout: END_MILLISECONDS_MAX,
      // Text frames are refused whatever is in them.
      skipUTF8Validation: true,
      handleProtocols: chooseSubprotocol,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
    this.#webSockets.on('wsClientError', (error, socket) => this.#refuse(socket as Socket, { status: 400, reason: error.message }));
    // The HTTP server never listens and so starts no timers: the connect deadline bounds slow requests like everything else.
    this.#http = createServer({ maxHeaderSize: HTTP_HEADER_BYTES_MAX });
    this.#http.on('request', (request, response) => this.#onRequest(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    this.#http.on('clientError', (error, socket) => this.#refuse(socket as Socket, { status: 400, reason: error.message }));
  }

  /** For the connections that come from now on. */
  limit(maximumPacketSize: number): void {
    this.#webSockets.options.maxPayload = maximumPacketSize + FIXED_HEADER_BYTES_MAX;
  }

  accept(socket: Socket, early: Uint8Array | undefined): void {
    if (early !== undefined) socket.unshift(early);
    this.#http.emit('connection', socket);
    socket.resume();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const status = this.#isOurPath(request) ? 426 : 404;
    this.#count(request.socket, status === 404 ? this.#otherPath : 'it was no upgrade request');
    response.writeHead(status, { Connection: 'close', 'Content-Length': 0, ...(status === 426 ? { Upgrade: 'websocket' } : {}) });
    response.end(() => request.socket.destroySoon());
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', ignore);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) this.#refuse(socket, refusal);
    else this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#next(webSocket, socket));
  }

  /** What to refuse an upgrade with, or undefined. */
  #refusal(request: IncomingMessage): UpgradeRefusal | undefined {
    const { origin } = request.headers;
    if (!this.#isOurPath(request)) return { status: 404, reason: this.#otherPath };
    if (!isOriginAllowed(origin, this.#options.allowedOrigins)) return { status: 403, reason: `allowedOrigins has no ${origin}` };
    // [MQTT-6.0.0-3]: clients offer the subprotocol; a browser that did not would refuse our answer anyway.
    if (chooseSubprotocol(offeredSubprotocols(request)) === false)
      return { status: 400, reason: 'the client did not offer the subprotocol mqtt' };
    return undefined;
  }

  get #otherPath(): string {
    return `the path is not ${this.#options.path}`;
  }

  #isOurPath(request: IncomingMessage): boolean {
    return request.url?.split('?', 1)[0] === this.#options.path;
  }

  #count(socket: Socket, reason: string): void {
    this.#counters.upgradesRefused++;
    const { proxied } = acceptanceOf(socket);
    this.#onRefused(`no WebSocket: ${reason}`, proxied === undefined ? socket.remoteAddress : proxied.address);
  }

  #refuse(socket: Socket, { status, reason }: UpgradeRefusal): void {
    this.#count(socket, reason);
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon();
  }
}

function offeredSubprotocols(request: IncomingMessage): ReadonlySet<string> {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return new Set(header.split(',').map((name) => name.trim()));
}

/** [MQTT-6.0.0-4]: the subprotocol that is selected is "mqtt"; clients of MQTT 3.1 may know only its older name. */
function chooseSubprotocol(offered: ReadonlySet<string>): string | false {
  if (offered.has('mqtt')) return 'mqtt';
  return offered.has('mqttv3.1') ? 'mqttv3.1' : false;
}

/**
 * Whether a web page may connect. Browsers let any page open a WebSocket to any server, also to one on the user's own machine; the header
 * `Origin` is what tells a page from a program, and programs send none.
 */
export function isOriginAllowed(origin: string | undefined, allowedOrigins: readonly string[]): boolean {
  if (origin === undefined) return true;
  for (const allowed of allowedOrigins) {
    if (allowed === '*' || allowed === origin) return true;
    if (allowed === 'loopback' && isLoopbackOrigin(origin)) return true;
  }
  return false;
}

function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}
