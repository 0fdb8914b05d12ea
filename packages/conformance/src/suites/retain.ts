import { property } from '../wire/properties.js';
import { acknowledge, pingreq } from '../wire/requests.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

async function retain(context: WireContext, payload: string, qos: number = 1): Promise<string> {
  const topic = context.retainedTopic();
  const publisher = await context.connect();
  await publisher.publish({ topic, payload, qos, retain: true });
  return topic;
}

/** Retained messages (section 3.3.1.3 and 3.8.3.1). */
export const retainTests: readonly WireTest[] = [
  ...both(
    '3.3.1-5 3.3.1-9 3.3.1-12',
    '3.3.1-5 3.3.1-6 3.3.1-8',
    'a new subscription gets the last retained message, with RETAIN 1',
    async (context) => {
      const topic = await retain(context, 'first');
      const [publisher, subscriber] = [await context.connect(), await context.connect()];
      await publisher.publish({ topic, payload: 'last', qos: 1, retain: true });
      await subscriber.subscribe({ filter: topic, qos: 1 });
      const message = await subscriber.receive();
      equal(
        [message.payload.toString(), message.retain, message.dup, message.qos],
        ['last', true, false, 1],
        'payload, RETAIN, DUP and QoS',
      );
      await subscriber.expectNothing();
    },
  ),
  ...both('3.3.1-9', '3.3.1-6', 'a wildcard subscription gets the retained messages of all matching topics', async (context) => {
    const [publisher, subscriber, base] = [await context.connect(), await context.connect(), context.topic()];
    const topics = ['a', 'b/c', 'd/e/f'].map((end) => context.retainedTopic(`${base}/${end}`));
    for (const topic of topics) await publisher.publish({ topic, payload: topic, retain: true, qos: 1 });
    await subscriber.subscribe({ filter: `${base}/#` });
    equal((await subscriber.receivePayloads(3)).sort(), topics.sort(), 'payloads');
    await subscriber.subscribe({ filter: `${base}/+` });
    equal(await subscriber.receivePayloads(1), [`${base}/a`], 'payload of the filter with +');
    await subscriber.expectNothing();
  }),
  ...both('3.3.1-12', '3.3.1-9', 'an established subscription gets a retained PUBLISH with RETAIN 0', async (context) => {
    const topic = context.retainedTopic();
    const [subscriber, publisher] = [await context.connect(), await context.connect()];
    await subscriber.subscribe({ filter: topic, qos: 1 });
    await publisher.publish({ topic, payload: 'live', qos: 1, retain: true });
    const message = await subscriber.receive();
    equal([message.payload.toString(), message.retain], ['live', false], 'payload and RETAIN');
  }),
  ...both(
    '3.3.1-6 3.3.1-7',
    '3.3.1-10 3.3.1-11',
    'a retained PUBLISH without payload is forwarded, and the retained message is gone',
    async (context) => {
      const topic = await retain(context, 'old');
      const [early, publisher, late] = [await context.connect(), await context.connect(), await context.connect()];
      await early.subscribe(topic);
      await early.receive();
      await publisher.publish({ topic, qos: 1, retain: true });
      const forwarded = await early.receive();
      equal([forwarded.payload.length, forwarded.retain], [0, false], 'payload length and RETAIN of the forwarded message');
      await late.subscribe(topic);
      await late.expectNothing();
    },
  ),
  ...both('3.3.1-8', '3.3.1-12', 'RETAIN 0 neither stores nor replaces nor removes', async (context) => {
    const topic = await retain(context, 'kept');
    const [publisher, subscriber] = [await context.connect(), await context.connect()];
    await publisher.publish({ topic, payload: 'passing', qos: 1 });
    await publisher.publish({ topic, qos: 1 });
    await subscriber.subscribe(topic);
    equal(await subscriber.receivePayloads(1), ['kept'], 'payload');
    const empty = context.retainedTopic();
    await publisher.publish({ topic: empty, payload: 'passing', qos: 1 });
    await subscriber.subscribe(empty);
    await subscriber.expectNothing();
  }),
  ...both('3.3.1-5', '3.3.1-7', 'a retained QoS 0 message replaces the earlier one', async (context) => {
    const topic = await retain(context, 'earlier');
    const [publisher, subscriber] = [await context.connect(), await context.connect()];
    await publisher.publish({ topic, payload: 'now', qos: 0, retain: true });
    await subscriber.subscribe(topic);
    await subscriber.barrier();
    // Keeping no QoS 0 message is allowed, keeping the earlier one is not.
    await publisher.barrier();
    subscriber.send(Buffer.of(0xc0, 0));
    const packet = await subscriber.expectOneOf(['publish', 'pingresp']);
    if (packet.type === 'publish') equal(packet.payload.toString(), 'now', 'payload');
  }),
  v5('4.6.0-5 3.3.1-9', 'a retained message that has to wait does not come behind the one that took its place', async (context) => {
    const [base, publisher] = [context.topic(), await context.connect()];
    const topics = ['a', 'b', 'c'].map((level) => context.retainedTopic(`${base}/${level}`));
    for (const topic of topics) await publisher.publish({ topic, payload: 'old', qos: 1, retain: true });
    const subscriber = await context.connect({ properties: [property.receiveMaximum(1)] });
    await subscriber.subscribe({ filter: `${base}/#`, qos: 1 });
    for (const topic of topics) await publisher.publish({ topic, payload: 'new', qos: 1, retain: true });
    const newest = new Set<string>();
    while (newest.size < topics.length) {
      const { topic, payload } = await subscriber.receive();
      if (payload.toString() === 'new') newest.add(topic);
      else if (newest.has(topic)) subscriber.fail(`the old message of ${topic} came behind the new one`);
    }
    // Retained copies of the new ones may follow, the old ones may not.
    for (;;) {
      subscriber.send(pingreq);
      const packet = await subscriber.expectOneOf(['publish', 'pingresp']);
      if (packet.type === 'pingresp') return;
      if (packet.payload.toString() === 'old') subscriber.fail(`the old message of ${packet.topic} came behind the new one`);
      subscriber.send(acknowledge('puback', packet.packetId ?? 0));
      await subscriber.find('pingresp');
    }
  }),
  v311('3.1.2-7', 'a retained message survives the end of the session that published it', async (context) => {
    const topic = context.retainedTopic();
    const publisher = await context.connect();
    await publisher.publish({ topic, payload: 'stays', qos: 1, retain: true });
    await publisher.disconnect();
    const subscriber = await context.connect();
    await subscriber.subscribe(topic);
    equal(await subscriber.receivePayloads(1), ['stays'], 'payload');
  }),
  v5('3.3.1-9 3.8.4-4', 'Retain Handling 0 sends the retained message on every SUBSCRIBE', async (context) => {
    const topic = await retain(context, 'r');
    const subscriber = await context.connect();
    for (let n = 0; n < 2; n++) {
      await subscriber.subscribe({ filter: topic, retainHandling: 0 });
      const message = await subscriber.receive();
      equal([message.payload.toString(), message.retain], ['r', true], 'payload and RETAIN');
    }
    await subscriber.expectNothing();
  }),
  v5('3.3.1-10', 'Retain Handling 1 sends it for a new subscription only', async (context) => {
    const topic = await retain(context, 'r');
    const subscriber = await context.connect();
    await subscriber.subscribe({ filter: topic, retainHandling: 1 });
    equal(await subscriber.receivePayloads(1), ['r'], 'payload');
    await subscriber.subscribe({ filter: topic, retainHandling: 1, qos: 1 });
    await subscriber.expectNothing();
    await subscriber.unsubscribe(topic);
    await subscriber.subscribe({ filter: topic, retainHandling: 1 });
    equal(await subscriber.receivePayloads(1), ['r'], 'payload after UNSUBSCRIBE');
  }),
  v5('3.3.1-10', 'Retain Handling 1 sends nothing for a subscription of a resumed session', async (context) => {
    const [topic, clientId] = [await retain(context, 'r'), context.clientId()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, retainHandling: 1 });
    await first.receive();
    first.cut();
    const again = await context.connect({ persistent: true, clientId });
    await again.subscribe({ filter: topic, retainHandling: 1 });
    await again.expectNothing();
  }),
  v5('3.3.1-11', 'Retain Handling 2 sends none, on the first or a later SUBSCRIBE', async (context) => {
    const topic = await retain(context, 'r');
    const subscriber = await context.connect();
    for (let n = 0; n < 2; n++) {
      await subscriber.subscribe({ filter: topic, retainHandling: 2 });
      await subscriber.expectNothing();
    }
  }),
  v5('3.3.1-12 3.3.1-13', 'Retain As Published decides about RETAIN of forwarded messages', async (context) => {
    const topic = context.retainedTopic();
    const [zero, one, publisher] = [await context.connect(), await context.connect(), await context.connect()];
    await zero.subscribe({ filter: topic });
    await one.subscribe({ filter: topic, retainAsPublished: true });
    for (const flag of [true, false]) {
      await publisher.publish({ topic, payload: 'x', retain: flag, qos: 1 });
      equal((await zero.receive()).retain, false, 'RETAIN with Retain As Published 0');
      equal((await one.receive()).retain, flag, 'RETAIN with Retain As Published 1');
    }
  }),
  v5('3.3.1-9', 'a Shared Subscription gets no retained messages when it is made', async (context) => {
    const topic = await retain(context, 'r');
    const subscriber = await context.connect();
    await subscriber.subscribe({ filter: `$share/${context.clientId()}/${topic}` });
    await subscriber.expectNothing();
  }),
];
