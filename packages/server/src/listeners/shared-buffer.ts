import { type Server, Socket } from 'node:net';

/**
 * Every plain connection reads into this one buffer: no allocation per read, and idle connections own none. Reads never nest, because
 * libuv reads one socket after the other and the receiver has finished with the bytes when it returns. It has room for a packet of 64 KiB and more,
 * so that many of them come whole and need no array in which they are put together.
 */
export const sharedBuffer: Uint8Array = Buffer.allocUnsafeSlow(128 * 1024);

/** What is done with the bytes of a read: the first `length` bytes of the shared buffer, valid until the call returns. */
export interface SharedReading<S extends Socket> {
  readonly buffer: Uint8Array;
  /** True: go on reading. */
  callback(this: S, length: number): boolean;
}

interface ClientHandle {
  useUserBuffer?: (buffer: Uint8Array) => void;
  setNoDelay?: (enable: boolean) => void;
}

interface ServerHandle {
  onconnection?: (this: unknown, status: number, client: ClientHandle | undefined) => void;
}

/**
 * Makes a listening server create its sockets with the shared buffer. Node offers that for outgoing connections only (`onread`): neither
 * that the constructor takes a handle beside it nor the place where accepted handles arrive is documented. So anything unexpected takes the
 * ordinary way, a 'connection' event and a socket that is read by 'data' events. It saves a sixth of the processor time of small reads.
 */
export function acceptWithSharedBuffer(server: Server, reading: SharedReading<Socket>, onSocket: (socket: Socket) => void): void {
  const { _handle: handle } = server as unknown as { _handle?: ServerHandle };
  const ordinary = handle?.onconnection;
  if (handle === undefined || typeof ordinary !== 'function') return;
  handle.onconnection = function (status, client): void {
    if (status !== 0 || typeof client?.useUserBuffer !== 'function') {
      ordinary.call(this, status, client);
      return;
    }
    const options = { handle: client, allowHalfOpen: true, pauseOnCreate: true, onread: reading };
    const socket = new Socket(options);
    client.setNoDelay?.(true);
    onSocket(socket);
  };
}
