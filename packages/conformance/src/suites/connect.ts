import { packet, uint16 } from '../wire/bytes.js';
import { property } from '../wire/properties.js';
import { auth, connect, disconnect, illFormedTexts, pingreq, publish, subscribe, unsubscribe } from '../wire/requests.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

/** CONNACK codes for a CONNECT that is malformed or breaks the protocol; 3.1.1 closes without an answer [v3.1.1 MQTT-3.1.4-1]. */
function malformed(context: WireContext): readonly number[] {
  return context.version === 5 ? [0x80, 0x81, 0x82] : [];
}

/** All that may come before the close if the protocol name or version is refused: its layout is that of a version the server speaks. */
const refusalsOfVersion: readonly string[] = ['', '20020001', '20020084', '2003008400'];

/** The form of CONNECT (section 3.1). */
export const connectTests: readonly WireTest[] = [
  ...both('3.1.0-1', '3.1.0-1', 'any other packet before CONNECT closes the connection unanswered', async (context) => {
    const { version } = context;
    const others = [
      pingreq,
      publish(version, { topic: 'a' }),
      subscribe(version, 1, [{ filter: 'a' }]),
      unsubscribe(version, 1, ['a']),
      disconnect(),
    ];
    if (version === 5) others.push(auth(0x18, [property.authenticationMethod('m')]));
    for (const content of others) await context.expectRefused(content, []);
  }),
  ...both('3.1.0-2 4.13.1-1', '3.1.0-2 4.8.0-1', 'a second CONNECT closes the connection', async (context) => {
    const clientId = context.clientId();
    await context.expectBreach(context.connectBytes({ clientId }), [], { clientId });
  }),
  v5('3.1.2-1', 'another protocol name is refused', async (context) => {
    for (const protocolName of ['MQTx', 'mqtt', ''])
      await context.expectRefused(context.connectBytes({ protocolName }), [0x84, 0x81, 0x82]);
  }),
  v311('3.1.2-1', 'another protocol name is not served as MQTT 3.1.1', async (context) => {
    for (const protocolName of ['MQTx', 'mqtt', '']) {
      await context.connect();
      const client = await context.open();
      client.send(context.connectBytes({ protocolName }));
      const answer = await client.rawUntilClosed();
      // Silence, or the refusal of a version that is not supported, in the layout of 3.1.1 or of 5.0.
      if (!refusalsOfVersion.includes(answer.toString('hex'))) client.fail('the wrong protocol name was not refused');
    }
  }),
  v5('3.1.2-2', 'protocol version 6 is refused', async (context) => {
    await context.connect();
    const client = await context.open();
    client.send(context.connectBytes({ protocolLevel: 6 }));
    const answer = await client.rawUntilClosed();
    // A server that also speaks 3.1.1 may answer an unknown version in the layout that every version reads.
    if (!refusalsOfVersion.includes(answer.toString('hex'))) client.fail('no refusal of the version');
  }),
  v311('3.1.2-2', 'an unknown protocol level gets return code 0x01 and is closed', async (context) => {
    await context.connect();
    for (const protocolLevel of [2, 6]) {
      const client = await context.open();
      client.send(context.connectBytes({ protocolLevel }));
      const answer = await client.rawUntilClosed();
      if (answer.length === 0 || !refusalsOfVersion.includes(answer.toString('hex'))) client.fail('no CONNACK that refuses the level');
    }
  }),
  ...both('3.1.2-3 3.1.4-1', '3.1.2-3 3.1.4-1', 'the reserved CONNECT flag has to be 0', async (context) => {
    await context.expectRefused(context.connectBytes({ flags: 0x03 }), malformed(context));
  }),
  ...both('3.1.2-9 3.1.4-1', '3.1.2-9 3.1.4-1', 'Will Flag 1 without the will fields is refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0x06, clientId: context.clientId() }), malformed(context));
  }),
  ...both('3.1.2-11 3.1.4-1', '3.1.2-13 3.1.2-11', 'Will Flag 0 with a Will QoS is refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0x0a, clientId: context.clientId() }), malformed(context));
    await context.expectRefused(connect(context.version, { flags: 0x12, clientId: context.clientId() }), malformed(context));
  }),
  ...both('3.1.2-12', '3.1.2-14', 'Will QoS 3 is refused, 0 to 2 are accepted', async (context) => {
    const topic = context.topic();
    for (const qos of [0, 1, 2]) await (await context.connect({ will: { topic, qos } })).disconnect();
    await context.expectRefused(context.connectBytes({ will: { topic, qos: 3 } }), malformed(context));
  }),
  ...both('3.1.2-13', '3.1.2-15 3.1.2-11', 'Will Flag 0 with Will Retain is refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0x22, clientId: context.clientId() }), malformed(context));
  }),
  ...both('3.1.2-16 3.1.2-18', '3.1.2-18 3.1.2-20', 'bytes behind the last announced field are refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0x02, clientId: context.clientId(), userName: 'u' }), malformed(context));
    const flags = 0x82;
    await context.expectRefused(
      connect(context.version, { flags, clientId: context.clientId(), userName: 'u', password: 'p' }),
      malformed(context),
    );
  }),
  ...both('3.1.2-17', '3.1.2-19', 'User Name Flag 1 without a User Name is refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0x82, clientId: context.clientId() }), malformed(context));
  }),
  ...both('3.1.2-19', '3.1.2-21', 'Password Flag 1 without a Password is refused', async (context) => {
    await context.expectRefused(connect(context.version, { flags: 0xc2, clientId: context.clientId(), userName: 'u' }), malformed(context));
  }),
  v311('3.1.2-22', 'Password Flag 1 with User Name Flag 0 is refused', async (context) => {
    await context.expectRefused(connect(4, { flags: 0x42, clientId: context.clientId(), password: 'p' }), []);
  }),
  ...both('3.1.3-3 3.1.4-1', '3.1.3-3 3.1.4-1', 'a CONNECT without a ClientID field is refused', async (context) => {
    const head = [uint16(4), 'MQTT', context.version, 0x02, uint16(0), context.version === 5 ? 0 : []];
    await context.expectRefused(packet(0x10, head), malformed(context));
  }),
  ...both('3.1.3-4 1.5.4-1', '3.1.3-4 1.5.3-1', 'a ClientID of ill-formed UTF-8 is refused', async (context) => {
    const codes = context.version === 5 ? [...malformed(context), 0x85] : [2];
    for (const [, clientId] of illFormedTexts) await context.expectRefused(context.connectBytes({ clientId }), codes);
    await context.expectRefused(context.connectBytes({ clientId: 'a\0' }), codes);
  }),
  ...both('3.1.3-11 1.5.4-2', '3.1.3-10 1.5.3-2', 'a Will Topic of ill-formed UTF-8 or with U+0000 is refused', async (context) => {
    const codes = [...malformed(context), ...(context.version === 5 ? [0x90] : [])];
    for (const [, topic] of illFormedTexts) await context.expectRefused(context.connectBytes({ will: { topic } }), codes);
    await context.expectRefused(context.connectBytes({ will: { topic: 'a\0' } }), codes);
  }),
  ...both('4.7.0-1 4.7.3-1', '4.7.1-1 4.7.3-1', 'a Will Topic with a wildcard, or empty, is refused', async (context) => {
    const codes = [...malformed(context), ...(context.version === 5 ? [0x90] : [])];
    for (const topic of ['a/#', 'a/+/b', '']) await context.expectRefused(context.connectBytes({ will: { topic } }), codes);
  }),
  ...both('3.1.3-12', '3.1.3-11', 'a User Name of ill-formed UTF-8 is refused', async (context) => {
    const codes = context.version === 5 ? [...malformed(context), 0x86, 0x87] : [4, 5];
    for (const [, userName] of illFormedTexts) await context.expectRefused(context.connectBytes({ userName }), codes);
  }),
  ...both('3.1.3-1', '3.1.3-1', 'the payload fields are read in their order', async (context) => {
    const topic = context.topic();
    const watcher = await context.connect();
    await watcher.subscribe(topic);
    const { users, ...own } = context.target.settings;
    const { userName = 'someone', password = 'secret' } = users?.[0] ?? own;
    const client = await context.open();
    client.send(context.connectBytes({ will: { topic, payload: 'the will' }, userName, password }));
    const connack = await client.expect('connack');
    if (connack.reasonCode !== 0) context.notObserved('the target refuses the User Name and Password of this test');
    client.cut();
    equal((await watcher.receive()).payload.toString(), 'the will', 'payload of the will');
  }),
  ...both('3.1.3-5', '3.1.3-5', 'client ids of 1 to 23 letters and digits are accepted', async (context) => {
    const unique = context.clientId();
    const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    // Both versions are tested at the same time: one letter must not be the client id of two connections.
    const half = letters.length / 2;
    const letter = letters[(Math.floor(performance.now()) % half) + (context.version === 5 ? half : 0)];
    const ids = [letter, unique.padEnd(23, 'Z')];
    for (let start = 0; start < letters.length; start += 16) ids.push(`${unique.slice(-6)}${letters.slice(start, start + 16)}`);
    for (const clientId of ids) await (await context.connect({ clientId })).disconnect();
  }),
  ...both(
    '3.1.4-5 3.2.0-1 3.2.2-2',
    '3.1.4-4 3.2.0-1 3.2.2-1',
    'a valid CONNECT is answered by CONNACK 0 without a session first of all',
    async (context) => {
      const client = await context.open();
      client.send(context.connectBytes(), pingreq);
      const connack = await client.expect('connack');
      equal([connack.reasonCode, connack.sessionPresent], [0, false], 'reason code and Session Present');
      await client.expect('pingresp');
    },
  ),
  ...both('3.2.0-2', '3.2.0-1', 'there is one CONNACK for one connection', async (context) => {
    const client = await context.connect();
    for (let n = 0; n < 3; n++) await client.expectNothing();
  }),
  ...both('4.2.0-1', '7.1.1-1', 'the transport keeps the order and every byte, however the client cuts the packets', async (context) => {
    const { subscriber, publisher, topic } = await context.pair(1);
    const payload = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251));
    const content = publish(context.version, { topic, payload, qos: 1, packetId: 7 });
    for (const cut of [1, 2, 3, 10, 200, content.length]) {
      publisher.send(content.subarray(0, cut));
      await context.sleep(2);
      publisher.send(content.subarray(cut));
    }
    for (let n = 0; n < 6; n++) equal((await publisher.expect('puback')).packetId, 7, 'PUBACK');
    for (let n = 0; n < 6; n++) equal((await subscriber.receive()).payload.equals(payload), true, 'payload unchanged');
  }),
  v5('3.1.4-6', 'nothing that follows a refused CONNECT is processed', async (context) => {
    const { subscriber, topic } = await context.pair();
    const client = await context.open();
    client.send(context.connectBytes({ flags: 0x03 }), publish(5, { topic, payload: 'never' }));
    await client.packetsUntilClosed();
    await context.settle();
    await subscriber.expectNothing();
  }),
  v311('3.1.4-5', 'nothing that follows a refused CONNECT is processed', async (context) => {
    const { subscriber, topic } = await context.pair();
    const client = await context.open();
    client.send(context.connectBytes({ clientId: '', cleanStart: false }), publish(4, { topic, payload: 'never' }));
    await client.packetsUntilClosed();
    await context.settle();
    await subscriber.expectNothing();
  }),
  v311(
    '3.1.3-7 3.1.3-8 3.1.3-9 3.2.2-4 3.2.2-5',
    'an empty ClientId with Clean Session 0 gets return code 2 and is closed',
    async (context) => {
      const code = await context.expectRefused(context.connectBytes({ clientId: '', cleanStart: false }), [2]);
      equal(code, 2, 'return code');
    },
  ),
  v311('3.1.3-6', 'clients with an empty ClientId and Clean Session 1 do not disturb each other', async (context) => {
    const [first, second] = [await context.connect({ clientId: '' }), await context.connect({ clientId: '' })];
    const topic = context.topic();
    await first.subscribe(topic);
    await second.publish({ topic, payload: 'x' });
    equal((await first.receive()).payload.toString(), 'x', 'payload');
    await second.expectNothing();
  }),
  v5('3.1.3-6 3.1.3-7 3.2.2-16', 'clients with an empty ClientID are assigned unique ones', async (context) => {
    const [first, second] = [await context.connect({ clientId: '' }), await context.connect({ clientId: '' })];
    const ids = [first, second].map((client) => client.connack.properties.assignedClientIdentifier ?? '');
    if (ids.includes('') || ids[0] === ids[1]) first.fail(`Assigned Client Identifiers are ${JSON.stringify(ids)}`);
    await first.expectNothing();
    await second.expectNothing();
  }),
  v5('3.1.3-7', 'an assigned ClientID names the session', async (context) => {
    const first = await context.connect({ clientId: '', persistent: true });
    const clientId = first.connack.properties.assignedClientIdentifier ?? '';
    first.cut();
    const again = await context.connect({ clientId, persistent: true });
    equal(again.connack.sessionPresent, true, 'Session Present');
    equal(again.connack.properties.assignedClientIdentifier, undefined, 'Assigned Client Identifier of a client that has one');
  }),
  v5('3.1.4-1', 'CONNECT properties with a value or number that is not allowed are refused', async (context) => {
    const wrong = [
      [property.receiveMaximum(0)],
      [property.maximumPacketSize(0)],
      [property.requestProblemInformation(2)],
      [property.requestResponseInformation(2)],
      [property.sessionExpiryInterval(1), property.sessionExpiryInterval(2)],
      [property.authenticationData('x')],
      [property.topicAlias(1)],
    ];
    for (const properties of wrong) await context.expectRefused(context.connectBytes({ properties }), malformed(context));
  }),
];
