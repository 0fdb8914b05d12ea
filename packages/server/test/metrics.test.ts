import { MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from '../src/access/concurrency-limit.js';
import { createServer, type Server } from '../src/index.js';
import { Admission } from '../src/listeners/admission.js';
import { type ListenerCounters } from '../src/listeners/byte-stream.js';
import { createMetrics } from '../src/metrics.js';
import { defaultLimits } from '../src/server-options.js';
import { RawClient } from './raw-client.js';

let server: Server;
afterEach(() => server.stop());

const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload);

describe('whatever is counted', () => {
  it('is in /metrics: each number of its own, that of a listener with its name', async () => {
    server = await createServer({}, { journal: new MemoryJournal(new MemoryJournalState()) });
    const { broker } = server;
    const admission = new Admission(defaultLimits, broker.parts.env);
    const authentications = new ConcurrencyLimit();
    const counters: ListenerCounters = { accepted: 0, proxyHeaderErrors: 0, tlsHandshakeErrors: 0, upgradesRefused: 0, acceptErrors: 0 };
    const registry = createMetrics({ broker, admission, authentications, listeners: () => [{ information: { name: 'front' }, counters }] });
    const ofNode = { ...marked(broker.counters, 1_000_100), ...marked(broker.drops, 1_000_200), ...marked(admission.counters, 1_000_300) };
    const { runningMax: _runningMax, waitingMax: _waitingMax, ...ofAuthentications } = marked(authentications, 1_000_400);
    const ofListener = marked(counters, 1_000_500);
    const samples = (await registry.metrics()).split('\n').filter((line) => line.startsWith('si_mqtt_'));
    const isShown = (value: number, label: string) => samples.some((sample) => sample.endsWith(`${label} ${value}`));
    const missing = [
      ...Object.entries({ ...ofNode, ...ofAuthentications }).filter(([, value]) => !isShown(value, '')),
      ...Object.entries(ofListener).filter(([, value]) => !isShown(value, '{listener="front"}')),
    ];
    expect(missing.map(([name]) => name)).toEqual([]);
  });

  it('as dropped is in $SYS, whatever the reason', async () => {
    server = await createServer({ sys: { enabled: true, intervalSeconds: 10 } });
    const values = Object.values(marked(server.broker.drops, 1));
    await server.start();
    const { messages } = await server.retainedMessages('$SYS/broker/publish/messages/dropped');
    expect(messages.map(({ payload }) => Number(textOf(payload)))).toEqual([values.reduce((sum, value) => sum + value, 0)]);
  });
});

/** Gives every number of the object a value of its own; returns them. */
function marked(numbers: object, first: number): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value === 'number') values[name] = first + Object.keys(values).length;
  }
  Object.assign(numbers, values);
  return values;
}

it('a running server reads them from its listeners, its admission and its authentications', async () => {
  server = await createServer({
    listeners: [
      { type: 'tcp', name: 'open', port: 0 },
      { type: 'tcp', name: 'small', port: 0, limits: { connectionsMax: 1 } },
    ],
    admin: { enabled: true, host: '127.0.0.1', port: 0 },
  });
  await server.start();
  const urlOf = (name: string) => server.addresses().find(({ listener }) => listener === name)!.url;
  await RawClient.connected(urlOf('open'), { clientId: 'one' });
  await RawClient.connected(urlOf('small'), { clientId: 'two' });
  await RawClient.open(urlOf('small')).then((client) => client.closed());
  const text = await (await fetch(`${urlOf('admin')}/metrics`)).text();
  for (const line of [
    'si_mqtt_connections 2',
    'si_mqtt_listener_accepted_total{listener="open"} 1',
    'si_mqtt_listener_accepted_total{listener="small"} 1',
    'si_mqtt_listener_connections_max_refused_total 1',
    'si_mqtt_authentications_running 0',
  ])
    expect(text.split('\n')).toContain(line);
});
