import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLogStore, StoreJournal } from '@si-mqtt/cluster-db';
import { createServer, NodeEnv } from '@si-mqtt/server';
import { expect, it, onTestFinished } from 'vitest';
import { renderMetricsDocument } from './metrics-document.js';

it('docs/metrics.md is what a broker answers (npx vitest run -u writes it)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-metrics-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = await openSqliteLogStore({ path: join(folder, 'store.db'), reserveBytes: 4096 });
  const journal = new StoreJournal(store, new NodeEnv(), { watchMilliseconds: 0 });
  const server = await createServer({ admin: { enabled: true, host: '127.0.0.1', port: 0 } }, { journal, version: '1.2.3' });
  await server.start();
  onTestFinished(() => server.stop());
  const { url } = server.addresses().find(({ listener }) => listener === 'admin')!;
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const { messages } = await server.retainedMessages('$SYS/broker/#');
  const names = messages.map(({ topicName }) => topicName.slice('$SYS/broker/'.length)).sort();
  expect(names.length).toBeGreaterThan(10);
  const document = renderMetricsDocument(metrics, names);
  expect(document).not.toContain('undefined');
  await expect(document).toMatchFileSnapshot('../../../docs/metrics.md');
});
