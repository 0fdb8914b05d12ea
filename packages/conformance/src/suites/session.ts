import { property } from '../wire/properties.js';
import { acknowledge, publish } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { both, v5, type WireTest } from '../wire-test.js';

/** Sessions: clean start, resumption, expiry (sections 3.1.2, 3.1.4, 4.1). */
export const sessionTests: readonly WireTest[] = [
  ...both(
    '3.1.2-6 3.2.2-3 3.1.4-4',
    '3.1.2-4 3.2.2-3 3.1.4-3',
    'without a stored session a new one is made, Session Present is 0',
    async (context) => {
      const client = await context.connect({ persistent: true, clientId: context.clientId() });
      equal(client.connack.sessionPresent, false, 'Session Present');
    },
  ),
  ...both(
    '3.1.2-5 3.1.2-23 3.2.2-3 3.1.3-2',
    '3.1.2-4 3.2.2-2 3.1.3-2 4.1.0-1',
    'a stored session goes on with its subscriptions',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const first = await context.connect({ persistent: true, clientId });
      await first.subscribe({ filter: topic, qos: 1 });
      await first.disconnect();
      const again = await context.connect({ persistent: true, clientId });
      equal(again.connack.sessionPresent, true, 'Session Present');
      await publisher.publish({ topic, payload: 'on', qos: 1 });
      equal((await again.receive()).payload.toString(), 'on', 'payload');
      const other = await context.connect({ persistent: true, clientId: context.clientId() });
      equal(other.connack.sessionPresent, false, 'Session Present of another ClientID');
    },
  ),
  ...both('3.1.2-4 3.2.2-2 3.1.4-4', '3.1.2-6 3.2.2-1 3.1.4-3', 'a clean start throws the old session away', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 1 });
    await first.disconnect();
    await publisher.publish({ topic, payload: 'lost', qos: 1 });
    const clean = await context.connect({ clientId });
    equal(clean.connack.sessionPresent, false, 'Session Present');
    await publisher.publish({ topic, payload: 'lost too', qos: 1 });
    await context.settle();
    await clean.expectNothing();
    await clean.disconnect();
    const after = await context.connect({ persistent: true, clientId });
    equal(after.connack.sessionPresent, false, 'Session Present after the clean session ended');
    await after.expectNothing();
  }),
  ...both('3.1.2-23 4.5.0-1', '3.1.2-5 4.5.0-1 4.1.0-1', 'QoS 1 and 2 messages for an absent client are kept in order', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 2 });
    first.cut();
    for (let n = 0; n < 10; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 + (n % 2) });
    const again = await context.connect({ persistent: true, clientId });
    const payloads = await again.receivePayloads(10);
    equal(payloads, Array.from(Array(10).keys(), String), 'payloads');
  }),
  v5('3.1.2-23', 'Session Present after an ending with no Session Expiry Interval is 0', async (context) => {
    const clientId = context.clientId();
    await (await context.connect({ clientId, cleanStart: false })).disconnect();
    const again = await context.connect({ clientId, cleanStart: false });
    equal(again.connack.sessionPresent, false, 'Session Present');
  }),
  v5('4.1.0-2 3.1.2-23', 'a session is discarded when its Session Expiry Interval has passed, not before', async (context) => {
    const clientId = context.clientId();
    const properties = [property.sessionExpiryInterval(2)];
    (await context.connect({ clientId, properties })).cut();
    await context.sleep(300);
    const early = await context.connect({ clientId, cleanStart: false, properties });
    equal(early.connack.sessionPresent, true, 'Session Present before the expiry');
    early.cut();
    await context.sleep(3200);
    const late = await context.connect({ clientId, cleanStart: false });
    equal(late.connack.sessionPresent, false, 'Session Present after the expiry');
  }),
  v5('4.1.0-2', 'DISCONNECT can change the Session Expiry Interval', async (context) => {
    const clientId = context.clientId();
    const first = await context.connect({ clientId, persistent: true });
    await first.disconnect(0, [property.sessionExpiryInterval(0)]);
    const again = await context.connect({ clientId, cleanStart: false });
    equal(again.connack.sessionPresent, false, 'Session Present');
  }),
  v5('4.13.1-1 3.14.2-1', 'DISCONNECT cannot give a session a life that CONNECT did not', async (context) => {
    const client = await context.connect();
    client.send(Buffer.from('e007000511', 'hex'), Buffer.from('0000000a', 'hex'));
    const code = await client.expectClosedWith([0x82]);
    if (code === undefined) return;
    equal(code, 0x82, 'reason code');
  }),
  ...both('4.1.0-1', '4.1.0-2', 'the session lives as long as its connection', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    for (let n = 0; n < 3; n++) {
      await publisher.publish({ topic, payload: `${n}`, qos: 1 });
      equal((await subscriber.receive()).payload.toString(), `${n}`, 'payload');
    }
  }),
  ...both(
    '4.4.0-1 3.3.1-1',
    '4.4.0-1 3.3.1-1 4.6.0-1',
    'unacknowledged PUBLISHes come again in order with DUP 1, new ones after them with DUP 0',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const first = await context.connect({ persistent: true, clientId });
      await first.subscribe({ filter: topic, qos: 1 });
      for (const payload of ['a', 'b', 'c']) await publisher.publish({ topic, payload, qos: 1 });
      const sent = [await first.expect('publish'), await first.expect('publish'), await first.expect('publish')];
      first.send(acknowledge('puback', sent[1].packetId ?? 0));
      await first.disconnect();
      await publisher.publish({ topic, payload: 'd', qos: 1 });
      const again = await context.connect({ persistent: true, clientId });
      const got = [await again.receive(), await again.receive(), await again.receive()];
      equal(
        got.map((message) => [message.payload.toString(), message.dup]),
        [
          ['a', true],
          ['c', true],
          ['d', false],
        ],
        'payload and DUP',
      );
      equal([got[0].packetId, got[1].packetId], [sent[0].packetId, sent[2].packetId], 'identifiers');
      await again.expectNothing();
    },
  ),
  ...both(
    '4.4.0-1 4.3.3-6 4.3.3-5 3.2.0-1',
    '4.4.0-1 4.3.3-1 3.2.0-1',
    'an owed PUBREL comes again after reconnect, behind CONNACK, its PUBLISH does not',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const first = await context.connect({ persistent: true, clientId });
      await first.subscribe({ filter: topic, qos: 2 });
      await publisher.publish({ topic, payload: 'x', qos: 2 });
      const { packetId = 0 } = await first.expect('publish');
      first.send(acknowledge('pubrec', packetId));
      await first.expect('pubrel');
      first.cut();
      const again = await context.connect({ persistent: true, clientId });
      equal((await again.expect('pubrel')).packetId, packetId, 'identifier of the PUBREL');
      again.send(acknowledge('pubcomp', packetId));
      await again.expectNothing();
      await again.disconnect();
      const third = await context.connect({ persistent: true, clientId });
      await third.expectNothing();
    },
  ),
  ...both('4.4.0-1 4.6.0-5', '4.4.0-1 4.6.0-4 4.6.0-6', 'several owed PUBRELs come again in the order of the PUBRECs', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 2 });
    for (const payload of ['a', 'b', 'c']) await publisher.publish({ topic, payload, qos: 2 });
    const ids: number[] = [];
    for (let n = 0; n < 3; n++) ids.push((await first.expect('publish')).packetId ?? 0);
    for (const packetId of ids) {
      first.send(acknowledge('pubrec', packetId));
      await first.acknowledgement('pubrel', packetId);
    }
    first.cut();
    const again = await context.connect({ persistent: true, clientId });
    for (const packetId of ids) equal((await again.expect('pubrel')).packetId, packetId, 'identifier');
  }),
  ...both('4.4.0-1 4.3.2-3', '4.4.0-1 4.3.2-1', 'nothing is re-sent while the connection stays', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    await publisher.publish({ topic, qos: 1 });
    await subscriber.expect('publish');
    await subscriber.expectNothing(1500);
  }),
  v5('4.4.0-2', 'PUBACK and PUBREC with an error count as acknowledgement: nothing is re-sent', async (context) => {
    const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
    const first = await context.connect({ persistent: true, clientId });
    await first.subscribe({ filter: topic, qos: 2 });
    await publisher.publish({ topic, payload: 'one', qos: 1 });
    first.send(acknowledge('puback', (await first.expect('publish')).packetId ?? 0, 0x80));
    await publisher.publish({ topic, payload: 'two', qos: 2 });
    first.send(acknowledge('pubrec', (await first.expect('publish')).packetId ?? 0, 0x83));
    await first.expectNothing();
    first.cut();
    const again = await context.connect({ persistent: true, clientId });
    equal(again.connack.sessionPresent, true, 'Session Present');
    await again.expectNothing();
  }),
  ...both('4.3.3-10 3.1.2-5', '4.3.3-2 4.1.0-1', 'a QoS 2 PUBLISH repeated after reconnect is not delivered twice', async (context) => {
    const clientId = context.clientId();
    const { subscriber, topic } = await context.pair(2);
    const first = await context.connect({ persistent: true, clientId });
    first.send(publish(context.version, { topic, payload: 'once', qos: 2, packetId: 5 }));
    await first.acknowledgement('pubrec', 5);
    first.cut();
    const again = await context.connect({ persistent: true, clientId });
    again.send(publish(context.version, { topic, payload: 'once', qos: 2, packetId: 5, dup: true }));
    await again.acknowledgement('pubrec', 5);
    await again.release(5);
    equal((await subscriber.receive()).payload.toString(), 'once', 'payload');
    await subscriber.expectNothing();
  }),
];
