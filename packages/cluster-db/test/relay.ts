import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Another address of a server, which can go away and come back. */
export interface Relay {
  readonly url: string;
  /** So far. */
  readonly connections: number;
  stop(): Promise<void>;
  listen(): Promise<void>;
  /** Breaks off all connections; new ones are accepted, and get no answer, not even later. */
  silence(): void;
  /** Connections that are made from now on get answers. */
  speak(): void;
}

export async function relayTo(url: string): Promise<Relay> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let connections = 0;
  let isSilent = false;
  const server = createServer((near) => {
    connections += 1;
    if (isSilent) {
      sockets.add(near);
      near.on('error', () => undefined).resume();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
    }
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const own = new URL(url);
  own.port = String(port);
  return {
    url: own.href,
    get connections() {
      return connections;
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    listen: () => listen(port),
    silence: () => {
      isSilent = true;
      for (const socket of sockets) socket.destroy();
    },
    speak: () => {
      isSilent = false;
    },
  };
}
