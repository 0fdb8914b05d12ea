import { property } from '../wire/properties.js';
import { acknowledge, publish, subscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v5, v311, type WireTest } from '../wire-test.js';

/** Flow control (sections 3.3.4 and 4.9). */
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
];
