import { type ByteStream, type ByteStreamReceiver } from '../src/listeners/byte-stream.js';
import { type ListenerInformation } from '../src/listeners/listener-options.js';

export const memoryListener: ListenerInformation = {
  name: 'tcp-0',
  type: 'tcp',
  allowAnonymous: true,
  proxyProtocol: false,
  authenticators: [],
  capabilities: {
    maximumQos: 2,
    retainAvailable: true,
    wildcardSubscriptionAvailable: true,
    sharedSubscriptionAvailable: true,
    subscriptionIdentifiersAvailable: true,
  },
  limits: {
    maximumPacketSize: 1024 * 1024,
    connectDeadlineSeconds: 10,
    connectionsMax: Infinity,
    connectRatePerSecond: Infinity,
    keepAliveSecondsMax: Infinity,
  },
};

/** The server's side of a connection without a socket: what it wrote is in `written`; `stalled` plays a client that does not read. */
export class MemoryStream implements ByteStream {
  readonly listener: ListenerInformation = memoryListener;
  readonly remoteAddress: string | undefined = undefined;
  readonly remotePort: number | undefined = undefined;
  readonly certificate: undefined = undefined;
  readonly admission = { accepted: () => undefined, closed: () => undefined, received: () => true };
  readonly written: Buffer[] = [];
  stalled = false;
  pendingBytes = 0;
  isClosed = false;
  isPaused = false;
  private receiver!: ByteStreamReceiver;
  private waiting: Uint8Array[] = [];

  attach(receiver: ByteStreamReceiver): void {
    this.receiver = receiver;
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes));
    if (this.stalled) this.pendingBytes += bytes.length;
    return !this.stalled;
  }

  drain(): void {
    this.stalled = false;
    this.pendingBytes = 0;
    this.receiver.drained();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const chunk of this.waiting.splice(0)) this.give(chunk);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    setImmediate(() => this.receiver.closed(undefined));
  }

  /** Bytes from the client. The chunk is overwritten afterwards, so that whoever keeps a view of it is found out. */
  give(bytes: Uint8Array): void {
    if (this.isPaused) {
      this.waiting.push(bytes);
      return;
    }
    const chunk = Buffer.from(bytes);
    this.receiver.received(chunk);
    chunk.fill(0xee);
  }

  hangUp(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.receiver.closed(undefined);
  }

  /** All bytes since the last call, when the turn has ended. */
  async take(): Promise<Buffer> {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    return Buffer.concat(this.written.splice(0));
  }
}
