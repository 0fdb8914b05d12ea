import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from '@si-mqtt/codec';
import { type Attack, type AttackKind } from './child-messages.js';

// Hostile clients, in a process of their own: their sockets count against their own descriptors, and their work does not delay those
// who measure. Says `{ done }` when the attack is at its height, and goes on with it until it is disconnected.

const { kind, url, count } = JSON.parse(process.argv[2]) as Attack;
// Who attacks from elsewhere does not take the broker's processor; but who reads its answers must keep up, or it is cut off for that.
if (kind !== 'subscribes') setPriority(constants.priority.PRIORITY_LOW);
const { hostname, port } = new URL(url);
process.on('disconnect', () => void closeAll());

async function open(): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const sockets: Socket[] = [];
const batch = 50;
const batchMilliseconds = 50;

/** Opens `count` connections, at most 1,000 a second. */
async function openAll(use: (socket: Socket, index: number) => void | Promise<void>): Promise<void> {
  const uses: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const socket = await open();
    sockets.push(socket);
    uses.push(Promise.resolve(use(socket, index)));
    if (index % batch === batch - 1) await sleep(batchMilliseconds);
  }
  await Promise.all(uses);
}

/** They also go away bit by bit: when thousands of sockets end in the same moment, Node alone takes a long turn to close them. */
async function closeAll(): Promise<void> {
  while (sockets.length > 0) {
    for (const socket of sockets.splice(-batch)) socket.destroy();
    await sleep(batchMilliseconds);
  }
  process.exit();
}

const connectBytes = (clientId: string): Uint8Array =>
  encode({ type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId }, 5);

const filler = Buffer.alloc(65_536, 0xaa);

/** Writes with back-pressure; ends early when the socket is closed. */
async function writeAll(socket: Socket, chunks: Iterable<Uint8Array>): Promise<void> {
  await pipeline(Readable.from(chunks, { objectMode: true, highWaterMark: 1 }), socket, { end: false }).catch(() => undefined);
}

/** PINGREQ is answered after everything that came before it. */
async function everythingHandled(socket: Socket): Promise<void> {
  socket.write(Uint8Array.of(0xc0, 0));
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      if (chunk.length >= 2 && chunk.at(-2) === 0xd0 && chunk.at(-1) === 0) resolve();
    });
    socket.on('close', () => reject(new Error('the broker closed the connection')));
  });
}

/** `count` times a WebSocket upgrade and the first half of a frame of 1 MiB. */
function halfFrames(half: readonly Uint8Array[]): Promise<void> {
  return openAll(async (socket) => {
    socket.write(
      `GET /mqtt HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n',
    );
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => undefined);
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4]);
    await writeAll(socket.resume(), [header, ...half]);
  });
}

const attacks: Record<AttackKind, () => Promise<void>> = {
  /** Connections that send nothing. */
  silent: () => openAll((socket) => void socket.resume()),

  /** Connections that send the first half of a CONNECT. */
  halfConnect: () => openAll((socket, index) => void socket.resume().write(connectBytes(`half-${index}`).subarray(0, 10))),

  /** Connections that send CONNECT byte by byte, one each 100 ms, for as long as they may. */
  slowConnect: () =>
    openAll((socket, index) => {
      const bytes = connectBytes(`slow-${index}`.padEnd(1000, 'x'));
      let at = 0;
      const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 100);
      socket.resume().on('close', () => clearInterval(timer));
    }),

  /** WebSocket connections: half of a frame that is as large as a packet may be. */
  halfFrame: () => halfFrames(Array<Uint8Array>(8).fill(filler)),

  /** The same in pieces that each become a chunk of their own: what is kept of them costs more than their bytes. */
  halfFrameInPieces: () => halfFrames(Array<Uint8Array>(2600).fill(filler.subarray(0, 200))),

  /** Publishes `count` messages of 16 KiB, every second one at QoS 1, for five subscribers that never read. */
  neverReads: async () => {
    for (let i = 0; i < 5; i++) {
      const subscriber = await open();
      subscriber.pause();
      subscriber.write(connectBytes(`never-reads-${i}`));
      const request = { topicFilter: 'flood', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
      subscriber.write(encode({ type: 'subscribe', packetId: 1, subscriptions: [request] }, 5));
    }
    const publisher = await open();
    publisher.resume().write(connectBytes('flooder'));
    const payload = Buffer.alloc(16_384, 0xbb);
    await writeAll(publisher, publications(payload));
    await everythingHandled(publisher);
  },

  /** SUBSCRIBEs, each with another filter, by a client that reads the answers. */
  subscribes: async () => {
    const client = await open();
    client.resume().write(connectBytes('subscribes'));
    await writeAll(client, subscribes());
    await everythingHandled(client);
  },
};

function* publications(payload: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    const qos = (i % 2) as 0 | 1;
    const packetId = qos === 0 ? 0 : (i % 65_535) + 1;
    yield encode({ type: 'publish', dup: false, qos, retain: false, topicName: 'flood', packetId, payload }, 5);
  }
}

function* subscribes(): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    const request = { topicFilter: `many/${i % 317}/${i}`, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    yield encode({ type: 'subscribe', packetId: (i % 65_535) + 1, subscriptions: [request] }, 5);
  }
}

await attacks[kind]();
process.send!({ done: true });
