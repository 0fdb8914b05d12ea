import { type Socket } from 'node:net';
import { type ClientCertificate } from '../access/authenticator.js';
import { type Acceptance } from './accepted-socket.js';
import { type AdmissionTicket } from './admission.js';
import { type ByteStream, type ByteStreamReceiver } from './byte-stream.js';
import { type ListenerInformation } from './listener-options.js';
import { type SharedReading, sharedBuffer } from './shared-buffer.js';

/** How long a peer has, after `end`, to read what was written and to close its side. */
export const END_MILLISECONDS_MAX = 2000;

/**
 * Node finishes a TLS write in a later turn even if the kernel took everything, so that "not empty" says nothing about the peer.
 * Above this, the peer does not keep up. Plain sockets know at once and need no such allowance.
 */
export const TLS_PENDING_BYTES_MAX: number = 128 * 1024;

const stream: unique symbol = Symbol('stream');
type StreamSocket = Socket & { [stream]: SocketStream };

const EMPTY = new Uint8Array(0);

const sharedReading: SharedReading<StreamSocket> = {
  buffer: sharedBuffer,
  callback(length) {
    this[stream].onData(sharedBuffer.subarray(0, length));
    return true;
  },
};

/** Reading for sockets that become a SocketStream. */
export const directReading: SharedReading<Socket> = sharedReading;

/** A byte stream over a TCP, Unix or TLS socket. The listener functions are shared by all; the symbol leads from the socket to its stream. */
export class SocketStream implements ByteStream {
  readonly listener: ListenerInformation;
  readonly #socket: Socket;
  readonly #acceptance: Acceptance;
  #receiver: ByteStreamReceiver | undefined = undefined;
  #early: Uint8Array | undefined;
  #error: Error | undefined = undefined;
  #lingering: NodeJS.Timeout | undefined = undefined;
  readonly #pendingBytesMax: number;
  readonly #ordinaryReading: boolean;
  #congested = false;
  #paused = false;
  #ending = false;
  #peerEnded = false;
  #endedReported = false;

  /**
   * @param socket connected and paused
   * @param options.early bytes that were already read from it
   * @param options.sharedBuffer whether the socket comes from `acceptWithSharedBuffer`; if not, its 'data' events are used
   */
  constructor(
    listener: ListenerInformation,
    socket: Socket,
    acceptance: Acceptance,
    options: { early?: Uint8Array; sharedBuffer: boolean; pendingBytesMax: number },
  ) {
    this.listener = listener;
    this.#socket = socket;
    this.#acceptance = acceptance;
    this.#early = options.early;
    this.#pendingBytesMax = options.pendingBytesMax;
    this.#ordinaryReading = !options.sharedBuffer;
    acceptance.ticket.target = this;
    (socket as StreamSocket)[stream] = this;
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get remoteAddress(): string | undefined {
    const { proxied } = this.#acceptance;
    return proxied === undefined ? this.#socket.remoteAddress : proxied.address;
  }

  get remotePort(): number | undefined {
    const { proxied } = this.#acceptance;
    return proxied === undefined ? this.#socket.remotePort : proxied.port;
  }

  get certificate(): ClientCertificate | undefined {
    return this.#acceptance.certificate ?? this.#acceptance.proxied?.certificate;
  }

  get admission(): AdmissionTicket {
    return this.#acceptance.ticket;
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  attach(receiver: ByteStreamReceiver): void {
    this.#receiver = receiver;
    if (this.#ordinaryReading) this.#socket.on('data', onData);
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) receiver.received(early);
    if (!this.#paused) this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#ending || socket.destroyed) return true;
    socket.write(bytes);
    if (socket.writableLength <= this.#pendingBytesMax) return true;
    if (!this.#congested) {
      this.#congested = true;
      this.#watchDrain();
    }
    return false;
  }

  pause(): void {
    if (this.#paused || this.#ending) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#peerEnded) this.#reportEnded();
    else this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    if (this.#ending || socket.destroyed) return;
    this.#ending = true;
    socket.end();
    // Closing a socket that holds unread bytes resets the connection, and the peer may then lose our last packet: read on, and forget.
    socket.resume();
    this.#lingering = setTimeout(destroySocket, END_MILLISECONDS_MAX, socket);
    this.#lingering.unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onData(chunk: Uint8Array): void {
    if (this.#ending) return;
    if (!this.#acceptance.ticket.received(chunk.length)) this.#socket.destroy();
    else this.#receiver?.received(chunk);
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (!this.#paused) this.#reportEnded();
  }

  /** Everything is written. Also called where nobody waits for it. */
  onDrain(): void {
    if (!this.#congested || this.#socket.destroyed) return;
    if (this.#socket.writableLength > 0) {
      this.#watchDrain();
      return;
    }
    this.#congested = false;
    if (!this.#ending) this.#receiver?.drained();
  }

  onError(error: Error): void {
    this.#error = error;
  }

  onClose(): void {
    clearTimeout(this.#lingering);
    this.#acceptance.ticket.closed();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.closed(this.#ending ? undefined : this.#error);
  }

  #reportEnded(): void {
    if (this.#endedReported || this.#ending) return;
    this.#endedReported = true;
    this.#receiver?.ended();
  }

  /** Node emits 'drain' only if its high-water mark was reached; below that, the callback of an empty write tells the same. */
  #watchDrain(): void {
    if (this.#socket.writableNeedDrain) return;
    this.#socket.write(EMPTY, (error) => {
      if (error === undefined || error === null) this.onDrain();
    });
  }
}

function onData(this: Socket, chunk: Uint8Array): void {
  (this as StreamSocket)[stream].onData(chunk);
}

function onEnd(this: Socket): void {
  (this as StreamSocket)[stream].onEnd();
}

function onDrain(this: Socket): void {
  (this as StreamSocket)[stream].onDrain();
}

function onError(this: Socket, error: Error): void {
  (this as StreamSocket)[stream].onError(error);
}

function onClose(this: Socket): void {
  (this as StreamSocket)[stream].onClose();
}

function destroySocket(socket: Socket): void {
  socket.destroy();
}
