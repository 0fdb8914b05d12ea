import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';

it('a session that comes back has no subscription that the rules have withdrawn meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
  const aclFile = join(folder, 'acl');
  await writeFile(aclFile, 'topic readwrite secret/#\ntopic readwrite open/#\n');
  const options = { access: { aclFile }, sys: { enabled: false, intervalSeconds: 10 } };
  const server = await createServer(options);
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const session = { clientId: 'subscriber', protocolVersion: 5, properties: { sessionExpiryInterval: 100 } } as const;
    const before = await connectAsync(url, { ...session, clean: true });
    await before.subscribeAsync(['secret/#', 'open/#'], { qos: 1 });
    await before.endAsync();
    await writeFile(aclFile, 'topic write secret/#\ntopic readwrite open/#\n');
    await server.reload(options);
    const got: string[] = [];
    const after = await connectAsync(url, { ...session, clean: false });
    after.on('message', (topicName) => got.push(topicName));
    const publisher = await connectAsync(url, { protocolVersion: 5 });
    await publisher.publishAsync('secret/1', 'x', { qos: 1 });
    await publisher.publishAsync('open/1', 'x', { qos: 1 });
    await expect.poll(() => got).toContain('open/1');
    expect(got).toEqual(['open/1']);
    await Promise.all([after.endAsync(), publisher.endAsync()]);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
