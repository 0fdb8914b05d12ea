import { chmod, lstat, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { bindError, errorCode, ListenError } from './listen-error.js';
import { type UnixListenerOptions } from './listener-options.js';
import { type SocketAcceptor } from './socket-acceptor.js';

/** Makes the file of a Unix socket; its permission bits say who may connect. */
export async function bindSocketFile(options: UnixListenerOptions, acceptor: SocketAcceptor): Promise<void> {
  const { name, socketPath, socketMode } = options;
  await removeStaleSocket(options);
  await acceptor.bindPath(socketPath);
  try {
    await chmod(socketPath, socketMode);
  } catch (error) {
    await acceptor.close();
    throw bindError(name, socketPath, error);
  }
}

/** A broker that was killed leaves its socket file behind. It is removed only if it is a socket and nobody answers there. */
async function removeStaleSocket({ name, socketPath }: UnixListenerOptions): Promise<void> {
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
