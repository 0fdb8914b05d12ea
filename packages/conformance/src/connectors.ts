import { connect as connectSocket, isIP } from 'node:net';
import { type Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import { type Connect } from './target.js';

/** How to trust a broker on a secure transport, and the certificate to show it. */
export interface TlsSettings extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  /** False takes any certificate; default true. */
  readonly rejectUnauthorized?: boolean;
}

const defaultPorts: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };

/** Connects over TCP. */
export function overTcp(port: number, host: string = '127.0.0.1'): Connect {
  return () => opened(connectSocket({ port, host, noDelay: true }), 'connect');
}

/** Connects over TLS. */
export function overTls(port: number, host: string = '127.0.0.1', tls: TlsSettings = {}): Connect {
  // An address is no server name (RFC 6066, 3).
  const servername = isIP(host) === 0 ? host : '';
  return () => {
    const socket = connectTls({ port, host, servername, ...tls });
    socket.setNoDelay(true);
    return opened(socket, 'secureConnect');
  };
}

/** Connects over a Unix socket. */
export function overUnixSocket(path: string): Connect {
  return () => opened(connectSocket({ path }), 'connect');
}

function opened<Stream extends Duplex>(stream: Stream, event: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once(event, () => {
      stream.off('error', reject);
      resolve(stream);
    });
  });
}

/** Connects over WebSocket with the subprotocol `mqtt`; every write is one binary frame. */
export function overWebSocket(url: string, tls: TlsSettings = {}): Connect {
  return () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'mqtt', { perMessageDeflate: false, ...tls });
      const stream = createWebSocketStream(socket);
      stream.once('error', reject);
      socket.once('open', () => {
        stream.off('error', reject);
        resolve(stream);
      });
    });
}

/**
 * Connects as a URL says: `mqtt://`, `mqtts://`, `ws://` or `wss://`.
 *
 * @throws RangeError if it is no such URL
 */
export function overUrl(text: string, tls: TlsSettings = {}): Connect {
  const url = parsed(text);
  if (url.protocol === 'ws:' || url.protocol === 'wss:') return overWebSocket(text, tls);
  if (!['', '/'].includes(url.pathname) || url.search !== '') throw new RangeError(`${text}: only ws:// and wss:// have a path`);
  const port = url.port === '' ? defaultPorts[url.protocol] : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return url.protocol === 'mqtt:' ? overTcp(port, host) : overTls(port, host, tls);
}

function parsed(text: string): URL {
  if (!URL.canParse(text) || !(new URL(text).protocol in defaultPorts)) {
    throw new RangeError(`${text} is no URL with mqtt://, mqtts://, ws:// or wss://`);
  }
  const url = new URL(text);
  if (url.hostname === '') throw new RangeError(`${text} names no host`);
  if (url.username !== '' || url.password !== '') throw new RangeError('user name and password do not belong in the URL');
  return url;
}
