import { packet, uint16 } from '../wire/bytes.js';
import { property } from '../wire/properties.js';
import { pingreq, publish, subscribe, unsubscribe } from '../wire/requests.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

/** The Subscription Identifiers of each copy that comes of one message for three subscriptions, of which two have identifiers. */
async function copiesOfOverlapping(context: WireContext): Promise<number[][]> {
  const [subscriber, publisher, base] = [await context.connect(), await context.connect(), context.topic()];
  await subscriber.subscribe({ filter: `${base}/#` }, [property.subscriptionIdentifier(1)]);
  await subscriber.subscribe({ filter: `${base}/+` }, [property.subscriptionIdentifier(268_435_455)]);
  await subscriber.subscribe({ filter: `${base}/x` });
  await publisher.publish({ topic: `${base}/x` });
  const copies = [[...(await subscriber.receive()).properties.subscriptionIdentifiers]];
  subscriber.send(pingreq);
  for (let next = await subscriber.next(); next.type !== 'pingresp'; next = await subscriber.next())
    if (next.type === 'publish') copies.push([...next.properties.subscriptionIdentifiers]);
  return copies;
}

/** SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11). */
export const subscribeTests: readonly WireTest[] = [
  ...both('3.8.1-1', '3.8.1-1', 'SUBSCRIBE with other flags than 0010 closes the connection', async (context) => {
    const filters = [{ filter: context.topic() }];
    for (const firstByte of [0x80, 0x81, 0x83, 0x8a]) await context.expectBreach(subscribe(context.version, 1, filters, [], firstByte));
  }),
  ...both('3.10.1-1', '3.10.1-1', 'UNSUBSCRIBE with other flags than 0010 closes the connection', async (context) => {
    for (const firstByte of [0xa0, 0xa1, 0xa3, 0xaa])
      await context.expectBreach(unsubscribe(context.version, 1, [context.topic()], firstByte));
  }),
  ...both('3.8.3-2', '3.8.3-3', 'SUBSCRIBE without a filter closes the connection', async (context) => {
    await context.expectBreach(subscribe(context.version, 1, []));
  }),
  ...both('3.10.3-2', '3.10.3-2', 'UNSUBSCRIBE without a filter closes the connection', async (context) => {
    await context.expectBreach(unsubscribe(context.version, 1, []));
  }),
  ...both('3.8.3-5', '3.8.3-4', 'reserved bits in the options, or QoS 3, close the connection', async (context) => {
    const wrong = context.version === 5 ? [0x03, 0x40, 0x80, 0x30] : [0x03, 0x04, 0x08, 0x10, 0x80];
    for (const options of wrong) await context.expectBreach(subscribe(context.version, 1, [{ filter: context.topic(), options }]));
  }),
  ...both('4.7.1-1 4.7.1-2', '4.7.1-2 4.7.1-3', 'a filter with a misplaced wildcard closes the connection', async (context) => {
    for (const filter of ['a#', 'a/#/b', '#/a', 'a+', 'a/+b', '+a/b', 'a/b+/c']) {
      await context.expectBreach(subscribe(context.version, 1, [{ filter }]), [0x8f]);
    }
  }),
  ...both('4.7.3-1', '4.7.3-1', 'an empty filter closes the connection', async (context) => {
    await context.expectBreach(subscribe(context.version, 1, [{ filter: '' }]), [0x8f]);
    await context.expectBreach(unsubscribe(context.version, 1, ['']), [0x8f]);
  }),
  ...both(
    '3.8.4-1 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2',
    '3.8.4-1 3.8.4-4 3.8.4-5 3.9.3-1 3.9.3-2',
    'one SUBACK has the granted QoS of every filter in order',
    async (context) => {
      const [client, publisher] = [await context.connect(), await context.connect()];
      const filters = [2, 0, 1, 1, 0, 2].map((qos) => ({ filter: context.topic(), qos }));
      await client.subscribe(filters);
      await client.expectNothing();
      for (const { filter } of filters) await publisher.publish({ topic: filter, payload: filter, qos: 2 });
      for (const { filter, qos } of filters) {
        const message = await client.receive();
        equal([message.topic, message.qos], [filter, qos], 'topic and QoS');
      }
    },
  ),
  ...both(
    '3.8.4-7 3.9.3-2 3.9.3-1',
    '3.8.4-5 3.9.3-2 3.9.3-1',
    'a filter that is not allowed fails in its place, the others are granted',
    async (context) => {
      const client = await context.connect();
      const filters = [
        { filter: context.topic(), qos: 1 },
        { filter: context.target.settings.deniedSubscribeFilter ?? '' },
        { filter: context.topic() },
      ];
      const suback = await client.requestSubscribe(filters);
      equal(suback.reasonCodes, [1, context.version === 5 ? 0x87 : 0x80, 0], 'SUBACK codes');
    },
    'deniedSubscribeFilter',
  ),
  ...both('3.8.4-8', '3.8.4-6', 'the delivery QoS is the lower of published and granted QoS', async (context) => {
    const publisher = await context.connect();
    for (const granted of [0, 1, 2]) {
      const [topic, subscriber] = [context.topic(), await context.connect()];
      await subscriber.subscribe({ filter: topic, qos: granted });
      for (const published of [0, 1, 2]) {
        await publisher.publish({ topic, qos: published });
        equal((await subscriber.receive()).qos, Math.min(granted, published), `QoS of ${published} under ${granted}`);
      }
    }
  }),
  ...both(
    '3.8.4-3 3.8.4-4',
    '3.8.4-3',
    'subscribing again replaces the subscription: one copy, new QoS, retained again',
    async (context) => {
      const topic = context.retainedTopic();
      const [subscriber, publisher] = [await context.connect(), await context.connect()];
      await publisher.publish({ topic, payload: 'retained', retain: true, qos: 1 });
      for (const qos of [0, 1]) {
        await subscriber.subscribe({ filter: topic, qos });
        const message = await subscriber.receive();
        equal([message.payload.toString(), message.retain, message.qos], ['retained', true, qos], 'payload, RETAIN and QoS');
      }
      await publisher.publish({ topic, payload: 'live', qos: 1 });
      const live = await subscriber.receive();
      equal([live.payload.toString(), live.qos], ['live', 1], 'payload and QoS');
      await subscriber.expectNothing();
    },
  ),
  ...both('3.8.4-4', '3.8.4-3', 'replacing a subscription loses no message', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    const count = 30;
    const flow = (async () => {
      for (let n = 0; n < count; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 });
    })();
    for (let n = 0; n < 10; n++) await subscriber.subscribe({ filter: topic, qos: 1 });
    await flow;
    equal(await subscriber.receivePayloads(count), Array.from(Array(count).keys(), String), 'payloads');
  }),
  ...both('3.3.4-2', '3.3.5-1', 'overlapping subscriptions: the highest QoS of the matching ones', async (context) => {
    const [subscriber, publisher, base] = [await context.connect(), await context.connect(), context.topic()];
    const filters = [
      { filter: `${base}/#`, qos: 0 },
      { filter: `${base}/+`, qos: 2 },
      { filter: `${base}/x`, qos: 1 },
    ];
    await subscriber.subscribe(filters);
    await publisher.publish({ topic: `${base}/x`, qos: 2 });
    const levels: number[] = [(await subscriber.receive()).qos];
    // One copy per subscription is allowed, each with its own QoS.
    subscriber.send(Buffer.of(0xc0, 0));
    for (let next = await subscriber.next(); next.type !== 'pingresp'; next = await subscriber.next()) {
      if (next.type === 'publish') levels.push(next.qos);
    }
    if (levels.length === 1) equal(levels, [2], 'QoS of the one copy');
    else equal(levels.sort(), [0, 1, 2], 'QoS of the copies');
  }),
  ...both('3.10.4-1', '3.10.4-1', 'UNSUBSCRIBE removes only the same filter, character by character', async (context) => {
    const [subscriber, publisher, base] = [await context.connect(), await context.connect(), context.topic()];
    await subscriber.subscribe([{ filter: `${base}/a` }, { filter: `${base}/b` }]);
    await subscriber.unsubscribe(`${base}/+`, `${base}/#`, `${base}/A`, `${base}/b`);
    await publisher.publish({ topic: `${base}/b`, payload: 'b' });
    await publisher.publish({ topic: `${base}/a`, payload: 'a' });
    equal(await subscriber.receivePayloads(1), ['a'], 'payload');
    await subscriber.expectNothing();
  }),
  ...both('3.10.4-2', '3.10.4-2', 'after UNSUBACK no new message comes', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    await publisher.publish({ topic, payload: 'before', qos: 1 });
    await subscriber.receive();
    await subscriber.unsubscribe(topic);
    await publisher.publish({ topic, payload: 'after', qos: 1 });
    await context.settle();
    await subscriber.expectNothing();
  }),
  ...both('3.10.4-3', '3.10.4-3', 'a delivery that was begun is finished after UNSUBSCRIBE', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    await publisher.publish({ topic, payload: 'x', qos: 2 });
    const { packetId = 0 } = await subscriber.expect('publish');
    await subscriber.unsubscribe(topic);
    subscriber.send(packet(0x50, uint16(packetId)));
    await subscriber.acknowledgement('pubrel', packetId);
    subscriber.send(packet(0x70, uint16(packetId)));
    await subscriber.expectNothing();
  }),
  ...both(
    '3.10.4-4 3.10.4-5 3.10.4-6',
    '3.10.4-4 3.10.4-5 3.10.4-6',
    'one UNSUBACK answers any number of filters, known or not',
    async (context) => {
      const { subscriber, publisher, topic } = await context.pair();
      const second = context.topic();
      await subscriber.subscribe(second);
      await subscriber.unsubscribe(topic, context.topic(), second);
      await subscriber.unsubscribe(context.topic());
      await publisher.publish({ topic });
      await publisher.publish({ topic: second });
      await context.settle();
      await subscriber.expectNothing();
    },
  ),
  v5('3.11.3-1 3.11.3-2 3.10.4-5', 'UNSUBACK has 0x00 or 0x11 for each filter in order', async (context) => {
    const client = await context.connect();
    const [first, second] = [context.topic(), context.topic()];
    await client.subscribe([{ filter: first }, { filter: second }]);
    equal((await client.unsubscribe(first, context.topic(), second, context.topic())).reasonCodes, [0, 0x11, 0, 0x11], 'UNSUBACK codes');
  }),
  v5('3.8.3-3', 'No Local: the own messages do not come back, others do', async (context) => {
    const topic = context.topic();
    const [client, other] = [await context.connect(), await context.connect()];
    await client.subscribe({ filter: topic, noLocal: true });
    await other.subscribe({ filter: topic });
    await client.publish({ topic, payload: 'own', qos: 1 });
    equal(await other.receivePayloads(1), ['own'], 'payload at the other client');
    await client.expectNothing();
    await other.publish({ topic, payload: 'foreign', qos: 1 });
    equal(await client.receivePayloads(1), ['foreign'], 'payload at the client');
  }),
  v5('3.8.3-4', 'No Local on a Shared Subscription closes the connection', async (context) => {
    const client = await context.connect();
    client.send(subscribe(5, 1, [{ filter: `$share/g/${context.topic()}`, noLocal: true }]));
    await client.expectClosedWith([0x82]);
  }),
  v5('3.3.4-3', 'overlapping subscriptions: all their Subscription Identifiers come with the message', async (context) => {
    const copies = await copiesOfOverlapping(context);
    equal(copies.flat().sort(), [1, 268_435_455], 'identifiers of all copies');
  }),
  v5('3.3.4-4', 'one copy for overlapping subscriptions has the Subscription Identifiers of all', async (context) => {
    const copies = await copiesOfOverlapping(context);
    if (copies.length > 1) context.notObserved('the server sends a copy for each subscription');
    equal(copies[0].sort(), [1, 268_435_455], 'identifiers');
  }),
  v5('3.3.4-5', 'a copy for each overlapping subscription has the Subscription Identifier of that one', async (context) => {
    const copies = await copiesOfOverlapping(context);
    if (copies.length === 1) context.notObserved('the server sends one copy for all subscriptions');
    equal(copies.sort(), [[], [1], [268_435_455]], 'identifiers of the copies');
  }),
  v5('3.8.4-3 3.3.4-3', 'replacing a subscription replaces its Subscription Identifier', async (context) => {
    const { subscriber, publisher, topic } = await context.pair();
    await subscriber.subscribe(topic, [property.subscriptionIdentifier(7)]);
    await publisher.publish({ topic });
    equal((await subscriber.receive()).properties.subscriptionIdentifiers, [7], 'identifiers');
    await subscriber.subscribe(topic);
    await publisher.publish({ topic });
    equal((await subscriber.receive()).properties.subscriptionIdentifiers, [], 'identifiers after the second replacement');
  }),
  v5('3.3.4-6', 'a PUBLISH from a client with a Subscription Identifier closes the connection', async (context) => {
    await context.expectBreach(publish(5, { topic: context.topic(), properties: [property.subscriptionIdentifier(1)] }));
  }),
  v5(
    '3.8.4-7',
    'filters with wildcards are refused with 0xA2 where they are unavailable',
    async (context) => {
      const client = await context.connect({ variant: 'wildcardUnavailable' });
      equal(client.connack.properties.wildcardSubscriptionAvailable, 0, 'Wildcard Subscription Available');
      client.send(subscribe(5, 1, [{ filter: `${context.topic()}/#` }]));
      const answer = await client.expectOneOf(['suback', 'disconnect']);
      equal(answer.type === 'suback' ? answer.reasonCodes[0] : answer.reasonCode, 0xa2, 'reason code');
    },
    'wildcardUnavailable',
  ),
  v311(
    '3.8.3-2',
    'filters with wildcards are refused where they are unavailable',
    async (context) => {
      const client = await context.connect({ variant: 'wildcardUnavailable' });
      equal((await client.requestSubscribe([{ filter: `${context.topic()}/+` }])).reasonCodes, [0x80], 'SUBACK codes');
    },
    'wildcardUnavailable',
  ),
];
