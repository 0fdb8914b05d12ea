import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The way to a server, which a test can cut. */
export class CutProxy {
  private readonly server: Server;
  private readonly sockets: Set<Socket> = new Set();
  private isCut = false;

  private constructor(host: string, port: number) {
    this.server = createServer((client) => {
      if (this.isCut) {
        client.destroy();
        return;
      }
      const upstream = connect(port, host);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.sockets.add(socket);
        socket.pipe(other);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  /** Gives the proxy and the URL with which a client goes over it. */
  static async to(url: string): Promise<{ readonly proxy: CutProxy; readonly url: string }> {
    const target = new URL(url);
    const proxy = new CutProxy(target.hostname, Number(target.port));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    target.port = String((proxy.server.address() as AddressInfo).port);
    return { proxy, url: target.href };
  }

  /** What is connected breaks off, and nobody gets through. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
