import { type Socket } from 'node:net';
import { type ClientCertificate } from '../access/authenticator.js';
import { type Acceptance, acceptanceOf } from './accepted-socket.js';
import { type AdmissionTicket } from './admission.js';
import { type ByteStreamReceiver } from './byte-stream.js';
import { type ListenerInformation } from './listener-options.js';

/** How long a peer has, after `end`, to read what was written and to close its side. */
export const END_MILLISECONDS_MAX = 2000;

const EMPTY = new Uint8Array(0);

/** What streams over an accepted socket have in common: who the peer is, when what was written has left, and how they end. */
export abstract class AcceptedStream {
  readonly listener: ListenerInformation;
  protected readonly socket: Socket;
  protected readonly acceptance: Acceptance;
  protected receiver: ByteStreamReceiver | undefined = undefined;
  protected error: Error | undefined = undefined;
  protected isPaused = false;
  protected isEnding = false;
  protected hasPeerEnded = false;
  readonly #pendingBytesMax: number;
  #lingering: NodeJS.Timeout | undefined = undefined;
  #isCongested = false;
  #isEndReported = false;

  /** @param pendingBytesMax bytes that may be unsent although the peer keeps up */
  constructor(listener: ListenerInformation, socket: Socket, pendingBytesMax: number) {
    this.listener = listener;
    this.socket = socket;
    this.acceptance = acceptanceOf(socket);
    this.acceptance.ticket.target = this;
    this.#pendingBytesMax = pendingBytesMax;
  }

  get remoteAddress(): string | undefined {
    const { proxied } = this.acceptance;
    return proxied === undefined ? this.socket.remoteAddress : proxied.address;
  }

  get remotePort(): number | undefined {
    const { proxied } = this.acceptance;
    return proxied === undefined ? this.socket.remotePort : proxied.port;
  }

  get certificate(): ClientCertificate | undefined {
    return this.acceptance.certificate ?? this.acceptance.proxied?.certificate;
  }

  get admission(): AdmissionTicket {
    return this.acceptance.ticket;
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  destroy(): void {
    this.socket.destroy();
  }

  onPeerEnd(): void {
    this.hasPeerEnded = true;
    if (!this.isPaused) this.reportEnded();
  }

  /** Everything is written. Also called where nobody waits for it. */
  onDrain(): void {
    if (!this.#isCongested || this.socket.destroyed) return;
    if (this.socket.writableLength > 0) {
      this.#watchDrain();
      return;
    }
    this.#isCongested = false;
    if (!this.isEnding) this.receiver?.drained();
  }

  onError(error: Error): void {
    this.error = error;
  }

  /** The socket is closed: gives its place back. */
  protected release(): void {
    clearTimeout(this.#lingering);
    this.acceptance.ticket.closed();
  }

  protected reportEnded(): void {
    if (this.#isEndReported || this.isEnding) return;
    this.#isEndReported = true;
    this.receiver?.ended();
  }

  protected reportClosed(): void {
    const { receiver } = this;
    this.receiver = undefined;
    receiver?.closed(this.isEnding ? undefined : this.error);
  }

  /** After a write. False: not everything has left yet, `drained` follows. */
  protected hasSent(): boolean {
    if (this.socket.writableLength <= this.#pendingBytesMax) return true;
    if (!this.#isCongested) {
      this.#isCongested = true;
      this.#watchDrain();
    }
    return false;
  }

  /** The last bytes are under way: a peer that does not take them is cut off. */
  protected linger(): void {
    this.#lingering = setTimeout(destroySocket, END_MILLISECONDS_MAX, this.socket);
    this.#lingering.unref();
  }

  /** Node emits 'drain' only if its high-water mark was reached; below that, the callback of an empty write tells the same. */
  #watchDrain(): void {
    if (this.socket.writableNeedDrain) return;
    this.socket.write(EMPTY, (error) => {
      if (error === undefined || error === null) this.onDrain();
    });
  }
}

function destroySocket(socket: Socket): void {
  socket.destroy();
}
