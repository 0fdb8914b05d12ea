import { type Duplex } from 'node:stream';
import { bytes, type Part } from './bytes.js';
import { type Exchange } from './exchange.js';
import { pingreq, type Version } from './requests.js';
import { type PacketByType, type ServerPacket } from './server-packets.js';
import { StrictReader } from './strict-reader.js';

type PacketType = keyof PacketByType;

/** The server did not do what the test asks for. */
export class Expectation extends Error {
  override readonly name = 'Expectation';
}

/** One connection: bytes out as given, packets in as the strict reader sees them. */
export class RawClient {
  readonly version: Version;
  /** How long an answer may take before it counts as missing. */
  readonly timeoutMilliseconds: number;
  private readonly exchange: Exchange;
  /** Its number in the exchange. */
  private readonly connection: number;
  private readonly stream: Duplex;
  private readonly reader: StrictReader;
  private readonly packets: ServerPacket[] = [];
  /** The first chunks, for `rawUntilClosed`. */
  private readonly received: Buffer[] = [];
  private failure: Error | undefined;
  private closed = false;
  private isCut = false;
  private wake: () => void = () => undefined;

  constructor(stream: Duplex, version: Version, timeoutMilliseconds: number, exchange: Exchange, connection: number) {
    this.stream = stream;
    this.version = version;
    this.timeoutMilliseconds = timeoutMilliseconds;
    this.exchange = exchange;
    this.connection = connection;
    this.reader = new StrictReader(version);
    stream.on('data', (chunk: Buffer) => this.take(chunk));
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.markClosed());
  }

  private take(chunk: Buffer): void {
    this.exchange.record(this.connection, 'received', chunk);
    if (this.received.length < 16) this.received.push(chunk);
    try {
      if (this.failure === undefined) this.packets.push(...this.reader.read(chunk));
    } catch (breach) {
      this.failure = breach as Error;
    }
    this.wake();
  }

  private markClosed(): void {
    if (!this.closed && !this.isCut) this.exchange.record(this.connection, 'closed by the server');
    this.closed = true;
    this.wake();
  }

  /** Writes the parts in one piece. A server that has closed already is no error here. */
  send(...parts: readonly Part[]): void {
    const content = bytes(...parts);
    this.exchange.record(this.connection, 'sent', content);
    if (!this.stream.destroyed && this.stream.writable) this.stream.write(content);
  }

  fail(reason: string): never {
    throw new Expectation(reason);
  }

  /** Milliseconds from which on an answer is late. */
  private deadline(timeoutMilliseconds: number): number {
    return performance.now() + timeoutMilliseconds;
  }

  /** Waits until `ready` gives something; undefined after the deadline, or when the stream has ended. */
  private async until<Result>(ready: () => Result | undefined, deadline: number, unread: boolean = false): Promise<Result | undefined> {
    for (;;) {
      const result = ready();
      if (result !== undefined) return result;
      if (this.failure !== undefined && !unread) this.fail(this.failure.message);
      const rest = deadline - performance.now();
      if (this.closed || rest <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, rest);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The next packet. */
  async next(what: string = 'a packet', timeoutMilliseconds: number = this.timeoutMilliseconds): Promise<ServerPacket> {
    const packet = await this.until(() => this.packets.shift(), this.deadline(timeoutMilliseconds));
    return (
      packet ??
      this.fail(this.closed ? `the server closed instead of sending ${what}` : `no answer within ${timeoutMilliseconds} ms: ${what}`)
    );
  }

  /** The next packet, which must be of that type. */
  async expect<Type extends PacketType>(type: Type, timeoutMilliseconds?: number): Promise<PacketByType[Type]> {
    return this.expectOneOf([type], timeoutMilliseconds);
  }

  /** The next packet, which must be of one of these types. */
  async expectOneOf<Type extends PacketType>(types: readonly Type[], timeoutMilliseconds?: number): Promise<PacketByType[Type]> {
    const packet = await this.next(types.join(' or '), timeoutMilliseconds);
    if (!types.includes(packet.type as Type)) this.fail(`${packet.type} came instead of ${types.join(' or ')}`);
    return packet as PacketByType[Type];
  }

  /** The first packet of that type; those of other types before it stay for later. */
  async find<Type extends PacketType>(type: Type, timeoutMilliseconds: number = this.timeoutMilliseconds): Promise<PacketByType[Type]> {
    const packet = await this.until(() => {
      const index = this.packets.findIndex((one) => one.type === type);
      return index < 0 ? undefined : this.packets.splice(index, 1)[0];
    }, this.deadline(timeoutMilliseconds));
    return (packet ??
      this.fail(`no ${type} within ${timeoutMilliseconds} ms${this.closed ? ', the server closed' : ''}`)) as PacketByType[Type];
  }

  /** Nothing lies before the answer to a PINGREQ; with `milliseconds`, nothing comes in that time either. */
  async expectNothing(milliseconds: number = 0): Promise<void> {
    if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.send(pingreq);
    await this.expect('pingresp');
  }

  /** Everything that comes until the server closes the connection. */
  async packetsUntilClosed(timeoutMilliseconds: number = this.timeoutMilliseconds): Promise<ServerPacket[]> {
    const closed = await this.until(() => (this.closed ? true : undefined), this.deadline(timeoutMilliseconds));
    if (closed === undefined) this.fail(`the server did not close within ${timeoutMilliseconds} ms`);
    if (this.failure !== undefined) this.fail(this.failure.message);
    if (this.reader.pendingBytes > 0) this.fail('the server closed in the middle of a packet');
    return this.packets.splice(0);
  }

  /** All bytes until the server closes, unread: for answers whose version is the server's to choose. */
  async rawUntilClosed(): Promise<Buffer> {
    const closed = await this.until(() => (this.closed ? true : undefined), this.deadline(this.timeoutMilliseconds), true);
    if (closed === undefined) this.fail(`the server did not close within ${this.timeoutMilliseconds} ms`);
    return Buffer.concat(this.received);
  }

  /** The first bytes, unread; fewer than `count` if no more come in time, or before the end. */
  async rawBeginning(count: number): Promise<Buffer> {
    const received = () => Buffer.concat(this.received);
    await this.until(() => (received().length >= count ? true : undefined), this.deadline(this.timeoutMilliseconds), true);
    return received();
  }

  /** Whether the server's end of the stream has been seen. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Ends the transport without a DISCONNECT, as a broken network does. */
  cut(): void {
    this.isCut = true;
    this.stream.on('error', () => undefined);
    this.stream.destroy();
  }
}
