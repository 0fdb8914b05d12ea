import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { ListenError } from '../../src/listeners/listen-error.js';
import { type ListenerType } from '../../src/listeners/listener-options.js';
import { connectTcp, onCleanup, optionsOf, readBytes, type Served, serve } from './support.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
  onCleanup(() => rm(folder, { recursive: true }));
  return folder;
}

async function serveType(type: ListenerType, settings: Parameters<typeof serve>[1] = {}): Promise<Served & { socketPath: string }> {
  const socketPath = join(await temporaryFolder(), 'mqtt.sock');
  return { ...(await serve(optionsOf(type, { socketPath }), settings)), socketPath };
}

async function connectTo(served: Served & { socketPath: string }): Promise<Duplex> {
  const { type } = served.listener.information;
  if (type === 'websocket' || type === 'secure-websocket') {
    const webSocket = new WebSocket(served.urls[0], 'mqtt', { rejectUnauthorized: false });
    onCleanup(() => webSocket.terminate());
    await once(webSocket, 'open');
    const duplex = createWebSocketStream(webSocket);
    duplex.on('error', () => undefined);
    return duplex;
  }
  let socket: Socket;
  if (type === 'tls')
    socket = connectTls({ port: served.port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true } as object);
  else if (type === 'unix') socket = connect({ path: served.socketPath, allowHalfOpen: true });
  else socket = connect({ port: served.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  onCleanup(() => void socket.destroy());
  await once(socket, type === 'tls' ? 'secureConnect' : 'connect');
  return socket;
}

describe.each<ListenerType>(['tcp', 'tls', 'websocket', 'secure-websocket', 'unix'])('%s', (type) => {
  test('carries bytes both ways, unchanged and in order', async () => {
    const served = await serveType(type, { echo: true });
    const client = await connectTo(served);
    const sent = randomBytes(3_000_000);
    const back = readBytes(client, sent.length);
    for (let offset = 0; offset < sent.length; offset += 300_000) client.write(sent.subarray(offset, offset + 300_000));
    expect((await back).equals(sent)).toBe(true);
    expect(served.listener.counters.accepted).toBe(1);
  });

  test('hands over everything that was read before the peer ended, then says so, then closes once', async () => {
    const served = await serveType(type);
    const client = await connectTo(served);
    client.write('first');
    client.end('last');
    const recorder = await served.recorder();
    await recorder.until(() => recorder.events.includes('ended'));
    expect(recorder.bytes.toString()).toBe('firstlast');
    recorder.stream.end();
    client.resume();
    await recorder.closedOnce();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(recorder.events.filter((event) => event !== 'received')).toEqual(['ended', 'closed']);
    expect(recorder.error).toBeUndefined();
    expect(served.admission.counters.connections).toBe(0);
  });

  test('write answers false while the peer does not read, and drained follows when it does', async () => {
    const served = await serveType(type);
    const client = await connectTo(served);
    client.pause();
    const recorder = await served.recorder();
    const chunk = randomBytes(262_144);
    let written = 0;
    // The kernel's buffers grow for a while, so that one false may be answered soon; this many bytes they cannot hold.
    while (written < 64 * chunk.length) {
      const taken = recorder.stream.write(Uint8Array.from(chunk));
      written += chunk.length;
      if (!taken && recorder.stream.pendingBytes > 2_000_000) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(recorder.stream.pendingBytes).toBeGreaterThan(2_000_000);
    recorder.events.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(recorder.events).toEqual([]);
    const everything = readBytes(client, written);
    client.resume();
    await recorder.until(() => recorder.events.includes('drained'));
    expect(recorder.stream.pendingBytes).toBe(0);
    expect((await everything).length).toBe(written);
    expect(recorder.stream.write(Uint8Array.of(1))).toBe(true);
  });

  test('end sends what was written before it closes', async () => {
    const served = await serveType(type);
    const client = await connectTo(served);
    const recorder = await served.recorder();
    const sent = randomBytes(2_000_000);
    recorder.stream.write(Uint8Array.from(sent));
    recorder.stream.end();
    expect(recorder.stream.write(Uint8Array.of(1))).toBe(true);
    const chunks: Buffer[] = [];
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(client, 'end');
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    client.end();
    await recorder.closedOnce();
  });

  test('pause holds back what the peer sends and that it ended, resume hands it over', async () => {
    const served = await serveType(type, { onRecorder: ({ stream }) => stream.pause() });
    const client = await connectTo(served);
    const recorder = await served.recorder();
    client.write('one');
    client.end('two');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(recorder.events).toEqual([]);
    recorder.stream.resume();
    await recorder.until(() => recorder.events.includes('ended'));
    expect(recorder.bytes.toString()).toBe('onetwo');
  });

  test('destroy closes at once; the peer’s reset is an error', async () => {
    const served = await serveType(type);
    const first = await connectTo(served);
    first.resume();
    const recorder = await served.recorder();
    recorder.stream.destroy();
    await recorder.closedOnce();
    expect(recorder.events).toContain('closed');
    if (type !== 'tcp') return;
    const second = (await connectTo(served)) as Socket;
    const reset = await served.recorder(1);
    second.resetAndDestroy();
    await reset.closedOnce();
    expect((reset.error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  test('close stops accepting and leaves streams alone', async () => {
    const served = await serveType(type, { echo: true });
    const client = await connectTo(served);
    await served.recorder();
    await served.listener.close();
    await expect(connectTo(served)).rejects.toThrow();
    const back = readBytes(client, 5);
    client.write('still');
    expect((await back).toString()).toBe('still');
  });
});

test('end cuts off a peer that does not read, after 2 seconds, on every transport', async () => {
  const types: ListenerType[] = ['tcp', 'tls', 'websocket', 'secure-websocket', 'unix'];
  const durations = types.map(async (type) => {
    const served = await serveType(type);
    const client = await connectTo(served);
    client.pause();
    const recorder = await served.recorder();
    for (let index = 0; index < 10; index++) recorder.stream.write(new Uint8Array(2_000_000));
    const start = performance.now();
    recorder.stream.end();
    await recorder.closedOnce();
    return performance.now() - start;
  });
  for (const duration of await Promise.all(durations)) {
    expect(duration).toBeGreaterThan(1900);
    expect(duration).toBeLessThan(5000);
  }
});

test('reads of TCP and Unix sockets share one buffer', async () => {
  const served = await serve(optionsOf('tcp'));
  const buffers = new Set<ArrayBufferLike>();
  for (let index = 0; index < 3; index++) {
    const client = await connectTcp(served.port);
    const recorder = await served.recorder(index);
    recorder.onReceived = (chunk) => buffers.add(chunk.buffer);
    client.write('x');
    await recorder.until(() => recorder.events.includes('received'));
  }
  expect(buffers.size).toBe(1);
});

test('several hosts get the same free port', async () => {
  const served = await serve(optionsOf('tcp', { hosts: ['127.0.0.1', '127.0.0.2', '::1'] }), { echo: true });
  expect(new Set(served.urls.map((url) => url.slice(url.lastIndexOf(':')))).size).toBe(1);
  const client = connect(served.port, '127.0.0.2');
  onCleanup(() => void client.destroy());
  client.write('hi');
  expect((await readBytes(client, 2)).toString()).toBe('hi');
});

describe('listen rejects with one line that says what to do', () => {
  const failure = async (listening: Promise<unknown>): Promise<ListenError> => {
    const error: unknown = await listening.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ListenError)) throw new Error('expected a ListenError', { cause: error });
    expect(error.listenerName).toBe('test');
    expect(error.message).not.toContain('\n');
    return error;
  };

  test('port in use, and the other hosts are free again', async () => {
    const occupant = createServer().listen(0, '127.0.0.2');
    onCleanup(() => void occupant.close());
    await once(occupant, 'listening');
    const { port } = occupant.address() as { port: number };
    const error = await failure(serve(optionsOf('tcp', { hosts: ['127.0.0.1', '127.0.0.2'], port })));
    expect(error.code).toBe('EADDRINUSE');
    expect(error.message).toContain(`127.0.0.2:${port}`);
    await serve(optionsOf('tcp', { port }));
  });

  test('an address that is not ours', async () => {
    expect((await failure(serve(optionsOf('tcp', { hosts: ['203.0.113.1'] })))).code).toBe('EADDRNOTAVAIL');
  });

  test('a missing certificate, and a key of another certificate', async () => {
    const missing = await failure(serve(optionsOf('tls', { tls: { certificateFile: '/nowhere/cert.pem' } })));
    expect(missing.code).toBe('ENOENT');
    expect(missing.message).toContain('certificateFile /nowhere/cert.pem');
    const mismatch = await failure(
      serve(optionsOf('secure-websocket', { tls: { keyFile: new URL('fixtures/client-key.pem', import.meta.url).pathname } })),
    );
    expect(mismatch.message).toContain('belong together');
  });

  test('a folder that does not exist, and a path that is a file', async () => {
    const folder = await temporaryFolder();
    expect((await failure(serve(optionsOf('unix', { socketPath: join(folder, 'no', 'mqtt.sock') })))).code).toBe('ENOENT');
    const socketPath = join(folder, 'file');
    await writeFile(socketPath, 'kept');
    expect((await failure(serve(optionsOf('unix', { socketPath })))).code).toBe('EEXIST');
    expect((await stat(socketPath)).isFile()).toBe(true);
  });

  test('a Unix socket that somebody answers on', async () => {
    const socketPath = join(await temporaryFolder(), 'mqtt.sock');
    await serve(optionsOf('unix', { socketPath }), { echo: true });
    expect((await failure(serve(optionsOf('unix', { socketPath })))).code).toBe('EADDRINUSE');
    const client = connect(socketPath);
    onCleanup(() => void client.destroy());
    client.write('ok');
    expect((await readBytes(client, 2)).toString()).toBe('ok');
  });
});

test('a stale Unix socket is replaced, with the permission bits of the options', async () => {
  const socketPath = join(await temporaryFolder(), 'mqtt.sock');
  const { spawnSync } = await import('node:child_process');
  // Killed while it listens, so that nobody removes the file.
  spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  expect((await stat(socketPath)).isSocket()).toBe(true);
  await serve(optionsOf('unix', { socketPath }), { echo: true });
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  const client = connect(socketPath);
  onCleanup(() => void client.destroy());
  client.write('ok');
  expect((await readBytes(client, 2)).toString()).toBe('ok');
});
