import { WebSocket } from 'ws';
import { bytes } from '../wire/bytes.js';
import { pingreq } from '../wire/requests.js';
import { StrictReader } from '../wire/strict-reader.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, type WireTest } from '../wire-test.js';

interface OpenSocket {
  /** As one frame; `binary: false` makes it a text frame. */
  readonly send: (content: Buffer, how?: { readonly binary?: boolean; readonly fin?: boolean }) => void;
  readonly protocol: string;
  readonly frames: { readonly data: Buffer; readonly isBinary: boolean }[];
  readonly closed: Promise<void>;
}

async function open(context: WireContext): Promise<OpenSocket> {
  const socket = new WebSocket(context.target.settings.webSocketUrl ?? '', 'mqtt', {
    perMessageDeflate: false,
    handshakeTimeout: context.timeoutMilliseconds,
    ...context.target.tls,
  });
  context.atEnd(() => socket.terminate());
  const frames: { data: Buffer; isBinary: boolean }[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    context.exchange.record(1, 'received', data);
    frames.push({ data, isBinary });
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      context.exchange.record(1, 'closed by the server');
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  const send = (content: Buffer, how: { binary?: boolean; fin?: boolean } = {}) => {
    context.exchange.record(1, 'sent', content);
    socket.send(how.binary === false ? content.toString('latin1') : content, how);
  };
  return { send, protocol: socket.protocol, frames, closed };
}

/** The types of the packets, of which the first accepts the connection, that came, once there are `count` of them. */
async function answers(context: WireContext, { frames }: OpenSocket, count: number): Promise<string[]> {
  for (const start = performance.now(); performance.now() - start < context.timeoutMilliseconds; ) {
    const reader = new StrictReader(context.version);
    const packets = frames.flatMap((frame) => reader.read(frame.data));
    if (packets[0]?.type === 'connack' && packets[0].reasonCode !== 0) throw new Error('CONNECT was refused');
    if (packets.length >= count) return packets.map((packet) => packet.type);
    await context.sleep(10);
  }
  throw new Error(`${frames.length} frames, no ${count} packets`);
}

/** MQTT over WebSocket (section 6). */
export const webSocketTests: readonly WireTest[] = [
  ...both(
    '6.0.0-1',
    '6.0.0-1',
    'the server sends binary frames, and closes on a text frame',
    async (context) => {
      const connection = await open(context);
      connection.send(context.connectBytes());
      equal(await answers(context, connection, 1), ['connack'], 'packets');
      equal(
        connection.frames.map((frame) => frame.isBinary),
        [true],
        'binary frames',
      );
      connection.send(pingreq, { binary: false });
      const late = context.sleep(context.timeoutMilliseconds).then(() => 'open');
      equal(await Promise.race([connection.closed.then(() => 'closed'), late]), 'closed', 'connection after a text frame');
    },
    'webSocketUrl',
  ),
  ...both(
    '6.0.0-2',
    '6.0.0-2',
    'frames that hold several packets or parts of them are one stream',
    async (context) => {
      const connection = await open(context);
      const content = bytes(context.connectBytes(), pingreq, pingreq);
      for (const byte of content.subarray(0, 10)) connection.send(Buffer.of(byte));
      connection.send(content.subarray(10, 15), { fin: false });
      connection.send(content.subarray(15));
      equal(await answers(context, connection, 3), ['connack', 'pingresp', 'pingresp'], 'packets');
    },
    'webSocketUrl',
  ),
  ...both(
    '6.0.0-4',
    '6.0.0-4',
    'the server selects the subprotocol mqtt',
    async (context) => {
      const connection = await open(context);
      equal(connection.protocol, 'mqtt', 'subprotocol');
      connection.send(context.connectBytes());
      equal(await answers(context, connection, 1), ['connack'], 'packets');
    },
    'webSocketUrl',
  ),
];
