import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Connect, type Target, type TargetVariants } from '../src/index.js';

/** What a server does with a new connection. */
export type Behaviour = (stream: Duplex) => void;

function answering(answer: (chunk: Buffer) => Uint8Array): Behaviour {
  return (stream) => {
    stream.on('data', (chunk: Buffer) => stream.write(answer(chunk)));
  };
}

/** Bytes that look random and are the same in every run (a linear congruential generator). */
function noise(seed: number, length: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state >> 16;
    }),
  );
}

/** Servers on which nothing holds. A test that passes on one of them proves nothing. */
export const badServers: Readonly<Record<string, Behaviour>> = {
  'accepts and never answers': (stream) => stream.resume(),
  'closes when the first bytes come': (stream) => {
    stream.resume();
    stream.once('data', () => stream.end());
  },
  'closes after an answer that is cut off': (stream) => {
    stream.resume();
    stream.once('data', () => stream.end(Buffer.of(0x20, 0x02, 0x00)));
  },
  'answers garbage': (stream) => {
    let seed = 7;
    answering(() => noise(++seed, 40))(stream);
  },
  'answers garbage and closes': (stream) => {
    stream.resume();
    stream.once('data', () => stream.end(noise(3, 40)));
  },
  'speaks HTTP': answering(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'sends back what it gets': answering((chunk) => Buffer.from(chunk)),
  'answers everything with PINGRESP': answering(() => Buffer.of(0xd0, 0x00)),
  'answers everything with a refusal': answering(() => Buffer.of(0x20, 0x02, 0x00, 0x05)),
};

/** A target with every setting, so that no test is left out. */
export async function badTarget(name: string, behaviour: Behaviour): Promise<{ target: Target; stop: () => Promise<void> }> {
  const connect: Connect = () => {
    const [client, server] = duplexPair();
    server.on('error', () => undefined);
    behaviour(server);
    return Promise.resolve(client);
  };
  const webSockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  webSockets.on('connection', (socket) => {
    const stream = createWebSocketStream(socket);
    stream.on('error', () => undefined);
    behaviour(stream);
  });
  await once(webSockets, 'listening');
  const variants: Required<TargetVariants> = {
    lowMaximumQos: connect,
    retainUnavailable: connect,
    wildcardUnavailable: connect,
    sharedUnavailable: connect,
    subscriptionIdentifiersUnavailable: connect,
    topicAliasUnavailable: connect,
    attachedProperties: connect,
    serverKeepAlive: connect,
  };
  const user = { userName: 'u', password: 'p' };
  return {
    target: {
      name,
      connect,
      variants,
      settings: {
        deniedPublishTopic: 'denied/topic',
        deniedSubscribeFilter: 'denied/#',
        users: [user, user],
        enhancedAuthentication: { method: 'SCRAM-SHA-256', ...user },
        webSocketUrl: `ws://127.0.0.1:${(webSockets.address() as AddressInfo).port}/mqtt`,
        responseInformation: true,
      },
    },
    stop: async () => {
      for (const socket of webSockets.clients) socket.terminate();
      await new Promise((resolve) => webSockets.close(resolve));
    },
  };
}
