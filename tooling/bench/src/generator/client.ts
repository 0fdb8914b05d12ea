import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { monotonicMilliseconds } from '../clock.js';
import { PacketReader, type PacketReceiver } from './packet-reader.js';
import { connectPacket, disconnectPacket, type ProtocolVersion, subscribePacket } from './packets.js';

const OPEN_SECONDS_MAX = 120;
const READ_BUFFER_BYTES = 256 * 1024;
const ANSWERS_BYTES = 64 * 1024;
const ANSWER_BYTES = 4;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly protocolVersion: ProtocolVersion;
}

/** What all connections of one process share: where they lead, the buffers, and whom to tell. */
export class Hub {
  readonly endpoint: Endpoint;
  readonly readBuffer: Buffer = Buffer.from(new ArrayBuffer(READ_BUFFER_BYTES));
  readonly readView: DataView = new DataView(this.readBuffer.buffer);
  /** Acknowledgements of the chunk that is being read. */
  answers: Buffer = Buffer.allocUnsafeSlow(ANSWERS_BYTES);
  failure: Error | undefined;
  /** When the chunk that is being read arrived. */
  readAt = 0;
  readonly #sockets = new Set<Socket>();
  /** Called after every chunk. */
  readonly wake: () => void;

  constructor(endpoint: Endpoint, wake: () => void) {
    this.endpoint = endpoint;
    this.wake = wake;
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
  }

  remove(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  /** Ends all connections at once. */
  close(): void {
    // With RST: tens of thousands of connections in TIME_WAIT would use up the ports.
    for (const socket of this.#sockets) {
      socket.removeAllListeners('close').on('error', () => undefined);
      socket.resetAndDestroy();
    }
  }
}

/** One connection of the generator. Publishers and subscribers say what they do with what arrives. */
export abstract class Client implements PacketReceiver {
  protected readonly hub: Hub;
  protected socket!: Socket;
  #descriptor: number | undefined;
  readonly #clientId: string;
  #answerBytes = 0;
  #opened: ((error?: Error) => void) | undefined;
  /** Requests that still have to be answered before the client is open. */
  #subscribes: Buffer[] = [];

  constructor(hub: Hub, clientId: string) {
    this.hub = hub;
    this.#clientId = clientId;
  }

  abstract delivery(qos: number, packetId: number, bytes: Buffer, view: DataView, payloadOffset: number, end: number): void;
  abstract acknowledgement(type: number, packetId: number, reasonCode: number): void;

  /** Connects, subscribes with one SUBSCRIBE for each list of filters, and resolves when the broker has agreed to everything. */
  open(subscribes: readonly (readonly string[])[] = [], qos = 0, sessionExpiryInterval = 0): Promise<void> {
    const { host, port, protocolVersion } = this.hub.endpoint;
    this.#subscribes = subscribes.map((filters) => subscribePacket(filters, qos, protocolVersion));
    const reader = new PacketReader(this, protocolVersion);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail('was not accepted in time'), OPEN_SECONDS_MAX * 1000);
      this.#opened = (error) => {
        clearTimeout(timer);
        this.#opened = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      // All connections read into one buffer: the reader keeps what it needs.
      const callback = (length: number): boolean => {
        this.#read(reader, length);
        return true;
      };
      this.socket = connect({ host, port, noDelay: true, onread: { buffer: this.hub.readBuffer, callback } });
      this.socket.once('error', (error) => this.#fail(error.message)).once('close', () => this.#fail('was closed by the broker'));
      this.socket.once('connect', () => (this.#descriptor = descriptorOf(this.socket)));
      this.hub.add(this.socket);
      this.socket.write(connectPacket(this.#clientId, protocolVersion, sessionExpiryInterval));
    });
  }

  /** Leaves with a DISCONNECT, and waits until the broker has closed. */
  async close(): Promise<void> {
    const { socket } = this;
    this.hub.remove(socket);
    const closed = new Promise<void>((resolve) => socket.removeAllListeners('close').once('close', () => resolve()));
    socket.end(disconnectPacket);
    await closed;
  }

  connack(returnCode: number): void {
    if (returnCode !== 0) this.#fail(`was refused with ${returnCode}`);
    else this.#next();
  }

  suback(_packetId: number, reasonCodes: Buffer): void {
    if (reasonCodes.some((code) => code >= 0x80)) this.#fail('may not subscribe');
    else this.#next();
  }

  disconnect(reasonCode: number): void {
    this.#fail(`was disconnected with ${reasonCode}`);
  }

  /**
   * Hands bytes to the kernel at once where there is a file descriptor for it: Node's stream costs up to a sixth of what a small write costs.
   * Bytes may be written over when `socket.writableLength` is 0.
   */
  protected send(bytes: Buffer, length: number): void {
    const sent = this.#descriptor === undefined || this.socket.writableLength > 0 ? 0 : writeAtOnce(this.#descriptor, bytes, length);
    if (sent < length) this.socket.write(bytes.subarray(sent, length));
  }

  /** Sends PUBACK, PUBREC, PUBREL or PUBCOMP, at the end of the chunk. */
  protected answer(firstByte: number, packetId: number): void {
    const { answers } = this.hub;
    const at = this.#answerBytes;
    answers[at] = firstByte;
    answers[at + 1] = 2;
    answers[at + 2] = packetId >> 8;
    answers[at + 3] = packetId & 0xff;
    this.#answerBytes = at + ANSWER_BYTES;
    if (this.#answerBytes === answers.length) this.#sendAnswers();
  }

  #next(): void {
    const subscribe = this.#subscribes.shift();
    if (subscribe === undefined) this.#opened?.();
    else this.socket.write(subscribe);
  }

  #read(reader: PacketReader, length: number): void {
    this.hub.readAt = monotonicMilliseconds();
    try {
      reader.read(this.hub.readBuffer, this.hub.readView, length);
    } catch (error) {
      this.#fail((error as Error).message);
    }
    if (this.#answerBytes > 0) this.#sendAnswers();
    this.hub.wake();
  }

  #sendAnswers(): void {
    this.send(this.hub.answers, this.#answerBytes);
    this.#answerBytes = 0;
    // What the kernel did not take at once still points into the buffer.
    if (this.socket.writableLength > 0) this.hub.answers = Buffer.allocUnsafeSlow(ANSWERS_BYTES);
  }

  #fail(what: string): void {
    const error = new Error(`${this.#clientId} ${what}`);
    this.#opened?.(error);
    this.hub.fail(error);
  }
}

/** Absent on systems without file descriptors. */
function descriptorOf(socket: Socket): number | undefined {
  const { fd } = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  return fd === undefined || fd < 0 ? undefined : fd;
}

/** @returns how much the kernel has taken */
function writeAtOnce(descriptor: number, bytes: Buffer, length: number): number {
  try {
    return writeSync(descriptor, bytes, 0, length);
  } catch {
    // Its buffer is full, or the connection has ended: the stream waits, or finds out.
    return 0;
  }
}
