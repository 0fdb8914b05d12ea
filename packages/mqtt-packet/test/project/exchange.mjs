import { createRequire } from 'node:module';
import { startRelay } from './relay.mjs';

const require = createRequire(import.meta.url);

/** Messages with all that a PUBLISH can carry from a client. */
const properties = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 60,
  contentType: 'text/plain',
  responseTopic: 'answer',
  correlationData: Buffer.from([1, 2, 3]),
  userProperties: { name: 'value', several: ['one', 'two'] },
};

async function exchange(mqtt, url, protocolVersion) {
  const options = { protocolVersion, reconnectPeriod: 0, ...(protocolVersion === 3 && { protocolId: 'MQIsdp' }) };
  const will = { topic: 'w', payload: 'gone', qos: 1, retain: false };
  const subscriber = await mqtt.connectAsync(url, {
    ...options,
    clientId: 'subscriber',
    will: { topic: 'w', payload: 'gone', qos: 1, retain: false },
  });
  const publisher = await mqtt.connectAsync(url, { ...options, clientId: 'publisher', username: 'user', password: 'secret' }, false);
  const messages = [];
  const complete = new Promise((resolve) => {
    subscriber.on('message', (topic, payload, packet) => {
      messages.push({
        topic,
        text: payload.toString(),
        isBuffer: Buffer.isBuffer(payload),
        qos: packet.qos,
        properties: packet.properties,
      });
      if (messages.length === 3) resolve();
    });
  });
  const granted = await subscriber.subscribeAsync({ 'test/ä': { qos: 2 }, large: { qos: 2 } });
  for (const qos of [0, 1, 2]) {
    await publisher.publishAsync('test/ä', `Grüße ${qos}`, { qos, ...(protocolVersion === 5 && { properties }) });
  }
  await complete;
  const large = new Promise((resolve) => subscriber.once('message', (_topic, payload) => resolve(payload.length)));
  await publisher.publishAsync('large', Buffer.alloc(500_000), { qos: 1 });
  const largeLength = await large;
  await subscriber.unsubscribeAsync('test/ä');
  const error = new Promise((resolve) => publisher.once('error', resolve));
  publisher.publish('forbidden', '');
  const { name, message } = await error;
  await Promise.all([subscriber.endAsync(), publisher.endAsync(true)]);
  return {
    url: url.split(':')[0],
    protocolVersion,
    granted: granted.map(({ qos }) => qos),
    messages: messages.slice(0, 3),
    largeLength,
    error: `${name}: ${message}`,
  };
}

/** Runs the same exchange over both transports in all versions, and prints what happened as one line of JSON. */
export async function run(mqtt) {
  const deadline = setTimeout(() => {
    throw new Error('the exchange is not complete after 20 s');
  }, 20_000);
  const relay = await startRelay();
  const results = [];
  for (const url of relay.urls) {
    for (const protocolVersion of [3, 4, 5]) results.push(await exchange(mqtt, url, protocolVersion));
  }
  relay.stop();
  clearTimeout(deadline);
  // The file that MQTT.js itself gets when it asks for mqtt-packet.
  const loaded = createRequire(require.resolve('mqtt')).resolve('mqtt-packet');
  process.stdout.write(JSON.stringify({ loaded, results }));
}
