import { type Admission } from './admission.js';
import { type Listener, type StreamHandler } from './byte-stream.js';
import { type ListenerOptions } from './listener-options.js';
import { TcpListener } from './tcp-listener.js';
import { TlsListener } from './tls-listener.js';
import { UnixListener } from './unix-listener.js';
import { WebSocketListener } from './websocket-listener.js';

/** Makes the listener that the options describe; it accepts nothing until `listen`. */
export function createListener(options: ListenerOptions, admission: Admission, onStream: StreamHandler): Listener {
  switch (options.type) {
    case 'tcp':
      return new TcpListener(options, admission, onStream);
    case 'tls':
      return new TlsListener(options, admission, onStream);
    case 'websocket':
    case 'secure-websocket':
      return new WebSocketListener(options, admission, onStream);
    case 'unix':
      return new UnixListener(options, admission, onStream);
  }
}
