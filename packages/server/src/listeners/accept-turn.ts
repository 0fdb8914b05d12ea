import { type Server } from 'node:net';
import { performance } from 'node:perf_hooks';

/** What a listening socket hands over: nothing reads from it before Node's own function has made a socket of it. */
interface ClientHandle {
  close?: () => void;
}

interface ServerHandle {
  onconnection?: (this: unknown, status: number, client: ClientHandle | undefined) => void;
}

/** How long new connections may keep one turn of the event loop from everybody else. */
const turnMilliseconds = 5;

/**
 * libuv accepts until nobody waits any more, in one turn of the event loop; setting up a connection takes many times as long as accepting it, so
 * that whoever connects fast enough would keep that turn from ending. After `turnMilliseconds` connections are only taken from the kernel, and
 * set up in the turns that follow. Node has no such thing, so this replaces a function of its handle; a Node without it accepts as usual.
 */
export function acceptInTurns(server: Server): void {
  const { _handle: handle } = server as unknown as { _handle?: ServerHandle };
  const ordinary = handle?.onconnection;
  if (handle === undefined || typeof ordinary !== 'function') return;
  let waiting: ClientHandle[] = [];
  /** 0: nothing was accepted in this turn. */
  let startedAt = 0;

  const nextTurn = () => {
    startedAt = waiting.length === 0 ? 0 : performance.now();
    let next = 0;
    while (next < waiting.length && performance.now() - startedAt < turnMilliseconds) {
      const client = waiting[next++];
      if (server.listening) ordinary.call(handle, 0, client);
      else client.close?.();
    }
    waiting = waiting.slice(next);
    if (startedAt !== 0) setImmediate(nextTurn);
  };

  handle.onconnection = function (status, client): void {
    if (startedAt === 0) {
      startedAt = performance.now();
      setImmediate(nextTurn);
    }
    const isLate = waiting.length > 0 || performance.now() - startedAt >= turnMilliseconds;
    if (isLate && status === 0 && client !== undefined) waiting.push(client);
    else ordinary.call(this, status, client);
  };
}
