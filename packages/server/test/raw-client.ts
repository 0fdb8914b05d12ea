import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnackPacket, type ConnectPacket, Decoder, encode, type Packet, type ProtocolVersion, type QoS } from '@si-mqtt/codec';

const waitMilliseconds = 5000;

type PacketOf<Type extends Packet['type']> = Extract<Packet, { type: Type }>;

/** A client without any behaviour of its own: it sends what it is told, and keeps what comes until somebody asks for it. */
export class RawClient {
  readonly socket: Socket;
  readonly protocolVersion: ProtocolVersion;
  private readonly chunks: Buffer[] = [];
  private readonly packets: Packet[] = [];
  private readonly decoder: Decoder;
  private wake: () => void = () => undefined;
  private isClosed = false;
  /** What the operating system said when the connection ended, as `ECONNRESET`. */
  private failure = '';

  private constructor(socket: Socket, protocolVersion: ProtocolVersion) {
    this.socket = socket;
    this.protocolVersion = protocolVersion;
    this.decoder = new Decoder(
      { receive: (packet) => this.packets.push(kept(packet)) },
      { from: 'server', maximumPacketSize: 268_435_460, protocolVersion },
    );
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.decoder.push(chunk);
      this.wake();
    });
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      this.failure = ` (${code ?? message})`;
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  /** Every byte that came, for those who compare bytes. */
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** @param url `mqtt://host:port`, as `Server.addresses` names it */
  static async open(url: string, protocolVersion: ProtocolVersion = 5): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket, protocolVersion);
  }

  /** Opens, sends CONNECT (clean start, no keep alive, unless told otherwise) and takes the CONNACK, whatever it says. */
  static async connected(
    url: string,
    connectPacket: Partial<ConnectPacket> & { clientId: string },
  ): Promise<RawClient & { readonly connack: ConnackPacket }> {
    const protocolVersion = connectPacket.protocolVersion ?? 5;
    const client = await RawClient.open(url, protocolVersion);
    client.send({ type: 'connect', cleanStart: true, keepAlive: 0, ...connectPacket, protocolVersion });
    return Object.assign(client, { connack: await client.next('connack') });
  }

  send(packet: Packet): void {
    this.socket.write(encode(packet, this.protocolVersion));
  }

  write(...bytes: number[]): void {
    this.socket.write(Uint8Array.from(bytes));
  }

  /** One SUBSCRIBE with one filter; the SUBACK is the next packet. */
  async subscribed(topicFilter: string, qos: QoS): Promise<void> {
    const request = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    this.send({ type: 'subscribe', packetId: 65_535, subscriptions: [request] });
    const { reasonCodes } = await this.next('suback');
    if (reasonCodes[0] !== qos) throw new Error(`SUBACK ${reasonCodes.join()} for ${topicFilter}`);
  }

  /** The next packet in order; another type than the named one is an error. */
  async next<Type extends Packet['type']>(type: Type): Promise<PacketOf<Type>> {
    const packet = await this.nextOfAny(type);
    if (packet.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(packet)}`);
    return packet as PacketOf<Type>;
  }

  /** @param what is awaited, for the message of the error */
  async nextOfAny(what: string = 'packet'): Promise<Packet> {
    if (this.packets.length === 0) await this.until(() => this.packets.length > 0, what);
    return this.packets.shift()!;
  }

  /** All packets that came within `milliseconds` and were not taken. */
  async rest(milliseconds: number): Promise<Packet[]> {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return this.packets.splice(0);
  }

  /** PINGREQ is answered after everything that was sent before: whatever precedes PINGRESP is returned. */
  async settled(): Promise<Packet[]> {
    this.send({ type: 'pingreq' });
    await this.until(() => this.packets.some(({ type }) => type === 'pingresp'), 'pingresp');
    const at = this.packets.findIndex(({ type }) => type === 'pingresp');
    return this.packets.splice(0, at + 1).slice(0, -1);
  }

  /** Resolves when the server has closed the connection. */
  async closed(milliseconds: number = waitMilliseconds): Promise<void> {
    await this.until(() => this.isClosed, 'the end of the connection', milliseconds);
  }

  /** As if the cable were cut: no DISCONNECT, and a reset instead of an orderly end. */
  cut(): void {
    this.socket.resetAndDestroy();
  }

  private async until(condition: () => boolean, what: string, milliseconds: number = waitMilliseconds): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} within ${milliseconds} ms`);
      if (this.isClosed) throw new Error(`the connection was closed while waiting for ${what}${this.failure}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Payloads are views that end with the call. */
function kept(packet: Packet): Packet {
  if (packet.type !== 'publish') return packet;
  const { type, dup, qos, retain, topicName, packetId, properties } = packet;
  return { type, dup, qos, retain, topicName, packetId, payload: packet.payload.slice(), ...(properties ? { properties } : {}) };
}
