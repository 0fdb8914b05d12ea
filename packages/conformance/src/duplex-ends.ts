import { Duplex } from 'node:stream';
import { type Connect } from './target.js';

/**
 * One end of a connection within the process. What happens at one end is seen at the other a turn later and in order, as on a network: a
 * test that cuts one connection and then writes on another relies on it. (Node's `duplexPair` hands over at once, and does not tell of `destroy`.)
 */
class DuplexEnd extends Duplex {
  peer: DuplexEnd | undefined;
  private acknowledge: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: false });
  }

  override _read(): void {
    const acknowledge = this.acknowledge;
    this.acknowledge = undefined;
    acknowledge?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => {
      // The writer goes on when the other end has room again.
      if (this.peer?.destroyed === false && !this.peer.push(chunk)) this.peer.acknowledge = done;
      else done();
    });
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      if (this.peer?.destroyed === false) this.peer.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(() => this.peer?.destroy());
    done(error);
  }
}

/** Connects within the process: the broker gets the other end of each connection. */
export function overDuplex(accept: (stream: Duplex) => void): Connect {
  return () => {
    const [client, server] = [new DuplexEnd(), new DuplexEnd()];
    client.peer = server;
    server.peer = client;
    accept(server);
    return Promise.resolve(client);
  };
}
