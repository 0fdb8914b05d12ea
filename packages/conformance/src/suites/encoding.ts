import { bytes, field, packet, uint16 } from '../wire/bytes.js';
import { property } from '../wire/properties.js';
import { acknowledge, illFormedTexts, publish, subscribe, unsubscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { both, v5, type WireTest } from '../wire-test.js';

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/** Text, numbers, fixed headers and Packet Identifiers (section 2 and what comes before it). */
export const encodingTests: readonly WireTest[] = [
  ...both(
    '1.5.4-1 3.3.2-1 4.13.1-1',
    '1.5.3-1 3.3.2-1 4.8.0-1',
    'a Topic Name of ill-formed UTF-8 closes the connection',
    async (context) => {
      for (const [, text] of illFormedTexts) await context.expectBreach(publish(context.version, { topic: text }), [0x90]);
    },
  ),
  ...both('1.5.4-1 3.8.3-1', '1.5.3-1 3.8.3-1', 'a SUBSCRIBE filter of ill-formed UTF-8 closes the connection', async (context) => {
    for (const [, text] of illFormedTexts) await context.expectBreach(subscribe(context.version, 1, [{ filter: text }]), [0x8f]);
  }),
  ...both('1.5.4-1 3.10.3-1', '1.5.3-1 3.10.3-1', 'an UNSUBSCRIBE filter of ill-formed UTF-8 closes the connection', async (context) => {
    for (const [, text] of illFormedTexts) await context.expectBreach(unsubscribe(context.version, 1, [text]), [0x8f]);
  }),
  ...both('1.5.4-2 4.7.3-2', '1.5.3-2 4.7.3-2', 'U+0000 in a Topic Name or filter closes the connection', async (context) => {
    await context.expectBreach(publish(context.version, { topic: 'a\0b' }), [0x90]);
    await context.expectBreach(subscribe(context.version, 1, [{ filter: 'a\0b' }]), [0x8f]);
    await context.expectBreach(unsubscribe(context.version, 1, ['a\0b']), [0x8f]);
  }),
  ...both('1.5.4-3', '1.5.3-3', 'EF BB BF at the start and inside of a Topic Name is kept', async (context) => {
    const [subscriber, publisher] = [await context.connect(), await context.connect()];
    const topic = bytes(byteOrderMark, context.topic(), byteOrderMark);
    await subscriber.subscribe({ filter: topic });
    await publisher.publish({ topic, payload: 'kept' });
    const message = await subscriber.receive();
    equal(message.topicBytes.toString('hex'), topic.toString('hex'), 'bytes of the Topic Name');
  }),
  v5('1.5.5-1', 'lengths on both sides of every border are written in the fewest bytes', async (context) => {
    const { subscriber, publisher, topic } = await context.pair();
    const around = [127, 128, 16_383, 16_384];
    for (const remainingLength of around) {
      const payload = Buffer.alloc(remainingLength - 2 - topic.length - 1, 0x61);
      await publisher.publish({ topic, payload });
      const message = await subscriber.receive();
      equal(message.payload.equals(payload), true, 'payload unchanged');
      equal(
        message.raw.length - remainingLength,
        remainingLength < 128 ? 2 : remainingLength < 16_384 ? 3 : 4,
        'bytes of the fixed header',
      );
    }
  }),
  ...both('4.13.1-1', '4.8.0-1', 'a Remaining Length of five bytes closes the connection', async (context) => {
    await context.expectBreach(bytes(0x30, 0x80, 0x80, 0x80, 0x80, 0x01), [0x95]);
  }),
  ...both('4.13.1-1', '4.8.0-1', 'fields that go beyond the Remaining Length close the connection', async (context) => {
    await context.expectBreach(packet(0x30, uint16(20), 'short'), [0x90]);
    await context.expectBreach(packet(0x40, 0x00));
    await context.expectBreach(packet(0x82, uint16(1), context.version === 5 ? 0 : [], uint16(9), 'a'), [0x8f]);
  }),
  v5('1.5.7-1', 'a User Property with ill-formed UTF-8 or U+0000 in either half closes the connection', async (context) => {
    const topic = context.topic();
    for (const [, text] of illFormedTexts) {
      await context.expectBreach(publish(5, { topic, properties: [property.userProperty(text, 'v')] }));
      await context.expectBreach(publish(5, { topic, properties: [property.userProperty('n', text)] }));
    }
    await context.expectBreach(publish(5, { topic, properties: [property.userProperty('n\0', 'v')] }));
    await context.expectBreach(publish(5, { topic, properties: [property.userProperty('n', 'v\0')] }));
  }),
  ...both('2.1.3-1', '2.2.2-1 2.2.2-2', 'reserved fixed header flags with another value close the connection', async (context) => {
    const id = uint16(1);
    for (const content of [packet(0x41, id), packet(0x52, id), packet(0x74, id), packet(0xc1), packet(0xc8)]) {
      await context.expectBreach(content);
    }
  }),
  ...both('4.13.1-1', '4.8.0-1', 'packet types that a client never sends close the connection', async (context) => {
    await context.expectBreach(packet(0x00), [0x8b]);
    await context.expectBreach(packet(0x20, 0, 0, context.version === 5 ? 0 : []));
    await context.expectBreach(packet(0x90, uint16(1), context.version === 5 ? 0 : [], 0));
    await context.expectBreach(packet(0xb0, uint16(1), context.version === 5 ? [0, 0] : []));
    await context.expectBreach(packet(0xd0));
    if (context.version < 5) await context.expectBreach(packet(0xf0));
  }),
  ...both('2.2.1-2 4.3.1-1 3.3.1-2', '2.3.1-5 4.3.1-1 3.3.1-2', 'a QoS 0 delivery has no Packet Identifier and DUP 0', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(0);
    await publisher.publish({ topic, payload: 'x', qos: 1 });
    const message = await subscriber.receive();
    const expected = packet(0x30, field(topic), context.version === 5 ? 0 : [], 'x');
    equal(message.raw.toString('hex'), expected.toString('hex'), 'bytes of the PUBLISH');
  }),
  ...both('2.2.1-3', '2.3.1-1', 'Packet Identifier 0 closes the connection', async (context) => {
    const topic = context.topic();
    await context.expectBreach(publish(context.version, { topic, qos: 1, packetId: 0 }));
    await context.expectBreach(publish(context.version, { topic, qos: 2, packetId: 0 }));
    await context.expectBreach(subscribe(context.version, 0, [{ filter: topic }]));
    await context.expectBreach(unsubscribe(context.version, 0, [topic]));
  }),
  ...both(
    '2.2.1-4 4.3.2-1 4.3.2-2 4.3.3-1 4.3.3-2',
    '2.3.1-4 4.3.2-1',
    'unacknowledged deliveries have different, non-zero identifiers and DUP 0',
    async (context) => {
      const { subscriber, publisher, topic } = await context.pair(2);
      for (let n = 0; n < 6; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 + (n % 2) });
      const ids = new Set<number | undefined>();
      for (let n = 0; n < 6; n++) {
        const message = await subscriber.expect('publish');
        equal([message.qos, message.dup, message.payload.toString()], [1 + (n % 2), false, `${n}`], 'QoS, DUP and payload');
        ids.add(message.packetId);
      }
      equal(ids.size, 6, 'different identifiers');
    },
  ),
  ...both(
    '2.2.1-5 4.3.2-4 4.3.3-8 4.3.3-11',
    '2.3.1-6 3.3.4-1',
    'acknowledgements repeat the Packet Identifier of the PUBLISH',
    async (context) => {
      const client = await context.connect();
      const topic = context.topic();
      for (const packetId of [1, 255, 256, 65_535]) {
        client.send(publish(context.version, { topic, qos: 1, packetId }));
        equal((await client.expect('puback')).packetId, packetId, 'PUBACK');
        client.send(publish(context.version, { topic, qos: 2, packetId }));
        equal((await client.expect('pubrec')).packetId, packetId, 'PUBREC');
        client.send(acknowledge('pubrel', packetId));
        equal((await client.expect('pubcomp')).packetId, packetId, 'PUBCOMP');
      }
    },
  ),
  ...both('2.2.1-6 3.8.4-2 3.10.4-5', '2.3.1-7 3.8.4-2 3.10.4-4', 'SUBACK and UNSUBACK repeat the Packet Identifier', async (context) => {
    const client = await context.connect();
    const filter = context.topic();
    for (const packetId of [1, 255, 256, 65_535]) {
      client.send(subscribe(context.version, packetId, [{ filter }]));
      equal((await client.expect('suback')).packetId, packetId, 'SUBACK');
      client.send(unsubscribe(context.version, packetId, [filter]));
      equal((await client.expect('unsuback')).packetId, packetId, 'UNSUBACK');
    }
  }),
  v5('2.2.2-1', 'a packet without properties has Property Length 0', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    const filter = context.topic();
    const packetId = subscriber.packetId();
    subscriber.send(subscribe(5, packetId, [{ filter }]));
    const suback = await subscriber.expect('suback');
    if (suback.properties.names.length === 0)
      equal(suback.raw.toString('hex'), packet(0x90, uint16(packetId), 0, 0).toString('hex'), 'SUBACK');
    await publisher.publish({ topic, qos: 1 });
    const message = await subscriber.receive();
    equal(message.raw.toString('hex'), packet(0x32, field(topic), uint16(message.packetId ?? 0), 0).toString('hex'), 'PUBLISH');
  }),
  v5('4.13.1-1', 'a property that is unknown, not allowed here, or there twice closes the connection', async (context) => {
    const topic = context.topic();
    await context.expectBreach(publish(5, { topic, properties: [bytes(0x7f, 0)] }));
    await context.expectBreach(publish(5, { topic, properties: [property.receiveMaximum(5)] }));
    await context.expectBreach(publish(5, { topic, properties: [property.contentType('a'), property.contentType('b')] }));
    await context.expectBreach(subscribe(5, 1, [{ filter: topic }], [property.subscriptionIdentifier(0)]));
    await context.expectBreach(packet(0x82, uint16(1), 0x80, 0x00, field(topic), 0), [0x8f]);
  }),
];
