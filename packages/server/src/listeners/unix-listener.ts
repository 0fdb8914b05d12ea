import { chmod, lstat, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { type Admission, type AdmissionGate } from './admission.js';
import { type Listener, type ListenerAddress, type ListenerCounters, type StreamHandler } from './byte-stream.js';
import { bindError, errorCode, ListenError } from './listen-error.js';
import { type ListenerInformation, type UnixListenerOptions } from './listener-options.js';
import { SocketAcceptor } from './socket-acceptor.js';
import { directReading } from './socket-stream.js';
import { plainStream } from './tcp-listener.js';

/** MQTT over a Unix socket. The permission bits of its file say who may connect. */
export class UnixListener implements Listener {
  readonly information: ListenerInformation;
  readonly #options: UnixListenerOptions;
  readonly #acceptor: SocketAcceptor;

  constructor(options: UnixListenerOptions, admission: Admission, onStream: StreamHandler) {
    this.information = options;
    this.#options = options;
    this.#acceptor = new SocketAcceptor(options, admission, directReading, (socket, early) => {
      this.counters.accepted++;
      onStream(plainStream(options, socket, early));
    });
  }

  get counters(): ListenerCounters {
    return this.#acceptor.counters;
  }

  get gate(): AdmissionGate {
    return this.#acceptor.gate;
  }

  async listen(): Promise<ListenerAddress> {
    const { name, type, socketPath, socketMode } = this.#options;
    await this.#removeStaleSocket();
    await this.#acceptor.bindPath(socketPath);
    try {
      await chmod(socketPath, socketMode);
    } catch (error) {
      await this.close();
      throw bindError(name, socketPath, error);
    }
    return { name, type, endpoints: [], socketPath, urls: [`unix:${socketPath}`] };
  }

  close(): Promise<void> {
    return this.#acceptor.close();
  }

  /** A broker that was killed leaves its socket file behind. It is removed only if it is a socket and nobody answers there. */
  async #removeStaleSocket(): Promise<void> {
    const { name, socketPath } = this.#options;
    try {
      // libuv calls a missing folder "permission denied", so it is looked for here.
      await stat(dirname(socketPath));
    } catch (error) {
      throw bindError(name, socketPath, error);
    }
    try {
      const status = await lstat(socketPath);
      if (!status.isSocket()) {
        throw new ListenError(name, 'EEXIST', `${socketPath} is a file of another kind; remove it or choose another "socketPath"`);
      }
      if (!(await isAnswered(socketPath))) await unlink(socketPath);
    } catch (error) {
      if (error instanceof ListenError) throw error;
      if (errorCode(error) !== 'ENOENT') throw bindError(name, socketPath, error);
    }
  }
}

/** Anything but a refused connection counts as an answer: a socket that might be in use is not touched. */
function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', (error) => resolve(errorCode(error) !== 'ECONNREFUSED'));
  });
}
