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
    await publisher.publishAsync('last', 'x', { qos: 1 });
    await expect.poll(() => got).toEqual(['kept', 'not/kept', 'last']);
    const { messages } = await server.retainedMessages('#');
    expect(messages.map(({ topicName }) => topicName)).toEqual(['kept']);
    await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
  } finally {
    await server.stop();
  }
});
