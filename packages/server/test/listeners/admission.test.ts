import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Admission, type AdmissionTicket } from '../../src/listeners/admission.js';
import { type ListenerType } from '../../src/listeners/listener-options.js';
import { connectTcp, eventually, onCleanup, optionsOf, serve, unlimited, untilClosed } from './support.js';

const gateLimits = { connectDeadlineSeconds: 10, connectionsMax: Number.POSITIVE_INFINITY, connectRatePerSecond: Number.POSITIVE_INFINITY };

class Target {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
  }
}

describe('Admission', () => {
  let now = 0;
  const clock = { monotonic: (): number => now };
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    vi.advanceTimersByTime(milliseconds);
  };
  beforeEach(() => {
    now = 1000;
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  const admitted = (ticket: AdmissionTicket | undefined): AdmissionTicket => {
    if (ticket === undefined) throw new Error('expected to be admitted');
    return ticket;
  };

  test('closes what has not been accepted at its deadline, and nothing else', () => {
    const admission = new Admission(unlimited, clock);
    const gate = admission.openGate(gateLimits);
    const targets = Array.from({ length: 6 }, () => new Target());
    const tickets = targets.map((target, index) => {
      pass(index === 3 ? 1000 : 0);
      return admitted(gate.admit(target));
    });
    tickets[1].accepted();
    tickets[5].closed();
    pass(9000);
    expect(targets.map((target) => target.destroyed)).toEqual([true, false, true, false, false, false]);
    pass(1000);
    expect(targets.map((target) => target.destroyed)).toEqual([true, false, true, true, true, false]);
    expect(admission.counters).toMatchObject({ connections: 1, unauthenticatedConnections: 0, closedByConnectDeadline: 4, admitted: 6 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one timer serves all connections of a listener, and close stops it', () => {
    const admission = new Admission(unlimited, clock);
    const gate = admission.openGate(gateLimits);
    for (let index = 0; index < 1000; index++) gate.admit(new Target());
    expect(vi.getTimerCount()).toBe(1);
    admission.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('connectionsMax counts accepted ones too, and frees places', () => {
    const admission = new Admission({ ...unlimited, connectionsMax: 2 }, clock);
    const gate = admission.openGate(gateLimits);
    const other = admission.openGate({ ...gateLimits, connectionsMax: 1 });
    const ticket = admitted(gate.admit(new Target()));
    ticket.accepted();
    admitted(other.admit(new Target()));
    expect(other.admit(new Target())).toBeUndefined();
    expect(gate.admit(new Target())).toBeUndefined();
    ticket.closed();
    ticket.closed();
    admitted(gate.admit(new Target()));
    expect(gate.admit(new Target())).toBeUndefined();
    expect(admission.counters).toMatchObject({ connections: 2, refusedByConnectionsMax: 2, refusedByListenerConnectionsMax: 1 });
  });

  test('unauthenticatedConnectionsMax counts only what waits', () => {
    const admission = new Admission({ ...unlimited, unauthenticatedConnectionsMax: 1 }, clock);
    const gate = admission.openGate(gateLimits);
    const ticket = admitted(gate.admit(new Target()));
    expect(gate.admit(new Target())).toBeUndefined();
    ticket.accepted();
    admitted(gate.admit(new Target()));
    expect(admission.counters.refusedByUnauthenticatedConnectionsMax).toBe(1);
  });

  test('the connect rate allows one second’s worth at once, then refills evenly', () => {
    const admission = new Admission({ ...unlimited, connectRatePerSecond: 10 }, clock);
    const gate = admission.openGate(gateLimits);
    const attempts = (count: number): number => Array.from({ length: count }, () => gate.admit(new Target())).filter(Boolean).length;
    expect(attempts(20)).toBe(10);
    pass(500);
    expect(attempts(20)).toBe(5);
    pass(60_000);
    expect(attempts(20)).toBe(10);
    expect(admission.counters.refusedByConnectRate).toBe(35);
    const slow = admission.openGate({ ...gateLimits, connectRatePerSecond: 1 });
    pass(1000);
    slow.admit(new Target());
    expect(slow.admit(new Target())).toBeUndefined();
    expect(admission.counters.refusedByListenerConnectRate).toBe(1);
  });

  test('unauthenticatedBytesMax stops the large ones, not an honest CONNECT', () => {
    const admission = new Admission({ ...unlimited, unauthenticatedBytesMax: 100_000 }, clock);
    const gate = admission.openGate(gateLimits);
    const large = admitted(gate.admit(new Target()));
    const small = admitted(gate.admit(new Target()));
    expect(large.received(100_000)).toBe(true);
    expect(small.received(200)).toBe(true);
    expect(large.received(1)).toBe(false);
    expect(admission.counters).toMatchObject({ closedByUnauthenticatedBytesMax: 1, unauthenticatedBytes: 200, connections: 1 });
    large.closed();
    expect(large.received(1)).toBe(false);
    expect(small.received(90_000)).toBe(true);
    small.accepted();
    expect(small.received(1_000_000)).toBe(true);
    expect(admission.counters.unauthenticatedBytes).toBe(0);
  });

  test('limits may be replaced while connections are open', () => {
    const admission = new Admission(unlimited, clock);
    const gate = admission.openGate(gateLimits);
    admitted(gate.admit(new Target()));
    admission.limits = { ...unlimited, connectionsMax: 1 };
    expect(gate.admit(new Target())).toBeUndefined();
    admission.limits = { ...unlimited, connectRatePerSecond: 2 };
    expect([gate.admit(new Target()), gate.admit(new Target()), gate.admit(new Target())].map(Boolean)).toEqual([true, true, false]);
  });
});

describe('the connect deadline bites', () => {
  const soon = { limits: { connectDeadlineSeconds: 0.3 } };

  test.each<[string, ListenerType, boolean, string]>([
    ['before the PROXY header', 'tcp', true, ''],
    ['in the PROXY header', 'tcp', true, 'PROXY TCP4 192.'],
    ['after the PROXY header, before TLS', 'tls', true, 'PROXY UNKNOWN\r\n'],
    ['before CONNECT', 'tcp', false, ''],
    ['in CONNECT', 'tcp', false, '\x10'],
    ['before TLS', 'tls', false, ''],
    ['in the TLS handshake', 'tls', false, '\x16\x03\x01'],
    ['before the upgrade request', 'websocket', false, ''],
    ['in the upgrade request', 'websocket', false, 'GET /mqtt HTTP/1.1\r\nUpgr'],
    ['before TLS under WebSocket', 'secure-websocket', false, '\x16\x03\x01'],
  ])('%s', async (_stage, type, proxyProtocol, bytes) => {
    const served = await serve(optionsOf(type, { ...soon, proxyProtocol }));
    const start = performance.now();
    const client = await connectTcp(served.port);
    client.write(bytes);
    await untilClosed(client);
    expect(performance.now() - start).toBeGreaterThan(280);
    expect(performance.now() - start).toBeLessThan(2000);
    await eventually(() => served.admission.counters.connections === 0);
    expect(served.admission.counters.closedByConnectDeadline).toBe(1);
  });

  test.each<ListenerType>(['tls', 'websocket', 'secure-websocket', 'unix'])('%s: in CONNECT, after everything below it', async (type) => {
    const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
    onCleanup(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 's');
    const served = await serve(optionsOf(type, { ...soon, socketPath }));
    const client =
      type === 'unix'
        ? connect(socketPath)
        : type === 'websocket'
          ? await connectTcp(served.port)
          : connectTls({ port: served.port, host: '127.0.0.1', rejectUnauthorized: false });
    client.on('error', () => undefined);
    onCleanup(() => void client.destroy());
    if (type === 'tls') await once(client, 'secureConnect');
    if (type.endsWith('websocket')) {
      const upgrade =
        'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
      client.write(`GET /mqtt HTTP/1.1\r\nHost: x\r\n${upgrade}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`);
    }
    const recorder = await served.recorder();
    await recorder.closedOnce();
    await untilClosed(client);
    expect(served.admission.counters).toMatchObject({ connections: 0, closedByConnectDeadline: 1 });
  });

  test('not after CONNECT was accepted', async () => {
    const served = await serve(optionsOf('tcp', soon), { onRecorder: ({ stream }) => stream.admission.accepted() });
    const client = await connectTcp(served.port);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(client.destroyed).toBe(false);
    expect(served.recorders[0].events).toEqual([]);
  });
});

test('a connection over a limit is closed right after it was accepted', async () => {
  const served = await serve(optionsOf('tcp'), { limits: { connectionsMax: 1 } });
  const first = await connectTcp(served.port);
  await served.recorder();
  const second = await connectTcp(served.port);
  await untilClosed(second);
  expect(served.admission.counters.refusedByConnectionsMax).toBe(1);
  first.resetAndDestroy();
  await eventually(() => served.admission.counters.connections === 0);
  await connectTcp(served.port);
  await served.recorder(1);
});

test('a TCP client that sends more than the budget before CONNECT is accepted is destroyed', async () => {
  const served = await serve(optionsOf('tcp'), { limits: { unauthenticatedBytesMax: 50_000 } });
  const client = await connectTcp(served.port);
  client.write(Buffer.alloc(200_000));
  await untilClosed(client);
  await eventually(() => served.admission.counters.connections === 0);
  expect(served.admission.counters).toMatchObject({ closedByUnauthenticatedBytesMax: 1, unauthenticatedBytes: 0 });
  expect(served.recorders[0].bytes.length).toBeLessThanOrEqual(50_000);
});
