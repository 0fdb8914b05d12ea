import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';

it('a message that cannot be retained any more still reaches the subscribers, and its 5.0 publisher is told', async () => {
  const server = await createServer({ limits: { retainedMessagesMax: 1 }, sys: { enabled: false, intervalSeconds: 10 } });
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const subscriber = await connectAsync(url, { protocolVersion: 5 });
    const publisher = await connectAsync(url, { protocolVersion: 5 });
    const got: string[] = [];
    subscriber.on('message', (topicName) => got.push(topicName));
    await subscriber.subscribeAsync('#', { qos: 1 });
    await publisher.publishAsync('kept', 'x', { qos: 1, retain: true });
    await expect(publisher.publishAsync('not/kept', 'x', { qos: 1, retain: true })).rejects.toMatchObject({ code: 0x97 });
    const older = await connectAsync(url, { protocolVersion: 4 });
    await older.publishAsync('not/kept/either', 'x', { qos: 1, retain: true });
    await publisher.publishAsync('last', 'x', { qos: 1 });
    await expect.poll(() => got).toEqual(['kept', 'not/kept', 'not/kept/either', 'last']);
    const { messages } = await server.retainedMessages('#');
    expect(messages.map(({ topicName }) => topicName)).toEqual(['kept']);
    await Promise.all([subscriber.endAsync(), publisher.endAsync(), older.endAsync()]);
  } finally {
    await server.stop();
  }
});

it('$SYS topics need no room in the store, and find some when it is full', async () => {
  const server = await createServer({
    limits: { retainedMessagesMax: 1, retainedBytesMax: 200 },
    sys: { enabled: true, intervalSeconds: 1 },
  });
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const client = await connectAsync(url, { protocolVersion: 5 });
    await client.publishAsync('kept', 'x', { qos: 1, retain: true });
    await expect(client.publishAsync('not/kept', 'x', { qos: 1, retain: true })).rejects.toMatchObject({ code: 0x97 });
    const got = new Map<string, string>();
    client.on('message', (topicName, payload) => got.set(topicName, payload.toString()));
    await client.subscribeAsync(['$SYS/#', '#']);
    await expect.poll(() => got.get('$SYS/broker/clients/connected'), { timeout: 5000 }).toBe('1');
    expect(got.get('kept')).toBe('x');
    expect(server.broker.counters.retainedRefused).toBe(1);
    expect([server.broker.parts.retained.messages, (await server.retainedMessages('#')).messages.length]).toEqual([1, 1]);
    const own = (await server.retainedMessages('$SYS/broker/clients/+')).messages.map(({ topicName }) => topicName);
    expect(own).toContain('$SYS/broker/clients/connected');
    await client.endAsync();
  } finally {
    await server.stop();
  }
});

it("the whole tree of $SYS is the server's", async () => {
  const server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } });
  await server.start();
  try {
    const client = await connectAsync(server.addresses()[0].url, { protocolVersion: 5 });
    for (const topicName of ['$SYS', '$SYS/', '$SYS/mine']) {
      await expect(client.publishAsync(topicName, 'x', { qos: 1 }), topicName).rejects.toMatchObject({ code: 0x87 });
    }
    await client.publishAsync('$SYSTEM/mine', 'x', { qos: 1 });
    await client.endAsync();
  } finally {
    await server.stop();
  }
});
