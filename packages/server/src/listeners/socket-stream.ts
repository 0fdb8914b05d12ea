import { type Socket } from 'node:net';
import { AcceptedStream } from './accepted-stream.js';
import { type ByteStream, type ByteStreamReceiver } from './byte-stream.js';
import { type ListenerInformation } from './listener-options.js';
import { type SharedReading, sharedBuffer } from './shared-buffer.js';

/**
 * Node finishes a TLS write in a later turn even if the kernel took everything, so that "not empty" says nothing about the peer.
 * Above this, the peer does not keep up. Plain sockets know at once and need no such allowance.
 */
export const TLS_PENDING_BYTES_MAX: number = 128 * 1024;

const stream: unique symbol = Symbol('stream');
type StreamSocket = Socket & { [stream]: SocketStream };

const sharedReading: SharedReading<StreamSocket> = {
  buffer: sharedBuffer,
  callback(length) {
    this[stream].onData(sharedBuffer, length);
    return true;
  },
};

/** Reading for sockets that become a SocketStream. */
export const directReading: SharedReading<Socket> = sharedReading;

/** A byte stream over a TCP, Unix or TLS socket. The listener functions are shared by all; the symbol leads from the socket to its stream. */
export class SocketStream extends AcceptedStream implements ByteStream {
  #early: Uint8Array | undefined;

  /**
   * @param socket connected and paused
   * @param early bytes that were already read from it
   */
  constructor(listener: ListenerInformation, socket: Socket, pendingBytesMax: number, early: Uint8Array | undefined) {
    super(listener, socket, pendingBytesMax);
    this.#early = early;
    (socket as StreamSocket)[stream] = this;
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  attach(receiver: ByteStreamReceiver): void {
    this.receiver = receiver;
    if (!this.acceptance.sharedBuffer) this.socket.on('data', onData);
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) receiver.received(early);
    if (!this.isPaused) this.socket.resume();
  }

  write(bytes: Uint8Array, following?: Uint8Array): boolean {
    const { socket } = this;
    if (this.isEnding || socket.destroyed) return true;
    if (following === undefined) {
      socket.write(bytes);
    } else {
      // One system call, and no segment of a few bytes that wakes the peer for nothing.
      socket.cork();
      socket.write(bytes);
      socket.write(following);
      socket.uncork();
    }
    return this.hasSent();
  }

  pause(): void {
    if (this.isPaused || this.isEnding) return;
    this.isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (this.hasPeerEnded) this.reportEnded();
    else this.socket.resume();
  }

  end(): void {
    const { socket } = this;
    if (this.isEnding || socket.destroyed) return;
    this.isEnding = true;
    socket.end();
    // Closing a socket that holds unread bytes resets the connection, and the peer may then lose our last packet: read on, and forget.
    socket.resume();
    this.linger();
  }

  onData(chunk: Uint8Array, length: number): void {
    if (this.isEnding) return;
    if (!this.acceptance.ticket.received(length)) this.socket.destroy();
    else this.receiver?.received(chunk, length, length);
  }

  onClose(): void {
    this.release();
    this.reportClosed();
  }
}

function onData(this: Socket, chunk: Uint8Array): void {
  (this as StreamSocket)[stream].onData(chunk, chunk.length);
}

function onEnd(this: Socket): void {
  (this as StreamSocket)[stream].onPeerEnd();
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
