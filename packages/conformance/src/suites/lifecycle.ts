import { packet } from '../wire/bytes.js';
import { property } from '../wire/properties.js';
import { disconnect, pingreq, publish } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

/** Keep Alive, PINGREQ and DISCONNECT (sections 3.1.2.10, 3.12 and 3.14). */
export const lifecycleTests: readonly WireTest[] = [
  ...both('3.12.4-1', '3.12.4-1', 'each PINGREQ is answered by a PINGRESP', async (context) => {
    const client = await context.connect();
    client.send(pingreq, pingreq, pingreq);
    for (let n = 0; n < 3; n++) await client.expect('pingresp');
  }),
  ...both('3.1.2-22 3.2.2-22', '3.1.2-24', 'silence for 1.5 times Keep Alive ends the connection and sends the will', async (context) => {
    const topic = context.topic();
    const watcher = await context.connect();
    await watcher.subscribe(topic);
    const start = performance.now();
    const client = await context.connect({ keepAlive: 1, will: { topic, payload: 'silent' } });
    if (client.connack.properties.serverKeepAlive !== undefined) context.notObserved('the server uses a Server Keep Alive');
    await client.expectClosedWith([0x8d], 9000);
    const passed = performance.now() - start;
    // A server may find a client inactive earlier than it must (3.1.2.10); but then this shows nothing of Keep Alive.
    if (passed < 1000) context.notObserved(`the server closed after ${Math.round(passed)} ms`);
    equal(await watcher.receivePayloads(1), ['silent'], 'payload of the will');
  }),
  ...both('3.1.2-22', '3.1.2-24', 'any packet within Keep Alive keeps the connection', async (context) => {
    const client = await context.connect({ keepAlive: 1 });
    const topic = context.topic();
    for (const content of [pingreq, publish(context.version, { topic }), pingreq]) {
      await context.sleep(850);
      client.send(content);
    }
    await client.expect('pingresp');
    await client.expect('pingresp');
    await client.expectNothing();
  }),
  ...both('3.1.2-22', '3.1.2-24', 'Keep Alive 0 sets no time limit', async (context) => {
    const client = await context.connect({ keepAlive: 0 });
    await client.expectNothing(2000);
  }),
  v5(
    '3.1.2-22',
    'a Server Keep Alive replaces the wish of the client',
    async (context) => {
      const client = await context.connect({ keepAlive: 60, variant: 'serverKeepAlive' });
      equal(client.connack.properties.serverKeepAlive, 1, 'Server Keep Alive');
      await client.expectClosedWith([0x8d], 9000);
    },
    'serverKeepAlive',
  ),
  v5('3.14.1-1', 'DISCONNECT with a reserved flag closes the connection as malformed', async (context) => {
    for (const firstByte of [0xe1, 0xe2, 0xe8]) {
      const client = await context.connect();
      client.send(packet(firstByte));
      await client.expectClosedWith([0x81]);
    }
  }),
  ...both('3.14.1-1 3.1.2-8', '3.14.1-1', 'DISCONNECT with a reserved flag counts as a breach: the will goes out', async (context) => {
    const topic = context.topic();
    const watcher = await context.connect();
    await watcher.subscribe(topic);
    const client = await context.connect({ will: { topic, payload: 'breach' } });
    client.send(packet(0xe1));
    await client.expectClosed();
    equal(await watcher.receivePayloads(1), ['breach'], 'payload');
  }),
  ...both('3.14.4-1 3.14.4-2', '3.14.4-3', 'after DISCONNECT the server handles nothing more and closes', async (context) => {
    const { subscriber, publisher, topic } = await context.pair();
    publisher.send(
      publish(context.version, { topic, payload: 'before' }),
      disconnect(),
      publish(context.version, { topic, payload: 'after' }),
    );
    await publisher.packetsUntilClosed();
    equal(await subscriber.receivePayloads(1), ['before'], 'payload');
    await context.settle();
    await subscriber.expectNothing();
  }),
  v5('3.14.0-1 3.2.2-7 4.13.2-1', 'a refused CONNECT is never answered by DISCONNECT', async (context) => {
    await context.expectRefused(context.connectBytes({ flags: 0x03 }), [0x80, 0x81, 0x82]);
    await context.expectRefused(context.connectBytes({ properties: [property.receiveMaximum(0)] }), [0x80, 0x81, 0x82]);
    await context.expectRefused(pingreq, []);
  }),
  v5('3.14.2-1 4.13.1-1', 'DISCONNECT with an undefined reason code, or with an endless tail, closes without success', async (context) => {
    const { watcher, topic } = await (async () => {
      const name = context.topic();
      const client = await context.connect();
      await client.subscribe(name);
      return { watcher: client, topic: name };
    })();
    const client = await context.connect({ will: { topic, payload: 'breach' } });
    client.send(packet(0xe0, 0x55, 0));
    await client.expectClosed();
    equal(await watcher.receivePayloads(1), ['breach'], 'payload of the will');
    await context.expectBreach(packet(0xe0, 0x00, 0x00, 0x00));
  }),
  v5(
    '3.14.2-2 3.14.4-1 3.14.4-2 4.13.2-1',
    "the server's DISCONNECT has no Session Expiry Interval, is the last packet, and the server closes",
    async (context) => {
      const client = await context.connect({ persistent: true, clientId: context.clientId() });
      const properties = [property.sessionExpiryInterval(0)];
      client.send(context.connectBytes({ properties }));
      // The strict reader refuses the property in DISCONNECT.
      await client.expectClosed();
    },
  ),
  v5('4.13.2-1 3.14.4-2', 'a DISCONNECT of the client with an error code closes the connection', async (context) => {
    const client = await context.connect();
    client.send(disconnect(0x80));
    await client.packetsUntilClosed();
  }),
  v311('4.8.0-1', 'AUTH does not exist in 3.1.1: the connection is closed', async (context) => {
    await context.expectBreach(packet(0xf0));
  }),
];
