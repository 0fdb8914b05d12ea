import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { acknowledge, illFormedTexts, publish } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v5, type WireTest } from '../wire-test.js';

/** Requires a Message Expiry Interval of 100 seconds, lowered by the time since `start`, of which the message waited at least 2 seconds. */
function requireLowered(client: MqttClient, start: number, interval: number | undefined): void {
  const lowest = 100 - Math.ceil((performance.now() - start) / 1000);
  if (interval === undefined || interval < lowest || interval > 98)
    client.fail(`Message Expiry Interval is ${interval}, not ${lowest} to 98`);
}

/** What 5.0 adds to a message: properties, expiry, Topic Alias (section 3.3.2.3). */
export const forwardingTests: readonly WireTest[] = [
  v5('3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-20 3.3.2-17 3.3.2-18', 'properties reach the subscriber unchanged and in order', async (context) => {
    for (const qos of [0, 1, 2]) {
      const { subscriber, publisher, topic } = await context.pair(qos);
      const properties = [
        property.userProperty('z', '1'),
        property.payloadFormatIndicator(1),
        property.userProperty('a', '2'),
        property.contentType('application/päylöad'),
        property.userProperty('z', '1'),
        property.responseTopic('some/answer'),
        property.correlationData(Buffer.of(0, 1, 254, 255)),
        property.userProperty('', ''),
      ];
      await publisher.publish({ topic, payload: 'text', qos, properties });
      const got = (await subscriber.receive()).properties;
      equal(
        got.userProperties,
        [
          ['z', '1'],
          ['a', '2'],
          ['z', '1'],
          ['', ''],
        ],
        'User Properties',
      );
      equal(
        [got.payloadFormatIndicator, got.contentType, got.responseTopic],
        [1, 'application/päylöad', 'some/answer'],
        'indicator and texts',
      );
      equal(got.correlationData?.toString('hex'), '0001feff', 'Correlation Data');
    }
  }),
  v5('3.3.2-17 3.3.2-4', 'properties of retained and queued messages are kept', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.retainedTopic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 1 });
    first.cut();
    const properties = [property.userProperty('k', 'v'), property.payloadFormatIndicator(0), property.contentType('c')];
    await publisher.publish({ topic, payload: 'p', qos: 1, retain: true, properties });
    const again = await context.connect({ persistent: true, clientId });
    const late = await context.connect();
    await late.subscribe({ filter: topic, qos: 1 });
    for (const client of [again, late]) {
      const got = (await client.receive()).properties;
      equal([got.userProperties, got.payloadFormatIndicator ?? 0, got.contentType], [[['k', 'v']], 0, 'c'], 'properties');
    }
  }),
  v5('3.3.2-13 3.3.2-14 3.3.2-19', 'a Response Topic with a wildcard, and ill-formed texts, close the connection', async (context) => {
    const topic = context.topic();
    for (const wrong of ['a/#', '+', 'a\0'])
      await context.expectBreach(publish(5, { topic, properties: [property.responseTopic(wrong)] }), [0x90]);
    for (const [, text] of illFormedTexts) {
      await context.expectBreach(publish(5, { topic, properties: [property.responseTopic(text)] }), [0x90]);
      await context.expectBreach(publish(5, { topic, properties: [property.contentType(text)] }));
    }
  }),
  v5('3.3.2-6', 'Message Expiry Interval is lowered by the time spent waiting', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 1 });
    await publisher.publish({ topic, qos: 1, properties: [property.messageExpiryInterval(100)] });
    const live = (await first.receive()).properties.messageExpiryInterval ?? 0;
    if (live < 99 || live > 100) first.fail(`Message Expiry Interval of a message that did not wait is ${live}`);
    first.cut();
    const start = performance.now();
    await publisher.publish({ topic, qos: 1, properties: [property.messageExpiryInterval(100)] });
    await context.sleep(2100);
    const again = await context.connect({ persistent: true, clientId });
    requireLowered(again, start, (await again.receive()).properties.messageExpiryInterval);
  }),
  v5('3.3.2-5', 'a queued message that expired is not delivered, a younger one is', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 2 });
    await first.disconnect();
    await publisher.publish({ topic, payload: 'short', qos: 1, properties: [property.messageExpiryInterval(1)] });
    await publisher.publish({ topic, payload: 'long', qos: 1, properties: [property.messageExpiryInterval(100)] });
    await publisher.publish({ topic, payload: 'short 2', qos: 2, properties: [property.messageExpiryInterval(1)] });
    await context.sleep(2300);
    const again = await context.connect({ persistent: true, clientId });
    equal(await again.receivePayloads(1), ['long'], 'payload');
    await again.expectNothing();
  }),
  v5('3.3.2-5 3.3.2-6', 'a retained message expires, and tells the time that is left', async (context) => {
    const [short, long, publisher] = [context.retainedTopic(), context.retainedTopic(), await context.connect()];
    const start = performance.now();
    await publisher.publish({ topic: short, payload: 's', qos: 1, retain: true, properties: [property.messageExpiryInterval(1)] });
    await publisher.publish({ topic: long, payload: 'l', qos: 1, retain: true, properties: [property.messageExpiryInterval(100)] });
    await context.sleep(2300);
    const subscriber = await context.connect();
    await subscriber.subscribe([{ filter: short }, { filter: long }]);
    const message = await subscriber.receive();
    equal(message.payload.toString(), 'l', 'payload');
    requireLowered(subscriber, start, message.properties.messageExpiryInterval);
    await subscriber.expectNothing();
  }),
  v5('4.3.3-7 4.3.3-13', 'message expiry never cuts a QoS 2 exchange, in either direction', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    publisher.send(publish(5, { topic, payload: 'x', qos: 2, packetId: 3, properties: [property.messageExpiryInterval(1)] }));
    await publisher.acknowledgement('pubrec', 3);
    const begun = publisher.release(3).then(() => subscriber.expect('publish'));
    const { packetId = 0 } = await begun;
    publisher.send(publish(5, { topic: context.topic(), qos: 2, packetId: 4, properties: [property.messageExpiryInterval(1)] }));
    await publisher.acknowledgement('pubrec', 4);
    await context.sleep(2200);
    subscriber.send(acknowledge('pubrec', packetId));
    await subscriber.acknowledgement('pubrel', packetId);
    subscriber.send(acknowledge('pubcomp', packetId));
    await subscriber.expectNothing();
    equal((await publisher.release(4)).reasonCode, 0, 'PUBCOMP');
  }),
  v5('4.3.3-7 4.4.0-1', 'a PUBLISH in flight is re-sent even if its message has expired', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 2 });
    await publisher.publish({ topic, payload: 'begun', qos: 2, properties: [property.messageExpiryInterval(1)] });
    const { packetId } = await first.expect('publish');
    first.cut();
    await context.sleep(2200);
    const again = await context.connect({ persistent: true, clientId });
    const message = await again.receive();
    equal([message.payload.toString(), message.packetId, message.dup], ['begun', packetId, true], 'payload, identifier and DUP');
  }),
  v5('3.3.2-8', 'Topic Alias 0 closes the connection', async (context) => {
    await context.expectBreach(publish(5, { topic: context.topic(), properties: [property.topicAlias(0)] }), [0x94]);
  }),
  v5(
    '3.2.2-18',
    'any Topic Alias ends the connection with 0x94 where the server takes none',
    async (context) => {
      const client = await context.connect({ variant: 'topicAliasUnavailable' });
      equal(client.connack.properties.topicAliasMaximum ?? 0, 0, 'Topic Alias Maximum');
      client.send(publish(5, { topic: context.topic(), properties: [property.topicAlias(1)] }));
      await client.expectClosedWith([0x94, 0x82]);
    },
    'topicAliasUnavailable',
  ),
  v5('3.2.2-17 3.3.2-9', 'a Topic Alias above the maximum of the server ends the connection with 0x94', async (context) => {
    const control = await context.connect();
    const above = (control.connack.properties.topicAliasMaximum ?? 0) + 1;
    if (above > 65_535) context.notObserved('every Topic Alias is allowed');
    const client = await context.connect();
    client.send(publish(5, { topic: context.topic(), properties: [property.topicAlias(above)] }));
    await client.expectClosedWith([0x94]);
  }),
  v5('3.3.2-12', 'every Topic Alias from 1 to the maximum can be set, used and set anew', async (context) => {
    const [publisher, subscriber, base] = [await context.connect(), await context.connect(), context.topic()];
    const maximum = Math.min(publisher.connack.properties.topicAliasMaximum ?? 0, 20);
    if (maximum === 0) context.notObserved('the server takes no Topic Alias');
    await subscriber.subscribe(`${base}/#`);
    const expected: string[] = [];
    for (let alias = 1; alias <= maximum; alias++) {
      for (const topic of [`${base}/${alias}`, '', `${base}/new${alias}`, '']) {
        await publisher.publish({ topic, properties: [property.topicAlias(alias)] });
        expected.push(topic === '' ? expected[expected.length - 1] : topic);
      }
    }
    const got: string[] = [];
    while (got.length < expected.length) got.push((await subscriber.receive()).topic);
    equal(got, expected, 'topics');
  }),
  v5('3.3.2-7', 'a Topic Alias of an earlier connection is unknown on the next', async (context) => {
    const clientId = context.clientId();
    const first = await context.connect({ persistent: true, clientId });
    if ((first.connack.properties.topicAliasMaximum ?? 0) === 0) context.notObserved('the server takes no Topic Alias');
    await first.publish({ topic: context.topic(), properties: [property.topicAlias(1)] });
    first.cut();
    const again = await context.connect({ persistent: true, clientId });
    again.send(publish(5, { topic: '', properties: [property.topicAlias(1)] }));
    await again.expectClosed([0x94, 0x90]);
  }),
  v5('3.1.2-27', 'without Topic Alias Maximum the server sends no Topic Alias', async (context) => {
    for (const properties of [[], [property.topicAliasMaximum(0)]]) {
      const { subscriber, publisher, topic } = await context.pair(0, { properties });
      for (let n = 0; n < 3; n++) await publisher.publish({ topic, properties: [] });
      for (let n = 0; n < 3; n++) {
        const message = await subscriber.receive();
        equal([message.properties.topicAlias, message.topic], [undefined, topic], 'alias and topic');
      }
    }
  }),
  v5(
    '3.1.2-26 3.3.2-11 3.3.2-7',
    'Topic Aliases of the server keep to the maximum, and begin anew with each connection',
    async (context) => {
      const [clientId, base, publisher] = [context.clientId(), context.topic(), await context.connect()];
      for (let round = 0; round < 2; round++) {
        const subscriber = await context.connect({ persistent: true, clientId, properties: [property.topicAliasMaximum(2)] });
        await subscriber.subscribe(`${base}/#`);
        const known = new Map<number, string>();
        for (const level of ['a', 'b', 'c', 'a', 'b', 'c']) {
          await publisher.publish({ topic: `${base}/${level}`, payload: level });
          const message = await subscriber.receive();
          const { topicAlias } = message.properties;
          if ((topicAlias ?? 0) > 2) subscriber.fail(`Topic Alias is ${topicAlias}`);
          const topic = message.topic === '' ? known.get(topicAlias ?? 0) : message.topic;
          if (topicAlias !== undefined && topic !== undefined) known.set(topicAlias, topic);
          equal([topic, message.payload.toString()], [`${base}/${level}`, level], 'topic and payload');
        }
        subscriber.cut();
      }
    },
  ),
  v5('4.7.3-1', 'an empty Topic Name is right with a known Topic Alias, wrong with an unknown one', async (context) => {
    const client = await context.connect();
    if ((client.connack.properties.topicAliasMaximum ?? 0) === 0) context.notObserved('the server takes no Topic Alias');
    const topic = context.topic();
    await client.subscribe(topic);
    client.send(publish(5, { topic, payload: '1', properties: [property.topicAlias(1)] }));
    client.send(publish(5, { topic: '', payload: '2', properties: [property.topicAlias(1)] }));
    equal(await client.receivePayloads(2), ['1', '2'], 'payloads');
    await context.expectBreach(publish(5, { topic: '', properties: [property.topicAlias(1)] }), [0x94, 0x90]);
  }),
];
