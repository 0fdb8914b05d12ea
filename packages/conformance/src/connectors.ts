import { connect as connectSocket } from 'node:net';
import { type Duplex } from 'node:stream';
import { createWebSocketStream, WebSocket } from 'ws';
import { type Connect } from './target.js';

/** Connects over TCP. */
export function overTcp(port: number, host: string = '127.0.0.1'): Connect {
  return () => opened({ port, host });
}

/** Connects over a Unix socket. */
export function overUnixSocket(path: string): Connect {
  return () => opened({ path });
}

function opened(to: { port: number; host: string } | { path: string }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(to);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      if ('port' in to) socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** Connects over WebSocket with the subprotocol `mqtt`; every write is one binary frame. */
export function overWebSocket(url: string): Connect {
  return () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'mqtt', { perMessageDeflate: false });
      const stream = createWebSocketStream(socket);
      stream.once('error', reject);
      socket.once('open', () => {
        stream.off('error', reject);
        resolve(stream);
      });
    });
}
