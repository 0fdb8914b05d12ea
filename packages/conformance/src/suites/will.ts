import { packet } from '../wire/bytes.js';
import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { pingreq } from '../wire/requests.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

async function watch(context: WireContext, qos: number = 0): Promise<{ watcher: MqttClient; topic: string }> {
  const topic = context.retainedTopic();
  const watcher = await context.connect();
  await watcher.subscribe({ filter: topic, qos });
  return { watcher, topic };
}

/** Wills (sections 3.1.2.5 to 3.1.2.7, 3.1.3.2 and 3.14.4). */
export const willTests: readonly WireTest[] = [
  ...both('3.1.2-7 3.1.2-8 3.1.2-10', '3.1.2-8 3.1.2-9 3.1.2-10', 'a broken connection sends the will once', async (context) => {
    const { watcher, topic } = await watch(context, 2);
    for (const qos of [0, 1, 2]) {
      const clientId = context.clientId();
      (await context.connect({ clientId, will: { topic, payload: `will ${qos}`, qos } })).cut();
      const message = await watcher.receive();
      equal([message.payload.toString(), message.qos, message.retain], [`will ${qos}`, qos, false], 'payload, QoS and RETAIN');
      await (await context.connect({ clientId })).disconnect();
      await watcher.expectNothing();
    }
  }),
  ...both('3.1.2-8 4.13.1-1', '3.1.2-8 4.8.0-1', 'a connection that the server closes for a breach sends the will', async (context) => {
    const { watcher, topic } = await watch(context);
    const client = await context.connect({ will: { topic, payload: 'broken' } });
    client.send(packet(0x60, 0, 1));
    await client.expectClosed();
    equal(await watcher.receivePayloads(1), ['broken'], 'payload');
  }),
  ...both('3.1.2-8 3.1.2-10 3.14.4-3', '3.1.2-10 3.14.4-3', 'DISCONNECT drops the will', async (context) => {
    const { watcher, topic } = await watch(context);
    const client = await context.connect({ will: { topic, payload: 'never' } });
    await client.disconnect();
    await context.settle();
    await watcher.expectNothing(50);
  }),
  v311('3.1.2-12', 'without Will Flag nothing is sent when the connection breaks', async (context) => {
    const { watcher, topic } = await watch(context);
    const client = await context.connect();
    await client.publish({ topic, payload: 'only this' });
    client.cut();
    equal(await watcher.receivePayloads(1), ['only this'], 'payload');
    await watcher.expectNothing(100);
  }),
  ...both('3.1.2-14', '3.1.2-16', 'Will Retain 0: the will is not retained', async (context) => {
    const { watcher, topic } = await watch(context);
    (await context.connect({ will: { topic, payload: 'w' } })).cut();
    await watcher.receive();
    const late = await context.connect();
    await late.subscribe(topic);
    await late.expectNothing();
  }),
  ...both('3.1.2-15', '3.1.2-17', 'Will Retain 1: the will is retained', async (context) => {
    const { watcher, topic } = await watch(context);
    (await context.connect({ will: { topic, payload: 'w', retain: true } })).cut();
    equal((await watcher.receive()).retain, false, 'RETAIN at an established subscription');
    const late = await context.connect();
    await late.subscribe(topic);
    const message = await late.receive();
    equal([message.payload.toString(), message.retain], ['w', true], 'payload and RETAIN');
  }),
  v5('3.1.2-8', 'session expiry 0: the will goes out at once, whatever its delay', async (context) => {
    const { watcher, topic } = await watch(context);
    (await context.connect({ will: { topic, payload: 'at once', properties: [property.willDelayInterval(200)] } })).cut();
    equal(await watcher.receivePayloads(1), ['at once'], 'payload');
  }),
  v5('3.1.2-8 3.1.2-10', 'a delayed will goes out after the delay, not before', async (context) => {
    const { watcher, topic } = await watch(context);
    const properties = [property.willDelayInterval(1)];
    (await context.connect({ clientId: context.clientId(), persistent: true, will: { topic, payload: 'late', properties } })).cut();
    await watcher.expectNothing(500);
    equal((await watcher.receive(3000)).payload.toString(), 'late', 'payload');
    await watcher.expectNothing();
  }),
  v5('3.1.2-8', 'a session that ends before the Will Delay Interval sends the will then', async (context) => {
    const { watcher, topic } = await watch(context);
    const properties = [property.sessionExpiryInterval(1)];
    (await context.connect({ properties, will: { topic, payload: 'expired', properties: [property.willDelayInterval(60)] } })).cut();
    equal((await watcher.receive(4000)).payload.toString(), 'expired', 'payload');
  }),
  v5('3.1.3-9', 'a reconnect within the Will Delay Interval cancels the will', async (context) => {
    const { watcher, topic } = await watch(context);
    const clientId = context.clientId();
    const properties = [property.willDelayInterval(1)];
    (await context.connect({ clientId, persistent: true, will: { topic, payload: 'never', properties } })).cut();
    await context.sleep(200);
    const again = await context.connect({ clientId, persistent: true });
    await watcher.expectNothing(1500);
    again.send(pingreq);
    await again.expect('pingresp');
  }),
  v5('3.1.2-8 3.14.4-3', 'DISCONNECT 0x04 sends the will, 0x00 does not', async (context) => {
    const { watcher, topic } = await watch(context);
    await (await context.connect({ will: { topic, payload: 'never' } })).disconnect(0);
    await (await context.connect({ will: { topic, payload: 'with will' } })).disconnect(4);
    equal(await watcher.receivePayloads(1), ['with will'], 'payload');
    await watcher.expectNothing();
  }),
  v5('3.1.3-10 3.1.2-7', 'Will Properties are published with the will, User Properties in their order', async (context) => {
    const { watcher, topic } = await watch(context);
    const pairs: [string, string][] = [
      ['b', '1'],
      ['a', '2'],
      ['b', '1'],
      ['', ''],
    ];
    const properties = [
      property.userProperty('b', '1'),
      property.contentType('text/plain'),
      property.userProperty('a', '2'),
      property.responseTopic('answer'),
      property.userProperty('b', '1'),
      property.correlationData(Buffer.of(0, 255)),
      property.userProperty('', ''),
      property.payloadFormatIndicator(1),
      property.messageExpiryInterval(100),
    ];
    (await context.connect({ will: { topic, payload: 'w', properties } })).cut();
    const will = (await watcher.receive()).properties;
    equal(will.userProperties, pairs, 'User Properties');
    equal(
      [will.contentType, will.responseTopic, will.correlationData?.toString('hex')],
      ['text/plain', 'answer', '00ff'],
      'texts and data',
    );
    equal(will.payloadFormatIndicator, 1, 'Payload Format Indicator');
    if ((will.messageExpiryInterval ?? 0) < 98 || (will.messageExpiryInterval ?? 0) > 100)
      watcher.fail(`Message Expiry Interval is ${will.messageExpiryInterval}`);
  }),
  v5('3.1.4-1', 'Will Properties that are not allowed there are refused', async (context) => {
    for (const wrong of [property.topicAlias(1), property.subscriptionIdentifier(1), property.receiveMaximum(1)]) {
      await context.expectRefused(
        context.connectBytes({ will: { topic: context.topic(), properties: [wrong] } }),
        [0x80, 0x81, 0x82, 0x99],
      );
    }
  }),
];
