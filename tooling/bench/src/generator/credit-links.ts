import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Tells the processes of other publishers what was delivered here, so that their loops stay closed. One connection leads to each of them;
 * what one turn of the event loop has collected for a process goes with one write.
 */
export class CreditLinks {
  readonly #server: Server;
  readonly #receive: (count: number) => void;
  readonly #peers: (Socket | undefined)[] = [];
  readonly #counts: number[] = [];
  #flushing = false;

  constructor(receive: (count: number) => void) {
    this.#receive = receive;
    this.#server = createServer((socket) => this.#listenTo(socket));
  }

  /** @returns the port for the others */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        if (address === null || typeof address === 'string') reject(new Error('a link has no port'));
        else resolve(address.port);
      });
    });
  }

  /** @param ports one for each process; @param own the process that this is */
  async join(ports: readonly number[], own: number): Promise<void> {
    for (const [process, port] of ports.entries()) {
      this.#counts[process] = 0;
      if (process !== own) this.#peers[process] = await connected(port);
    }
  }

  credit(process: number, count: number): void {
    this.#counts[process] += count;
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  close(): void {
    for (const peer of this.#peers) peer?.destroy();
    this.#server.close();
  }

  #flush(): void {
    this.#flushing = false;
    for (const [process, peer] of this.#peers.entries()) {
      if (peer === undefined || this.#counts[process] === 0) continue;
      const bytes = Buffer.allocUnsafe(4);
      bytes.writeUInt32LE(this.#counts[process]);
      this.#counts[process] = 0;
      peer.write(bytes);
    }
  }

  #listenTo(socket: Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    socket
      .setNoDelay()
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let offset = 0;
        for (; offset + 4 <= bytes.length; offset += 4) this.#receive(bytes.readUInt32LE(offset));
        rest = bytes.subarray(offset);
      });
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}
