import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { publish, subscribe, unsubscribe } from '../wire/requests.js';
import { type ServerPacket } from '../wire/server-packets.js';
import { equal } from '../wire-context.js';
import { v5, type WireTest } from '../wire-test.js';

/** Requires that everything up to the answer to a PINGREQ, or up to the close, is no larger than the client takes. */
async function requireSizes(client: MqttClient, maximum: number): Promise<ServerPacket[]> {
  const packets: ServerPacket[] = [];
  client.send(0xc0, 0);
  for (;;) {
    const packet = await client.next().catch((error: unknown) => {
      if (client.isClosed) return undefined;
      throw error;
    });
    if (packet === undefined || packet.type === 'pingresp') return packets;
    if (packet.raw.length > maximum) client.fail(`${packet.type} of ${packet.raw.length} bytes for a client that takes ${maximum}`);
    packets.push(packet);
  }
}

/** Maximum Packet Size: of the client for each packet that a server sends (section 3.1.2.11.4), and of the server (3.2.2.3.6). */
export const packetSizeTests: readonly WireTest[] = [
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
  v5('3.1.2-24', 'CONNACK is no larger than the client takes; where none is small enough, the server closes', async (context) => {
    const control = await context.connect({ clientId: '' });
    // A CONNECT without ClientID has the largest CONNACK: with an Assigned Client Identifier.
    for (const maximum of [control.connack.raw.length, control.connack.raw.length - 1, 12, 5, 4, 1]) {
      const client = await context.open();
      client.send(context.connectBytes({ clientId: '', properties: [property.maximumPacketSize(maximum)] }));
      const first = await client.next('CONNACK').catch((error: unknown) => {
        if (client.isClosed) return undefined;
        throw error;
      });
      if (first !== undefined && first.raw.length > maximum)
        client.fail(`${first.type} of ${first.raw.length} bytes for a client that takes ${maximum}`);
      if (maximum >= control.connack.raw.length) equal(first?.type, 'connack', 'the first packet');
    }
  }),
  v5('3.1.2-24', 'a refusing CONNACK is no larger than the client takes', async (context) => {
    await context.connect();
    for (const maximum of [5, 4, 1]) {
      const client = await context.open();
      const properties = [property.maximumPacketSize(maximum), property.authenticationMethod('no-such-method')];
      client.send(context.connectBytes({ properties }));
      for (const packet of await client.packetsUntilClosed()) {
        if (packet.raw.length > maximum) client.fail(`${packet.type} of ${packet.raw.length} bytes for a client that takes ${maximum}`);
      }
    }
  }),
  v5('3.1.2-24', 'SUBACK and UNSUBACK are no larger than the client takes; the server may end the connection instead', async (context) => {
    const filters = Array.from({ length: 30 }, () => ({ filter: context.topic() }));
    const names = filters.map(({ filter }) => filter);
    for (const content of [subscribe(5, 1, filters), unsubscribe(5, 1, names)]) {
      const client = await context.connect({ properties: [property.maximumPacketSize(34)] });
      client.send(content);
      const [answer] = await requireSizes(client, 34);
      if (answer !== undefined && answer.type !== 'disconnect') client.fail(`${answer.type} is no answer to it`);
    }
    const wide = await context.connect({ properties: [property.maximumPacketSize(35)] });
    equal((await wide.subscribe(filters)).raw.length, 35, 'size of SUBACK');
    equal((await wide.unsubscribe(...names)).raw.length, 35, 'size of UNSUBACK');
  }),
  v5('3.1.2-24 3.1.2-25', 'the properties of a delivery count: Subscription Identifiers and Topic Alias', async (context) => {
    const [topic, publisher] = [context.topic(), await context.connect()];
    const whole = publish(5, { topic, payload: 'x', qos: 1, packetId: 1 }).length;
    for (const [connectProperties, subscribeProperties, extra] of [
      [[], [property.subscriptionIdentifier(268_435_455)], 5],
      [[property.topicAliasMaximum(10)], [], 3],
    ] as const) {
      for (const maximum of [whole + extra - 1, whole + extra]) {
        const client = await context.connect({ properties: [property.maximumPacketSize(maximum), ...connectProperties] });
        await client.subscribe({ filter: topic, qos: 1 }, subscribeProperties);
        await publisher.publish({ topic, payload: 'x', qos: 1 });
        await publisher.publish({ topic, payload: 'x', qos: 1 });
        await context.settle();
        const packets = await requireSizes(client, maximum);
        // A Topic Alias may be left out, a Subscription Identifier may not.
        const least = maximum < whole + extra && extra === 5 ? 0 : 2;
        if (packets.length !== least && extra === 5) client.fail(`${packets.length} messages of ${least} came`);
      }
    }
  }),
  v5(
    '3.1.2-24 3.1.2-25 4.4.0-1',
    'what is in flight and too large for the new connection is not sent again, and blocks nothing',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const first = await context.connect({ clientId, persistent: true });
      await first.subscribe({ filter: topic, qos: 2 });
      for (const [qos, size] of [
        [1, 100],
        [2, 100],
        [1, 1],
        [2, 1],
      ])
        await publisher.publish({ topic, payload: 'x'.repeat(size), qos });
      for (let n = 0; n < 4; n++) await first.expect('publish');
      first.cut();
      const properties = [property.maximumPacketSize(60), property.receiveMaximum(1)];
      const again = await context.connect({ clientId, persistent: true, properties });
      for (const qos of [1, 2]) {
        const message = await again.receive();
        equal([message.qos, message.payload.length, message.dup], [qos, 1, true], 'QoS, length and DUP');
      }
      await again.expectNothing();
      await publisher.publish({ topic, payload: 'new', qos: 2 });
      equal(await again.receivePayloads(1), ['new'], 'payload');
    },
  ),
  v5('3.1.2-24', 'a will, a message with many User Properties and one of QoS 0 obey Maximum Packet Size, too', async (context) => {
    const [topic, publisher] = [context.topic(), await context.connect()];
    const subscriber = await context.connect({ properties: [property.maximumPacketSize(80)] });
    await subscriber.subscribe({ filter: topic, qos: 0 });
    (await context.connect({ will: { topic, payload: 'w'.repeat(100) } })).cut();
    const properties = Array.from({ length: 8 }, (_, n) => property.userProperty(`name ${n}`, 'value'));
    await publisher.publish({ topic, properties });
    await publisher.publish({ topic, payload: 'small' });
    equal((await requireSizes(subscriber, 80)).length, 1, 'messages that came');
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
