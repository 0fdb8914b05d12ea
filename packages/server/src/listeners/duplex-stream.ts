import { type Duplex } from 'node:stream';
import { END_MILLISECONDS_MAX } from './accepted-stream.js';
import { type AdmissionTicket } from './admission.js';
import { type ByteStream, type ByteStreamReceiver } from './byte-stream.js';
import { type ListenerInformation } from './listener-options.js';

/** A byte stream over any duplex stream that a program brings along. */
export class DuplexStream implements ByteStream {
  readonly listener: ListenerInformation;
  readonly admission: AdmissionTicket;
  readonly remoteAddress: undefined = undefined;
  readonly remotePort: undefined = undefined;
  readonly certificate: undefined = undefined;
  readonly #duplex: Duplex;
  #receiver: ByteStreamReceiver | undefined = undefined;
  #error: Error | undefined = undefined;
  #lingering: NodeJS.Timeout | undefined = undefined;
  #paused = false;
  #ending = false;
  #peerEnded = false;

  constructor(listener: ListenerInformation, duplex: Duplex, admission: AdmissionTicket) {
    this.listener = listener;
    this.admission = admission;
    this.#duplex = duplex;
    admission.target = duplex;
    duplex.on('end', () => {
      this.#peerEnded = true;
      if (!this.#paused) this.#reportEnded();
    });
    duplex.on('drain', () => {
      if (!this.#ending) this.#receiver?.drained();
    });
    duplex.on('error', (error) => {
      this.#error = error;
    });
    duplex.on('close', () => this.#onClose());
  }

  get pendingBytes(): number {
    return this.#duplex.writableLength;
  }

  attach(receiver: ByteStreamReceiver): void {
    this.#receiver = receiver;
    this.#duplex.on('data', (chunk: Uint8Array) => this.#onData(chunk));
  }

  /** Up to the stream's own high-water mark everything counts as sent. */
  write(bytes: Uint8Array, following?: Uint8Array): boolean {
    if (this.#ending || this.#duplex.destroyed) return true;
    const hasRoom = this.#duplex.write(bytes);
    return following === undefined ? hasRoom : this.#duplex.write(following);
  }

  pause(): void {
    if (this.#paused || this.#ending) return;
    this.#paused = true;
    this.#duplex.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#reportEnded();
    this.#duplex.resume();
  }

  end(): void {
    if (this.#ending || this.#duplex.destroyed) return;
    this.#ending = true;
    this.#duplex.end();
    // What still comes is read and forgotten, so that the peer's end is seen.
    this.#duplex.resume();
    this.#lingering = setTimeout(() => this.#duplex.destroy(), END_MILLISECONDS_MAX);
    this.#lingering.unref();
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#ending) return;
    if (!this.admission.received(chunk.length)) this.#duplex.destroy();
    else this.#receiver?.received(chunk);
  }

  #reportEnded(): void {
    if (!this.#peerEnded || this.#ending) return;
    this.#peerEnded = false;
    this.#receiver?.ended();
  }

  #onClose(): void {
    clearTimeout(this.#lingering);
    this.admission.closed();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.closed(this.#ending ? undefined : this.#error);
  }
}
