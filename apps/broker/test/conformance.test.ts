import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overUrl } from '@si-mqtt/conformance';
import { conformanceSuite } from '@si-mqtt/conformance/vitest';
import { createServer } from '@si-mqtt/server';
import { pino } from 'pino';
import { expect, vi } from 'vitest';
import { loadConfiguration } from '../src/config.js';
import { openJournal } from '../src/storage.js';
import { invocationIn } from './load.js';

/** Everything but the ports is as it is by default, above all the storage. */
const toml = `
[[listeners]]
name = "tcp"
type = "tcp"
hosts = ["127.0.0.1"]
port = 0

[[listeners]]
name = "websocket"
type = "websocket"
hosts = ["127.0.0.1"]
port = 0

[admin]
enabled = false
`;

// What needs another configuration is skipped here, and runs on the server with its state in memory (packages/server/test).
conformanceSuite({
  name: 'conformance of the broker with its state in SQLite',
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-conformance-'));
    writeFileSync(join(folder, 'c.toml'), toml);
    const { configuration } = loadConfiguration('c.toml', invocationIn(folder));
    expect(configuration.storage.driver).toBe('sqlite');
    const server = await createServer(configuration, { journal: await openJournal(configuration.storage, pino({ enabled: false })) });
    await server.start();
    const urlOf = (name: string) => server.addresses().find(({ listener }) => listener === name)!.url;
    return {
      target: { name: 'si-mqtt', connect: overUrl(urlOf('tcp')), settings: { webSocketUrl: urlOf('websocket') } },
      stop: async () => {
        await vi.waitFor(() => expect(server.clients()).toEqual([]));
        expect((await server.retainedMessages('#')).messages).toEqual([]);
        await server.stop();
        rmSync(folder, { recursive: true });
      },
    };
  },
});
