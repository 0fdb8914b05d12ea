import { packet, uint16 } from '../wire/bytes.js';
import { connect, publish, subscribe, unsubscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v31, type WireTest } from '../wire-test.js';

/** Where MQTT 3.1 differs from 3.1.1; the numbers are those of spec/mqtt31-differences.tsv. */
export const mqtt31Tests: readonly WireTest[] = [
  v31('1', 'the protocol is MQIsdp with version 3', async (context) => {
    const client = await context.connect();
    equal(client.connack.raw.toString('hex'), '20020000', 'bytes of CONNACK');
  }),
  v31('2', 'DUP may be set on SUBSCRIBE, UNSUBSCRIBE and PUBREL', async (context) => {
    const [client, topic] = [await context.connect(), context.topic()];
    client.send(subscribe(3, 1, [{ filter: topic, qos: 1 }], [], 0x8a));
    equal((await client.expect('suback')).reasonCodes, [1], 'granted QoS');
    client.send(publish(3, { topic, qos: 2, packetId: 2 }));
    await client.acknowledgement('pubrec', 2);
    client.send(packet(0x6a, uint16(2)));
    equal((await client.find('pubcomp')).packetId, 2, 'identifier of PUBCOMP');
    client.send(unsubscribe(3, 3, [topic], 0xaa));
    equal((await client.find('unsuback')).packetId, 3, 'identifier of UNSUBACK');
  }),
  v31('3', 'a flagged User Name or Password may be missing', async (context) => {
    const { userName, password } = context.target.settings;
    if (userName !== undefined || password !== undefined) context.notObserved('this target needs credentials');
    await context.connect();
    for (const flags of [0x82, 0xc2]) {
      const client = await context.open();
      client.send(connect(3, { flags, clientId: context.clientId() }));
      const connack = await client.expect('connack');
      if (![0, 4, 5].includes(connack.reasonCode)) client.fail('the CONNECT counts as malformed');
    }
  }),
  v31(
    '4',
    'SUBACK never has 0x80: a refused filter is answered with the QoS asked for and gets nothing',
    async (context) => {
      const client = await context.connect();
      const filter = context.target.settings.deniedSubscribeFilter ?? '';
      const suback = await client.requestSubscribe([{ filter, qos: 1 }, { filter: context.topic() }]);
      equal(suback.reasonCodes, [1, 0], 'granted QoS');
    },
    'deniedSubscribeFilter',
  ),
  v31('5', 'CONNACK has no Session Present, though the session goes on', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ clientId, persistent: true });
    await first.subscribe({ filter: topic, qos: 1 });
    first.cut();
    await publisher.publish({ topic, payload: 'kept', qos: 1 });
    const again = await context.connect({ clientId, persistent: true });
    equal(again.connack.raw.toString('hex'), '20020000', 'bytes of CONNACK');
    equal(await again.receivePayloads(1), ['kept'], 'payload');
  }),
  v31('6', 'a client identifier of 24 bytes is accepted here', async (context) => {
    const client = await context.connect({ clientId: context.clientId().padEnd(24, 'x') });
    await client.expectNothing();
  }),
  v31('7', 'an empty client identifier is refused with return code 2', async (context) => {
    equal(await context.expectRefused(context.connectBytes({ clientId: '' }), [2]), 2, 'return code');
  }),
  v31('8', 'a bridge that sets the highest bit of the version is served as 3.1', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    const bridge = await context.connect({ protocolLevel: 0x83 });
    equal(bridge.connack.raw.toString('hex'), '20020000', 'bytes of CONNACK');
    await publisher.publish({ topic, payload: 'x', qos: 1 });
    equal(await subscriber.receivePayloads(1), ['x'], 'payload');
  }),
  v31('9', 'QoS 0, 1 and 2 work as in 3.1.1', async (context) => {
    for (const qos of [0, 1, 2]) {
      const { subscriber, publisher, topic } = await context.pair(qos);
      await publisher.publish({ topic, payload: `${qos}`, qos });
      const message = await subscriber.receive();
      equal([message.qos, message.payload.toString()], [qos, `${qos}`], 'QoS and payload');
    }
  }),
];
