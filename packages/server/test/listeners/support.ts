import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { Admission, type AdmissionLimits } from '../../src/listeners/admission.js';
import { type ByteStream, type ByteStreamReceiver } from '../../src/listeners/byte-stream.js';
import { Listener } from '../../src/listeners/listener.js';
import { type ListenerLimits, type ListenerOptions, type TlsOptions } from '../../src/listeners/listener-options.js';

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

const limits: ListenerLimits = {
  maximumPacketSize: 1024 * 1024,
  connectDeadlineSeconds: 10,
  connectionsMax: Number.POSITIVE_INFINITY,
  connectRatePerSecond: Number.POSITIVE_INFINITY,
  keepAliveSecondsMax: Number.POSITIVE_INFINITY,
};

const common = {
  name: 'test',
  allowAnonymous: true,
  proxyProtocol: false,
  authenticators: [],
  capabilities: {
    maximumQos: 2 as const,
    retainAvailable: true,
    wildcardSubscriptionAvailable: true,
    sharedSubscriptionAvailable: true,
    subscriptionIdentifiersAvailable: true,
  },
  limits,
  hosts: ['127.0.0.1'],
  port: 0,
};

export const ownCertificate: TlsOptions = {
  certificateFile: fixture('server.pem'),
  keyFile: fixture('server-key.pem'),
  clientCertificate: 'none',
  minimumVersion: 'TLSv1.2',
  serverNames: [],
};

interface Changes {
  limits?: Partial<ListenerLimits>;
  proxyProtocol?: boolean;
  allowedOrigins?: string[];
  hosts?: string[];
  port?: number;
  tls?: Partial<TlsOptions>;
  socketPath?: string;
}

export function optionsOf(type: ListenerOptions['type'], changes: Changes = {}): ListenerOptions {
  const base = {
    ...common,
    proxyProtocol: changes.proxyProtocol ?? false,
    hosts: changes.hosts ?? common.hosts,
    port: changes.port ?? 0,
    limits: { ...limits, ...changes.limits },
  };
  const upgrade = { path: '/mqtt', allowedOrigins: changes.allowedOrigins ?? ['loopback'] };
  const tls = { ...ownCertificate, ...changes.tls };
  switch (type) {
    case 'tcp':
      return { ...base, type };
    case 'tls':
      return { ...base, type, tls };
    case 'websocket':
      return { ...base, ...upgrade, type };
    case 'secure-websocket':
      return { ...base, ...upgrade, type, tls };
    case 'unix':
      return { ...base, type, socketPath: changes.socketPath ?? '', socketMode: 0o600 };
  }
}

/** Keeps what its stream delivers, in order. */
export class Recorder implements ByteStreamReceiver {
  readonly stream: ByteStream;
  readonly chunks: Buffer[] = [];
  readonly events: string[] = [];
  error: Error | undefined;
  /** Called after each event. */
  onEvent: () => void = () => undefined;
  onReceived: (chunk: Uint8Array) => void = () => undefined;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  received(bytes: Uint8Array, _readBytes?: number, length: number = bytes.length): void {
    const chunk = bytes.subarray(0, length);
    this.chunks.push(Buffer.from(chunk));
    this.events.push('received');
    this.onReceived(chunk);
    this.onEvent();
  }

  drained(): void {
    this.events.push('drained');
    this.onEvent();
  }

  ended(): void {
    this.events.push('ended');
    this.onEvent();
  }

  closed(error: Error | undefined): void {
    this.error = error;
    this.events.push('closed');
    this.onEvent();
  }

  /** Resolves as soon as the condition holds after an event. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.onEvent = () => {
        if (condition()) resolve();
      };
      this.onEvent();
    });
  }

  closedOnce(): Promise<void> {
    return this.until(() => this.events.includes('closed'));
  }
}

export interface Served {
  readonly listener: Listener;
  readonly admission: Admission;
  readonly recorders: Recorder[];
  /** Why connections did not become streams. */
  readonly refusals: readonly string[];
  readonly port: number;
  readonly urls: readonly string[];
  /** The first connection, or the one with the index. */
  recorder(index?: number): Promise<Recorder>;
}

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

export function onCleanup(close: () => Promise<void> | void): void {
  open.push(close);
}

export const monotonicClock = { monotonic: (): number => performance.now() };

export const unlimited: AdmissionLimits = {
  connectionsMax: Number.POSITIVE_INFINITY,
  unauthenticatedConnectionsMax: Number.POSITIVE_INFINITY,
  unauthenticatedBytesMax: Number.POSITIVE_INFINITY,
  connectRatePerSecond: Number.POSITIVE_INFINITY,
};

/** Listens, and records every stream; `echo` writes back what comes. */
export async function serve(
  options: ListenerOptions,
  settings: { limits?: Partial<AdmissionLimits>; echo?: boolean; onRecorder?: (recorder: Recorder) => void } = {},
): Promise<Served> {
  const admission = new Admission({ ...unlimited, ...settings.limits }, monotonicClock);
  const recorders: Recorder[] = [];
  let arrived: () => void = () => undefined;
  const refusals: string[] = [];
  const onStream = (stream: ByteStream): void => {
    const recorder = new Recorder(stream);
    if (settings.echo === true) recorder.onReceived = (chunk) => stream.write(Uint8Array.from(chunk));
    recorders.push(recorder);
    settings.onRecorder?.(recorder);
    stream.attach(recorder);
    arrived();
  };
  const listener = new Listener(options, admission, onStream, (reason) => refusals.push(reason));
  const address = await listener.listen();
  onCleanup(async () => {
    for (const recorder of recorders) recorder.stream.destroy();
    await listener.close();
    admission.close();
  });
  const recorder = async (index = 0): Promise<Recorder> => {
    while (recorders.length <= index) await new Promise<void>((resolve) => (arrived = resolve));
    return recorders[index];
  };
  return { listener, admission, recorders, refusals, port: address.endpoints[0]?.port ?? 0, urls: address.urls, recorder };
}

export async function connectTcp(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  socket.on('error', () => undefined);
  onCleanup(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Reads until so many bytes are there. */
export function readBytes(socket: NodeJS.ReadableStream, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      total += chunk.length;
      if (total < length) return;
      socket.removeListener('data', onData);
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', onData);
    socket.on('close', () => reject(new Error(`closed after ${total} of ${length} bytes`)));
  });
}

export async function untilClosed(socket: Socket): Promise<void> {
  socket.resume();
  // Not `once` of node:events: an error on the way is nothing to reject for.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

export async function eventually(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`still not true after 5 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
