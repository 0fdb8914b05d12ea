import { property } from '../wire/properties.js';
import { acknowledge, pingreq, publish, subscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v5, v311, type WireTest } from '../wire-test.js';

/** Flow control and sizes (sections 3.3.4, 4.9 and the Maximum Packet Size). */
export const flowTests: readonly WireTest[] = [
  v5('3.3.4-9 4.9.0-1 4.9.0-2', 'no more QoS 1 deliveries are unfinished than Receive Maximum', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1, { properties: [property.receiveMaximum(2)] });
    for (let n = 0; n < 5; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 });
    const first = await subscriber.expect('publish');
    const second = await subscriber.expect('publish');
    await subscriber.expectNothing(50);
    subscriber.send(acknowledge('puback', second.packetId ?? 0));
    const third = await subscriber.expect('publish');
    await subscriber.expectNothing();
    equal(
      [first, second, third].map((message) => message.payload.toString()),
      ['0', '1', '2'],
      'payloads',
    );
    subscriber.send(acknowledge('puback', first.packetId ?? 0), acknowledge('puback', third.packetId ?? 0, 0x80));
    await subscriber.expect('publish');
    await subscriber.expect('publish');
  }),
  v5('3.3.4-9 4.9.0-2', 'a QoS 2 delivery takes its place until PUBCOMP, or a PUBREC that refuses', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2, { properties: [property.receiveMaximum(1)] });
    for (let n = 0; n < 3; n++) await publisher.publish({ topic, payload: `${n}`, qos: 2 });
    const first = await subscriber.expect('publish');
    subscriber.send(acknowledge('pubrec', first.packetId ?? 0));
    await subscriber.expect('pubrel');
    await subscriber.expectNothing(50);
    subscriber.send(acknowledge('pubcomp', first.packetId ?? 0));
    const second = await subscriber.expect('publish');
    await subscriber.expectNothing();
    subscriber.send(acknowledge('pubrec', second.packetId ?? 0, 0x97));
    equal((await subscriber.expect('publish')).payload.toString(), '2', 'payload');
  }),
  v5('3.3.4-10 4.9.0-3', 'at zero quota other packets are answered, QoS 0 may pass', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1, { properties: [property.receiveMaximum(1)] });
    await publisher.publish({ topic, payload: 'a', qos: 1 });
    await publisher.publish({ topic, payload: 'b', qos: 1 });
    await subscriber.expect('publish');
    subscriber.send(subscribe(5, 100, [{ filter: context.topic() }]));
    await subscriber.expect('suback');
    subscriber.send(publish(5, { topic: context.topic(), qos: 1, packetId: 101 }));
    await subscriber.expect('puback');
    subscriber.send(publish(5, { topic: context.topic(), qos: 2, packetId: 102 }));
    await subscriber.expect('pubrec');
    await subscriber.release(102);
    await subscriber.expectNothing();
  }),
  v5('3.3.4-9 4.4.0-1', 'Receive Maximum holds for what is sent again after reconnect', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 1 });
    for (let n = 0; n < 4; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 });
    for (let n = 0; n < 4; n++) await first.expect('publish');
    first.cut();
    const again = await context.connect({ persistent: true, clientId, properties: [property.receiveMaximum(2)] });
    const payloads: string[] = [];
    for (let n = 0; n < 2; n++) payloads.push((await again.expect('publish')).payload.toString());
    equal(payloads, ['0', '1'], 'payloads');
    await again.expectNothing(50);
  }),
  v5('3.3.4-7', 'a client that exceeds the Receive Maximum of the server is disconnected with 0x93', async (context) => {
    const client = await context.connect();
    const { receiveMaximum = 65_535 } = client.connack.properties;
    if (receiveMaximum > 5000) context.notObserved('the Receive Maximum of the server is too large to be exceeded here');
    const topic = context.topic();
    const content: Buffer[] = [];
    for (let packetId = 1; packetId <= receiveMaximum + 1; packetId++) content.push(publish(5, { topic, qos: 2, packetId }));
    client.send(content.slice(0, receiveMaximum));
    for (let n = 0; n < receiveMaximum; n++) await client.expect('pubrec');
    await client.expectNothing();
    client.send(content[receiveMaximum]);
    await client.expectClosedWith([0x93]);
  }),
  v311('4.3.3-2 4.5.0-1', 'of 200 QoS 2 messages in flight at once none is lost', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    const count = 200;
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    publisher.send(numbers.map((packetId) => publish(4, { topic, payload: `${packetId}`, qos: 2, packetId })));
    for (const packetId of numbers) await publisher.acknowledgement('pubrec', packetId);
    publisher.send(numbers.map((packetId) => acknowledge('pubrel', packetId)));
    for (const packetId of numbers) await publisher.acknowledgement('pubcomp', packetId);
    const got: string[] = [];
    while (got.length < count) {
      const packet = await subscriber.expectOneOf(['publish', 'pubrel']);
      if (packet.type === 'publish') got.push(packet.payload.toString());
      subscriber.send(acknowledge(packet.type === 'publish' ? 'pubrec' : 'pubcomp', packet.packetId ?? 0));
    }
    equal(got, numbers.map(String), 'payloads');
  }),
  v5('3.1.2-24 3.1.2-25', 'a message too large for the client is dropped as if it was sent', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1, {
      properties: [property.maximumPacketSize(60), property.receiveMaximum(1)],
    });
    for (const size of [100, 1, 1000]) await publisher.publish({ topic, payload: 'x'.repeat(size), qos: 1 });
    const message = await subscriber.receive();
    equal(message.payload.length, 1, 'length of the payload');
    await subscriber.expectNothing();
    await publisher.publish({ topic, payload: 'still alive', qos: 1 });
    equal(await subscriber.receivePayloads(1), ['still alive'], 'payload');
  }),
  v5('3.1.2-24 3.1.2-25', 'the largest packet that the client takes is sent, one byte more is not', async (context) => {
    const topic = context.topic();
    const limit = 2 + 2 + topic.length + 1 + 20;
    const [subscriber, publisher] = [await context.connect({ properties: [property.maximumPacketSize(limit)] }), await context.connect()];
    await subscriber.subscribe(topic);
    await publisher.publish({ topic, payload: 'y'.repeat(21) });
    await publisher.publish({ topic, payload: 'x'.repeat(20) });
    equal((await subscriber.receive()).raw.length, limit, 'size of the packet');
    await subscriber.expectNothing();
  }),
  v5('3.1.2-24', 'retained and queued messages obey Maximum Packet Size, too', async (context) => {
    const [clientId, topic, retained, publisher] = [context.clientId(), context.topic(), context.retainedTopic(), await context.connect()];
    await publisher.publish({ topic: retained, payload: 'x'.repeat(100), qos: 1, retain: true });
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 1 });
    first.cut();
    await publisher.publish({ topic, payload: 'x'.repeat(100), qos: 1 });
    await publisher.publish({ topic, payload: 'small', qos: 1 });
    const again = await context.connect({ persistent: true, clientId, properties: [property.maximumPacketSize(60)] });
    equal(await again.receivePayloads(1), ['small'], 'payload');
    await again.subscribe({ filter: retained, qos: 1 });
    await again.expectNothing();
  }),
  v5('3.1.2-24', 'a SUBACK that is larger than the client takes is not sent', async (context) => {
    const maximum = 60;
    const client = await context.connect({ properties: [property.maximumPacketSize(maximum)] });
    client.send(
      subscribe(
        5,
        1,
        Array.from({ length: 80 }, () => ({ filter: context.topic() })),
      ),
    );
    // The server may close, with or without DISCONNECT, or go on.
    client.send(pingreq);
    const answer = await client.next().catch((error: unknown) => {
      if (!client.isClosed) throw error;
    });
    if (answer !== undefined && answer.raw.length > maximum) client.fail(`${answer.type} of ${answer.raw.length} bytes`);
  }),
  v5('3.2.2-15', 'a packet above the Maximum Packet Size of the server ends the connection with 0x95', async (context) => {
    const client = await context.connect();
    const { maximumPacketSize } = client.connack.properties;
    if (maximumPacketSize === undefined || maximumPacketSize > 4 * 1024 * 1024) context.notObserved('the server takes packets of any size');
    const topic = context.topic();
    const rest = (maximumPacketSize ?? 0) - publish(5, { topic }).length;
    client.send(publish(5, { topic, payload: Buffer.alloc(rest + 4) }));
    await client.expectClosedWith([0x95]);
  }),
];
