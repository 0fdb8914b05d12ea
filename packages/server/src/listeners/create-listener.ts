import { type Admission } from './admission.js';
import { type Listener, type StreamHandler } from './byte-stream.js';
import { type ListenerOptions } from './listener-options.js';
import { TcpListener } from './tcp-listener.js';
import { TlsListener } from './tls-listener.js';
import { UnixListener } from './unix-listener.js';
import { WebSocketListener } from './websocket-listener.js';

/** The listener for what the configuration says; it does not listen yet. */
export function createListener(options: ListenerOptions, admission: Admission, handler: StreamHandler): Listener {
  switch (options.type) {
    case 'tcp':
      return new TcpListener(options, admission, handler);
    case 'tls':
      return new TlsListener(options, admission, handler);
    case 'unix':
      return new UnixListener(options, admission, handler);
    case 'websocket':
    case 'secure-websocket':
      return new WebSocketListener(options, admission, handler);
  }
}
