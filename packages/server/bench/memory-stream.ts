import { type AdmissionTicket } from '../src/listeners/admission.js';
import { type ByteStream, type ByteStreamReceiver } from '../src/listeners/byte-stream.js';
import { type ListenerInformation } from '../src/listeners/listener-options.js';

// As large as the buffer that all plain connections read into, and used in the same way.
const readBuffer = Buffer.allocUnsafeSlow(128 * 1024);

/** A connection without a socket: what is fed to it has been read, what is written to it has gone. */
export class MemoryStream implements ByteStream {
  readonly listener: ListenerInformation;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  readonly certificate = undefined;
  readonly pendingBytes = 0;
  readonly admission: AdmissionTicket = {
    accepted: () => undefined,
    closed: () => undefined,
    received: () => true,
    target: { destroy: () => undefined },
  };
  private readonly keepsWritten: boolean;
  private written: Uint8Array[] = [];
  private receiver: ByteStreamReceiver | undefined;

  /** @param keepsWritten otherwise what is written is dropped */
  constructor(listener: ListenerInformation, keepsWritten: boolean) {
    this.listener = listener;
    this.keepsWritten = keepsWritten;
  }

  feed(bytes: Uint8Array): void {
    readBuffer.set(bytes);
    this.receiver!.received(readBuffer, bytes.length, bytes.length);
  }

  /** What was written since the last call. */
  takeWritten(): Uint8Array[] {
    const { written } = this;
    this.written = [];
    return written;
  }

  attach(receiver: ByteStreamReceiver): void {
    this.receiver = receiver;
  }

  write(bytes: Uint8Array, following?: Uint8Array): boolean {
    if (this.keepsWritten) {
      this.written.push(Uint8Array.from(bytes));
      if (following !== undefined) this.written.push(Uint8Array.from(following));
    }
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}
