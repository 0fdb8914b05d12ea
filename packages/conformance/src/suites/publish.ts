import { packet, uint16 } from '../wire/bytes.js';
import { acknowledge, publish } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

/** PUBLISH and its acknowledgements (sections 3.3 to 3.7 and 4.3). */
export const publishTests: readonly WireTest[] = [
  ...both(
    '3.3.4-1 3.4.2-1 3.5.2-1 3.7.2-1',
    '3.3.4-1 4.3.2-2 4.3.3-2',
    'QoS 0 gets no answer, 1 PUBACK, 2 PUBREC and PUBCOMP',
    async (context) => {
      const client = await context.connect();
      const topic = context.topic();
      client.send(publish(context.version, { topic }));
      await client.expectNothing();
      client.send(publish(context.version, { topic, qos: 1, packetId: 10 }));
      const puback = await client.expect('puback');
      if (![0, 0x10].includes(puback.reasonCode)) client.fail('PUBACK refuses');
      client.send(publish(context.version, { topic, qos: 2, packetId: 11 }));
      const pubrec = await client.expect('pubrec');
      if (![0, 0x10].includes(pubrec.reasonCode)) client.fail('PUBREC refuses');
      client.send(acknowledge('pubrel', 11));
      equal((await client.expect('pubcomp')).reasonCode, 0, 'PUBCOMP');
      await client.expectNothing();
    },
  ),
  ...both('3.3.1-2 4.13.1-1', '3.3.1-2 4.8.0-1', 'DUP 1 with QoS 0 closes the connection', async (context) => {
    await context.expectBreach(publish(context.version, { topic: context.topic(), dup: true }));
  }),
  ...both('3.3.1-4', '3.3.1-4', 'both QoS bits set closes the connection', async (context) => {
    await context.expectBreach(publish(context.version, { topic: context.topic(), qos: 3, packetId: 1 }), [0x9b]);
  }),
  ...both('3.3.1-3', '3.3.1-3', 'DUP of the publisher is not passed on', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    for (const qos of [1, 2]) {
      await publisher.publish({ topic, qos, dup: true });
      const message = await subscriber.receive();
      equal([message.qos, message.dup], [qos, false], 'QoS and DUP');
    }
  }),
  ...both('4.3.2-5', '4.3.2-2', 'after PUBACK the identifier is free: a PUBLISH with it is new, even with DUP 1', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    for (const [payload, dup] of [
      ['a', false],
      ['b', true],
      ['c', false],
    ] as const) {
      await publisher.publish({ topic, payload, dup, qos: 1, packetId: 9 });
    }
    equal(await subscriber.receivePayloads(3), ['a', 'b', 'c'], 'payloads');
  }),
  ...both('4.3.3-10', '4.3.3-2', 'a QoS 2 PUBLISH repeated before PUBREL gets PUBREC and is delivered once', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    publisher.send(publish(context.version, { topic, payload: 'once', qos: 2, packetId: 4 }));
    await publisher.acknowledgement('pubrec', 4);
    publisher.send(publish(context.version, { topic, payload: 'once', qos: 2, packetId: 4, dup: true }));
    await publisher.acknowledgement('pubrec', 4);
    await publisher.release(4);
    equal((await subscriber.receive()).payload.toString(), 'once', 'payload');
    await context.settle();
    await subscriber.expectNothing();
  }),
  ...both('4.3.3-12 4.3.3-11', '4.3.3-2', 'after PUBCOMP the identifier is free for a new QoS 2 message', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    for (const payload of ['a', 'b']) await publisher.publish({ topic, payload, qos: 2, packetId: 4 });
    equal(await subscriber.receivePayloads(2), ['a', 'b'], 'payloads');
  }),
  v5(
    '4.3.3-9',
    'after a PUBREC that refuses, the identifier is free: the next PUBLISH with it is new',
    async (context) => {
      const { subscriber, publisher, topic } = await context.pair(2);
      publisher.send(publish(5, { topic: context.target.settings.deniedPublishTopic ?? '', qos: 2, packetId: 6 }));
      const refusal = await publisher.acknowledgement('pubrec', 6);
      if (refusal.reasonCode < 0x80) context.notObserved('the denied PUBLISH was acknowledged as a success');
      await publisher.publish({ topic, payload: 'new', qos: 2, packetId: 6 });
      equal((await subscriber.receive()).payload.toString(), 'new', 'payload');
    },
    'deniedPublishTopic',
  ),
  ...both('4.3.3-4 4.3.3-3 4.3.3-6', '4.3.3-1', 'PUBREC is answered by PUBREL, a second PUBREC by no PUBLISH', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(2);
    await publisher.publish({ topic, payload: 'x', qos: 2 });
    const { packetId = 0 } = await subscriber.expect('publish');
    await subscriber.expectNothing();
    for (let n = 0; n < 2; n++) {
      subscriber.send(acknowledge('pubrec', packetId));
      equal((await subscriber.expect('pubrel')).packetId, packetId, 'identifier');
    }
    subscriber.send(acknowledge('pubcomp', packetId));
    await subscriber.expectNothing();
  }),
  v5('3.7.2-1 4.3.3-11', 'PUBREL for an unknown identifier gets PUBCOMP 0x92 (or 0x00)', async (context) => {
    const client = await context.connect();
    client.send(acknowledge('pubrel', 77));
    const pubcomp = await client.expect('pubcomp');
    equal(pubcomp.packetId, 77, 'identifier');
    if (![0, 0x92].includes(pubcomp.reasonCode)) client.fail('the reason code is wrong');
  }),
  v311('4.3.3-2', 'PUBREL for an unknown identifier gets PUBCOMP', async (context) => {
    const client = await context.connect();
    equal((await client.release(77)).packetId, 77, 'identifier');
  }),
  v5(
    '3.6.2-1 4.3.3-4',
    'PUBREC for an unknown identifier gets PUBREL with that identifier, 0x92 or 0x00, or the connection ends',
    async (context) => {
      const client = await context.connect();
      client.send(acknowledge('pubrec', 78));
      const answer = await client.expectOneOf(['pubrel', 'disconnect']);
      if (answer.type === 'pubrel') equal(answer.packetId, 78, 'identifier');
    },
  ),
  ...both('3.6.1-1', '3.6.1-1', 'PUBREL with other flags than 0010 closes the connection', async (context) => {
    for (const firstByte of [0x60, 0x63, 0x66, 0x6a]) await context.expectBreach(packet(firstByte, uint16(1)));
  }),
  v5('3.4.2-1 3.5.2-1 3.6.2-1 3.7.2-1 4.13.1-1', 'acknowledgements with an undefined reason code close the connection', async (context) => {
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      const client = await context.connect();
      const topic = context.topic();
      await client.subscribe({ filter: topic, qos: 2 });
      await client.publish({ topic, qos: type === 'puback' ? 1 : 2 });
      const { packetId = 0 } = await client.expect('publish');
      client.send(acknowledge(type, type === 'pubrel' ? 1 : packetId, 0x55));
      await client.expectClosed();
    }
  }),
  ...both('3.3.2-2 4.7.0-1', '3.3.2-2 4.7.1-1', 'a Topic Name with a wildcard closes the connection', async (context) => {
    for (const topic of ['#', '+', 'a/#', 'a/+/b', 'a+', 'a#']) await context.expectBreach(publish(context.version, { topic }), [0x90]);
  }),
  ...both('4.7.3-1', '4.7.3-1', 'an empty Topic Name closes the connection', async (context) => {
    await context.expectBreach(publish(context.version, { topic: '' }), [0x90]);
  }),
  ...both(
    '3.3.2-3 4.7.3-4',
    '3.3.2-3 4.7.3-4',
    'topics are matched and delivered byte for byte, without normalization',
    async (context) => {
      const [subscriber, publisher] = [await context.connect(), await context.connect()];
      const base = context.topic();
      const composed = `${base}/\u00e9`;
      await subscriber.subscribe({ filter: composed });
      for (const topic of [`${base}/e\u0301`, `${base}/\u00c9`, `${base}/é/`, `/${base}/é`, `${base}//é`])
        await publisher.publish({ topic });
      await publisher.publish({ topic: composed, payload: 'same' });
      const message = await subscriber.receive();
      equal([message.topic, message.payload.toString()], [composed, 'same'], 'topic and payload');
      await subscriber.expectNothing();
    },
  ),
  ...both(
    '4.6.0-5 4.6.0-6 4.5.0-1',
    '4.6.0-5 4.6.0-6 4.5.0-1',
    'messages of one publisher, topic and QoS arrive in order',
    async (context) => {
      for (const qos of [0, 1, 2]) {
        const { subscriber, publisher, topic } = await context.pair(qos);
        const count = 20;
        const content: Buffer[] = [];
        for (let n = 0; n < count; n++)
          content.push(publish(context.version, { topic, payload: `${n}`, qos, packetId: qos > 0 ? n + 1 : undefined }));
        publisher.send(content);
        for (let n = 0; n < count && qos > 0; n++) await publisher.expect(qos === 1 ? 'puback' : 'pubrec');
        if (qos === 2) for (let n = 0; n < count; n++) await publisher.release(n + 1);
        equal(await subscriber.receivePayloads(count), Array.from(Array(count).keys(), String), `payloads at QoS ${qos}`);
      }
    },
  ),
  ...both('4.5.0-1', '4.5.0-1', 'every client with a matching subscription gets the message', async (context) => {
    const topic = context.topic();
    const subscribers = await Promise.all(Array.from({ length: 5 }, () => context.connect()));
    for (const [index, subscriber] of subscribers.entries()) await subscriber.subscribe({ filter: index % 2 === 0 ? topic : `${topic}/#` });
    const publisher = await context.connect();
    await publisher.publish({ topic, payload: 'all', qos: 1 });
    for (const subscriber of subscribers) equal((await subscriber.receive()).payload.toString(), 'all', 'payload');
  }),
  v311(
    '3.3.5-2',
    'a PUBLISH that is not authorized is acknowledged as its QoS says, or the connection is closed',
    async (context) => {
      for (const [qos, answer] of [
        [1, 'puback'],
        [2, 'pubrec'],
      ] as const) {
        const client = await context.connect();
        client.send(publish(4, { topic: context.target.settings.deniedPublishTopic ?? '', qos, packetId: 3 }));
        const ended = client.packetsUntilClosed().then(
          (packets) => packets,
          () => undefined,
        );
        const acknowledged = await Promise.race([client.acknowledgement(answer, 3).catch(() => undefined), ended]);
        if (acknowledged === undefined) client.fail('neither acknowledged nor closed');
      }
    },
    'deniedPublishTopic',
  ),
  v5(
    '3.4.2-1 3.5.2-1',
    'a PUBLISH that is not authorized gets 0x87, or the connection is closed with it',
    async (context) => {
      for (const [qos, answer] of [
        [1, 'puback'],
        [2, 'pubrec'],
      ] as const) {
        const client = await context.connect();
        client.send(publish(5, { topic: context.target.settings.deniedPublishTopic ?? '', qos, packetId: 3 }));
        const refusal = await client.expectOneOf([answer, 'disconnect']);
        // An acknowledgement of success without a delivery is allowed: the server may hide its rules.
        if (![0, 0x10, 0x87].includes(refusal.reasonCode)) client.fail('the reason code is wrong');
      }
    },
    'deniedPublishTopic',
  ),
];
