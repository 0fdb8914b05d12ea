import { once } from 'node:events';
import { connect } from 'node:net';
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';

it('a reload changes how many connections a listener takes, without a restart', async () => {
  const tcp = { type: 'tcp', name: 'tcp', port: 0 } as const;
  const sys = { enabled: false, intervalSeconds: 10 };
  const server = await createServer({ listeners: [tcp], sys });
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const first = await connectAsync(url);
    await server.reload({ listeners: [{ ...tcp, limits: { connectionsMax: 1 } }], sys });
    const refused = connect(Number(new URL(url).port), '127.0.0.1').resume();
    refused.on('error', () => undefined);
    await once(refused, 'close');
    expect(server.clients()).toHaveLength(1);
    await server.reload({ listeners: [tcp], sys });
    const second = await connectAsync(url);
    expect(server.clients()).toHaveLength(2);
    await Promise.all([first.endAsync(), second.endAsync()]);
  } finally {
    await server.stop();
  }
});
