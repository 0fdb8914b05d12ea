import { type Socket } from 'node:net';
import { type RawData, type WebSocket } from 'ws';
import { AcceptedStream } from './accepted-stream.js';
import { type ByteStream, type ByteStreamReceiver } from './byte-stream.js';
import { type ListenerInformation } from './listener-options.js';
import { type SharedReading, sharedBuffer } from './shared-buffer.js';

const stream: unique symbol = Symbol('stream');
type StreamSocket = Socket & { [stream]: WebSocketStream };
type StreamWebSocket = WebSocket & { [stream]: WebSocketStream };

const BINARY = { binary: true };
/** RFC 6455, 7.4.1: the endpoint received a type of data that it cannot accept. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

/**
 * What holding one chunk costs beside its bytes (measured: a Buffer, its backing store and a slot in a list). ws keeps every chunk of a
 * message that is not complete, so a client that sends single bytes would otherwise hold a hundred times what is counted.
 */
const CHUNK_OVERHEAD_BYTES = 256;

/** A byte stream over the binary messages of a WebSocket; where messages begin and end means nothing [MQTT-6.0.0-2]. */
export class WebSocketStream extends AcceptedStream implements ByteStream {
  readonly #webSocket: WebSocket;
  /** Messages that ws had in the same chunk when reading was paused; the first may be the rest of one. */
  #held: Uint8Array[] = [];
  /** Size of the last read from the socket. */
  #readBytes = 0;
  #isClosed = false;

  constructor(listener: ListenerInformation, webSocket: WebSocket, socket: Socket, pendingBytesMax: number) {
    super(listener, socket, pendingBytesMax);
    this.#webSocket = webSocket;
    (webSocket as StreamWebSocket)[stream] = this;
    (socket as StreamSocket)[stream] = this;
    // Before ws sees the bytes: what is over the budget is never put into its buffers.
    if (!this.acceptance.sharedBuffer) socket.prependListener('data', onSocketData);
    socket.on('drain', onSocketDrain);
    socket.on('end', onSocketEnd);
    webSocket.on('message', onMessage);
    webSocket.on('error', onError);
    webSocket.on('close', onClose);
  }

  attach(receiver: ByteStreamReceiver): void {
    this.receiver = receiver;
  }

  write(bytes: Uint8Array, following?: Uint8Array): boolean {
    if (this.isEnding || this.#webSocket.readyState !== this.#webSocket.OPEN) return true;
    // [MQTT-6.0.0-1]: binary frames in this direction too. Servers do not mask, so the bytes stay as they are.
    this.#webSocket.send(bytes, BINARY);
    if (following !== undefined) this.#webSocket.send(following, BINARY);
    return this.hasSent();
  }

  pause(): void {
    if (this.isPaused || this.isEnding) return;
    this.isPaused = true;
    this.#webSocket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (let index = 0; index < held.length; index++) {
      if (this.isPaused) this.#held.push(held[index]);
      else this.#handOver(held[index]);
    }
    if (this.isPaused) return;
    if (this.#isClosed) this.reportClosed();
    else if (this.hasPeerEnded) this.reportEnded();
    this.#webSocket.resume();
  }

  end(): void {
    this.#end(NORMAL_CLOSURE);
  }

  #end(code: number): void {
    if (this.isEnding || this.#isClosed) return;
    this.isEnding = true;
    this.#held = [];
    this.#webSocket.close(code);
    // A paused socket would never see the peer's close frame.
    this.#webSocket.resume();
    this.linger();
  }

  /** False: over the budget, and destroyed. */
  onSocketData(length: number): boolean {
    this.#readBytes = length;
    if (this.acceptance.ticket.received(length + CHUNK_OVERHEAD_BYTES)) return true;
    this.socket.destroy();
    return false;
  }

  onMessage(message: Uint8Array, isBinary: boolean): void {
    if (this.isEnding) return;
    if (!isBinary) {
      // [MQTT-6.0.0-1]: packets come in binary frames; if any other frame is received, the connection is closed.
      this.#end(UNSUPPORTED_DATA);
      return;
    }
    this.#handOver(message);
  }

  /** In pieces no larger than a read from a socket, so that the receiver can stop between them. */
  #handOver(message: Uint8Array): void {
    const readBytes = Math.max(this.#readBytes, message.length);
    for (let at = 0; at < message.length && !this.isEnding; at += sharedBuffer.length) {
      if (this.isPaused) {
        this.#held.push(message.subarray(at));
        return;
      }
      this.receiver?.received(message.length <= sharedBuffer.length ? message : message.subarray(at, at + sharedBuffer.length), readBytes);
    }
  }

  onClose(): void {
    this.release();
    this.#isClosed = true;
    // What came before the end is handed over first, even if the connection paused in the middle of it.
    if (!this.isPaused || this.#held.length === 0) this.reportClosed();
  }

  protected override reportClosed(): void {
    // ws answers a close frame by itself; for the connection it is the same as the end of a TCP stream.
    if (this.error === undefined && !this.isPaused) this.reportEnded();
    super.reportClosed();
  }
}

/**
 * Reading for sockets that become a WebSocketStream. ws keeps its chunks, so each is copied, but only after it was counted: buffers of the
 * connections that go over the budget would otherwise wait for the garbage collector, a hundred megabytes in an attack.
 */
export const copyingReading: SharedReading<Socket> = {
  buffer: sharedBuffer,
  callback(length) {
    const { [stream]: receiver } = this as Partial<StreamSocket>;
    // Before the upgrade the HTTP parser reads the handle itself; if it ever does not, the event is what it listens to.
    if (receiver === undefined || receiver.onSocketData(length)) this.emit('data', Buffer.from(sharedBuffer.subarray(0, length)));
    return true;
  },
};

function onSocketData(this: Socket, chunk: Uint8Array): void {
  (this as StreamSocket)[stream].onSocketData(chunk.length);
}

function onSocketDrain(this: Socket): void {
  (this as StreamSocket)[stream].onDrain();
}

function onSocketEnd(this: Socket): void {
  (this as StreamSocket)[stream].onPeerEnd();
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  // The binary type is 'nodebuffer', so that ws never hands over a list or an ArrayBuffer.
  (this as StreamWebSocket)[stream].onMessage(data as Buffer, isBinary);
}

function onError(this: WebSocket, error: Error): void {
  (this as StreamWebSocket)[stream].onError(error);
}

function onClose(this: WebSocket): void {
  (this as StreamWebSocket)[stream].onClose();
}
