import { type Server } from '../src/index.js';
import { type ByteStream, type ByteStreamReceiver } from '../src/listeners/byte-stream.js';
import { completeOptions } from '../src/server-options.js';

/** A connection whose bytes are handed over by hand, and what the server asks of its stream. */
export interface ByHand {
  readonly receiver: ByteStreamReceiver;
  readonly calls: string[];
}

export function acceptByHand(server: Server): ByHand {
  const calls: string[] = [];
  let receiver: ByteStreamReceiver | undefined;
  const note = (call: string) => () => void calls.push(call);
  const stream: ByteStream = {
    listener: completeOptions({ listeners: [{ type: 'tcp', name: 'tcp' }] }).listeners[0],
    remoteAddress: undefined,
    remotePort: undefined,
    certificate: undefined,
    admission: { accepted: () => undefined, closed: () => undefined, received: () => true, target: { destroy: () => undefined } },
    attach: (attached) => {
      receiver = attached;
    },
    write: () => true,
    pendingBytes: 0,
    pause: note('pause'),
    resume: note('resume'),
    end: note('end'),
    destroy: note('destroy'),
  };
  server.accept(stream);
  return { receiver: receiver!, calls };
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
