import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A broker that knows just enough for one message of QoS 0 to come through, so that there is something to judge. 5.0 only. */
export class MiniBroker {
  readonly port: number;
  connections = 0;
  /** What it does with a new connection; `false` leaves it alone. */
  private readonly serves: (count: number, socket: Socket) => boolean;
  private readonly server: Server;
  private readonly sockets: Set<Socket> = new Set();
  private readonly subscribers: { topic: string; socket: Socket }[] = [];

  private constructor(server: Server, serves: MiniBroker['serves']) {
    this.server = server;
    this.serves = serves;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.accept(socket));
  }

  static async start(serves: MiniBroker['serves'] = () => true): Promise<MiniBroker> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new MiniBroker(server, serves);
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Takes no connection any more, and drops those that there are. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    if (!this.serves(++this.connections, socket)) return;
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      // Remaining Lengths of one byte are all that it has to know.
      while (rest.length >= 2 && rest.length >= 2 + rest[1]) {
        this.receive(socket, rest.subarray(0, 2 + rest[1]));
        rest = rest.subarray(2 + rest[1]);
      }
    });
  }

  private receive(socket: Socket, packet: Buffer): void {
    const type = packet[0] >> 4;
    if (type === 1) {
      const level = packet[8];
      if (level !== 5) socket.end(Buffer.of(0x20, 2, 0, 1));
      else socket.write(Buffer.of(0x20, 3, 0, 0, 0));
    } else if (type === 8) {
      this.subscribers.push({ topic: packet.subarray(7, 7 + packet.readUInt16BE(5)).toString(), socket });
      socket.write(Buffer.of(0x90, 4, packet[2], packet[3], 0, packet[packet.length - 1] & 3));
    } else if (type === 3) {
      const topic = packet.subarray(4, 4 + packet.readUInt16BE(2)).toString();
      for (const one of this.subscribers) if (one.topic === topic) one.socket.write(packet);
    } else if (type === 12) {
      socket.write(Buffer.of(0xd0, 0));
    } else if (type === 14) {
      socket.end();
    }
  }
}
