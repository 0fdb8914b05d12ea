import { once } from 'node:events';
import { request } from 'node:http';
import { type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { isOriginAllowed } from '../../src/listeners/websocket-upgrade.js';
import { connectTcp, eventually, onCleanup, optionsOf, readBytes, type Served, serve, untilClosed } from './support.js';

async function open(served: Served, protocols: string | string[] = 'mqtt', options: { origin?: string } = {}): Promise<WebSocket> {
  const webSocket = new WebSocket(served.urls[0], protocols, options);
  onCleanup(() => webSocket.terminate());
  await once(webSocket, 'open');
  return webSocket;
}

/** The status that an upgrade is refused with. */
function refusal(
  served: Served,
  options: { path?: string; protocols?: string; origin?: string; upgrade?: boolean; method?: string },
): Promise<number> {
  const headers: Record<string, string> = {};
  if (options.upgrade !== false) {
    Object.assign(headers, {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    });
  }
  if (options.protocols !== undefined) headers['Sec-WebSocket-Protocol'] = options.protocols;
  if (options.origin !== undefined) headers['Origin'] = options.origin;
  return new Promise((resolve, reject) => {
    const sent = request({ port: served.port, host: '127.0.0.1', path: options.path ?? '/mqtt', method: options.method ?? 'GET', headers });
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve(101);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Upgrades by hand, so that the test decides about every frame. */
async function raw(served: Served, after: Uint8Array = new Uint8Array(0)): Promise<Socket> {
  const socket = await connectTcp(served.port);
  const head =
    'GET /mqtt?token=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n';
  socket.write(Buffer.concat([Buffer.from(head), after]));
  let answer = '';
  // What follows the answer in the same chunk (a pong) may be read here too.
  while (!answer.includes('\r\n\r\n')) answer += (await readBytes(socket, 1)).toString('latin1');
  expect(answer).toContain('101 Switching Protocols');
  return socket;
}

const frame = (first: number, payload: string): Buffer =>
  Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)]);
const FIN_BINARY = 0x82;
const BINARY = 0x02;
const CONTINUATION = 0x00;
const FIN_CONTINUATION = 0x80;
const FIN_PING = 0x89;

test('[MQTT-6.0.0-4] selects mqtt if it is offered, else mqttv3.1', async () => {
  const served = await serve(optionsOf('websocket'));
  expect((await open(served, ['mqttv3.1', 'mqtt'])).protocol).toBe('mqtt');
  expect((await open(served, 'mqttv3.1')).protocol).toBe('mqttv3.1');
});

test('[MQTT-6.0.0-3] refuses an upgrade that offers neither', async () => {
  const served = await serve(optionsOf('websocket'));
  expect(await refusal(served, { protocols: 'wamp, MQTT' })).toBe(400);
  expect(await refusal(served, {})).toBe(400);
  expect(await refusal(served, { protocols: 'chat,mqtt' })).toBe(101);
});

test('answers other requests shortly, and closes', async () => {
  const served = await serve(optionsOf('websocket'));
  expect(await refusal(served, { protocols: 'mqtt', path: '/other' })).toBe(404);
  expect(await refusal(served, { upgrade: false })).toBe(426);
  expect(await refusal(served, { upgrade: false, method: 'POST' })).toBe(426);
  expect(await refusal(served, { upgrade: false, path: '/' })).toBe(404);
  expect(await refusal(served, { protocols: 'mqtt', method: 'PUT' })).toBe(400);
  const garbage = await connectTcp(served.port);
  garbage.write(Buffer.from('101000044d5154540502003c0000', 'hex'));
  await untilClosed(garbage);
  expect(served.listener.counters.upgradesRefused).toBe(6);
  const other = 'no WebSocket: the path is not /mqtt';
  const none = 'no WebSocket: it was no upgrade request';
  expect(served.refusals).toEqual([other, none, none, other, ...Array.from({ length: 2 }, () => expect.stringMatching(/^no WebSocket: /))]);
  await eventually(() => served.admission.counters.connections === 0);
});

describe('Origin', () => {
  test('no header, and loopback origins, may connect by default', async () => {
    const served = await serve(optionsOf('websocket'));
    await open(served);
    await open(served, 'mqtt', { origin: 'http://localhost:3000' });
    expect(await refusal(served, { protocols: 'mqtt', origin: 'https://evil.example' })).toBe(403);
    expect(served.refusals).toEqual(['no WebSocket: allowedOrigins has no https://evil.example']);
    expect(await refusal(served, { protocols: 'mqtt', origin: 'null' })).toBe(403);
  });

  test.each<[string | undefined, string[], boolean]>([
    [undefined, [], true],
    ['http://127.0.0.1', ['loopback'], true],
    ['https://127.9.9.9:8443', ['loopback'], true],
    ['http://[::1]:80', ['loopback'], true],
    ['http://localhost.evil.example', ['loopback'], false],
    ['http://127.0.0.1.evil.example', ['loopback'], false],
    ['http://evil.example', ['*'], true],
    ['https://app.example.com', ['https://app.example.com'], true],
    ['https://app.example.com:444', ['https://app.example.com'], false],
    ['http://app.example.com', ['https://app.example.com'], false],
    ['http://localhost', ['https://app.example.com'], false],
    ['', ['loopback'], false],
  ])('%s with %j: %s', (origin, allowedOrigins, allowed) => {
    expect(isOriginAllowed(origin, allowedOrigins)).toBe(allowed);
  });
});

test('[MQTT-6.0.0-1] a text frame closes with 1003, and nothing after it is received', async () => {
  const served = await serve(optionsOf('websocket'));
  const webSocket = await open(served);
  webSocket.send('binary', { binary: true });
  webSocket.send('text', { binary: false });
  webSocket.send('after', { binary: true });
  const [code] = (await once(webSocket, 'close')) as [number];
  expect(code).toBe(1003);
  const recorder = await served.recorder();
  await recorder.closedOnce();
  expect(recorder.bytes.toString()).toBe('binary');
});

test('[MQTT-6.0.0-2] frames that are fragmented, coalesced and cut anywhere give the same bytes', async () => {
  const served = await serve(optionsOf('websocket'));
  const bytes = Buffer.concat([
    frame(FIN_BINARY, 'ab'),
    frame(BINARY, 'c'),
    frame(CONTINUATION, ''),
    frame(FIN_PING, 'ping'),
    frame(FIN_CONTINUATION, 'de'),
    frame(FIN_BINARY, ''),
    frame(FIN_BINARY, 'f'),
  ]);
  const whole = await raw(served, bytes);
  const first = await served.recorder();
  await first.until(() => first.bytes.length === 6);
  expect(first.bytes.toString()).toBe('abcdef');
  whole.destroy();
  const cut = await raw(served);
  const second = await served.recorder(1);
  for (const byte of bytes) {
    cut.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await second.until(() => second.bytes.length === 6);
  expect(second.bytes.toString()).toBe('abcdef');
});

test('[MQTT-6.0.0-1] sends binary frames', async () => {
  const served = await serve(optionsOf('websocket'));
  const webSocket = await open(served);
  (await served.recorder()).stream.write(Uint8Array.of(0x20, 0x02, 0x00, 0x00));
  const [data, isBinary] = (await once(webSocket, 'message')) as [Buffer, boolean];
  expect([data.toString('hex'), isBinary]).toEqual(['20020000', true]);
});

test('pause holds messages of the same chunk back, one at a time if asked', async () => {
  const served = await serve(optionsOf('websocket'), {
    onRecorder: (recorder) => {
      recorder.onReceived = () => recorder.stream.pause();
    },
  });
  const client = await raw(served, Buffer.concat(['one', 'two', 'three'].map((text) => frame(FIN_BINARY, text))));
  const recorder = await served.recorder();
  for (const expected of ['one', 'onetwo', 'onetwothree']) {
    await recorder.until(() => recorder.bytes.length >= expected.length);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(recorder.bytes.toString()).toBe(expected);
    recorder.stream.resume();
  }
  client.end();
  await recorder.until(() => recorder.events.includes('ended'));
});

test('what came before the end is handed over after resume, even if the socket is gone by then', async () => {
  const served = await serve(optionsOf('websocket'), {
    onRecorder: (recorder) => {
      recorder.onReceived = () => {
        if (recorder.chunks.length === 1) recorder.stream.pause();
      };
    },
  });
  const client = await raw(served, Buffer.concat(['one', 'two'].map((text) => frame(FIN_BINARY, text))));
  const recorder = await served.recorder();
  await recorder.until(() => recorder.bytes.length === 3);
  client.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  recorder.stream.resume();
  await recorder.closedOnce();
  expect(recorder.bytes.toString()).toBe('onetwo');
});

test('a message over the packet limit and its header closes with 1009; one at the limit does not', async () => {
  const served = await serve(optionsOf('websocket', { limits: { maximumPacketSize: 1000 } }), { echo: true });
  const webSocket = await open(served);
  webSocket.send(Buffer.alloc(1005));
  expect(((await once(webSocket, 'message')) as [Buffer])[0].length).toBe(1005);
  webSocket.send(Buffer.alloc(1006));
  const [code] = (await once(webSocket, 'close')) as [number];
  expect(code).toBe(1009);
  expect(served.recorders[0].bytes.length).toBe(1005);
});
