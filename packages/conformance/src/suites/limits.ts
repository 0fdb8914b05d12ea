import { property } from '../wire/properties.js';
import { publish, subscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v5, v311, type WireTest } from '../wire-test.js';

/** What servers announce and refuse (section 3.2). */
export const limitTests: readonly WireTest[] = [
  v5('3.2.2-1 3.2.2-8', 'CONNACK has only the flags, codes and properties that are defined', async (context) => {
    const client = await context.connect({ properties: [property.requestResponseInformation(1), property.receiveMaximum(10)] });
    const { maximumQos } = client.connack.properties;
    if (maximumQos !== undefined && maximumQos > 1) client.fail(`Maximum QoS is ${maximumQos}`);
  }),
  v5('3.1.2-28', 'without Request Response Information there is none in CONNACK', async (context) => {
    for (const properties of [[], [property.requestResponseInformation(0)]]) {
      const client = await context.connect({ properties });
      equal(client.connack.properties.responseInformation, undefined, 'Response Information');
    }
  }),
  v5(
    '3.1.2-28',
    'with Request Response Information it is sent where it is set',
    async (context) => {
      const client = await context.connect({ properties: [property.requestResponseInformation(1)] });
      if ((client.connack.properties.responseInformation ?? '') === '') client.fail('no Response Information');
    },
    'responseInformation',
  ),
  v5(
    '3.2.2-9 3.2.2-10 3.2.2-11',
    'a low Maximum QoS is announced, subscriptions are still taken, PUBLISH above it gets 0x9B',
    async (context) => {
      const client = await context.connect({ variant: 'lowMaximumQos' });
      const { maximumQos = 2 } = client.connack.properties;
      if (maximumQos > 1) client.fail('no Maximum QoS in CONNACK');
      const topics = [0, 1, 2].map((qos) => ({ filter: context.topic(), qos }));
      const suback = await client.requestSubscribe(topics);
      equal(suback.reasonCodes, [0, Math.min(1, maximumQos), maximumQos], 'SUBACK codes');
      client.send(publish(5, { topic: context.topic(), qos: maximumQos + 1, packetId: 9 }));
      await client.expectClosedWith([0x9b]);
    },
    'lowMaximumQos',
  ),
  v5(
    '3.2.2-12',
    'a will above Maximum QoS is refused with 0x9B',
    async (context) => {
      const content = context.connectBytes({ will: { topic: context.topic(), qos: 2 } });
      await context.expectRefused(content, [0x9b], 'lowMaximumQos');
    },
    'lowMaximumQos',
  ),
  v5(
    '3.2.2-13',
    'a retained will is refused with 0x9A where retain is unavailable',
    async (context) => {
      const content = context.connectBytes({ will: { topic: context.topic(), retain: true } });
      await context.expectRefused(content, [0x9a], 'retainUnavailable');
    },
    'retainUnavailable',
  ),
  v5(
    '3.2.2-14',
    'a retained PUBLISH ends the connection with 0x9A where retain is unavailable',
    async (context) => {
      const client = await context.connect({ variant: 'retainUnavailable' });
      equal(client.connack.properties.retainAvailable, 0, 'Retain Available');
      client.send(publish(5, { topic: context.topic(), payload: 'r', retain: true }));
      await client.expectClosedWith([0x9a]);
    },
    'retainUnavailable',
  ),
  v5(
    '4.13.1-1',
    'a Subscription Identifier ends the connection with 0xA1 where they are unavailable',
    async (context) => {
      const client = await context.connect({ variant: 'subscriptionIdentifiersUnavailable' });
      equal(client.connack.properties.subscriptionIdentifierAvailable, 0, 'Subscription Identifier Available');
      client.send(subscribe(5, 1, [{ filter: context.topic() }], [property.subscriptionIdentifier(1)]));
      const answer = await client.expectOneOf(['disconnect', 'suback']);
      equal(answer.type === 'suback' ? answer.reasonCodes[0] : answer.reasonCode, 0xa1, 'reason code');
    },
    'subscriptionIdentifiersUnavailable',
  ),
  v5(
    '3.1.4-2 3.2.2-6 3.2.2-7 3.2.2-8',
    'a wrong password is refused with 0x86 or 0x87 and closed',
    async (context) => {
      const [user] = context.target.settings.users ?? [];
      const code = await context.expectRefused(
        context.connectBytes({ userName: user?.userName, password: 'certainly wrong' }),
        [0x86, 0x87],
      );
      if (code === undefined) context.notObserved('the server closes without CONNACK');
    },
    'users',
  ),
  v311(
    '3.2.2-4 3.2.2-5 3.1.4-5',
    'a wrong password is refused with return code 4 or 5 and closed',
    async (context) => {
      const [user] = context.target.settings.users ?? [];
      const code = await context.expectRefused(context.connectBytes({ userName: user?.userName, password: 'certainly wrong' }), [4, 5]);
      if (code === undefined) context.notObserved('the server closes without CONNACK');
    },
    'users',
  ),
  v5(
    '3.1.3-8 3.2.2-7',
    'a ClientID that is refused, here because its session is of another user, ends in a close',
    async (context) => {
      const [clientId, [owner, other] = []] = [context.clientId(), context.target.settings.users];
      const session = await context.connect({ ...owner, clientId, persistent: true });
      session.cut();
      const client = await context.open();
      client.send(context.connectBytes({ ...other, clientId, persistent: true }));
      const [first] = await Promise.race([client.packetsUntilClosed(), client.find('connack').then((connack) => [connack])]);
      if (first?.type === 'connack' && first.reasonCode === 0) context.notObserved('sessions belong to nobody here');
      if (first !== undefined && (first.type !== 'connack' || ![0x85, 0x87].includes(first.reasonCode))) client.fail('no refusal');
      await client.packetsUntilClosed();
      const again = await context.connect({ ...owner, clientId, persistent: true });
      equal(again.connack.sessionPresent, true, 'Session Present of the owner');
      await (await context.connect({ ...owner, clientId })).disconnect();
    },
    'users',
  ),
  v311(
    '3.1.3-9',
    'a ClientId that is refused, here because its session is of another user, gets return code 2',
    async (context) => {
      const [clientId, [owner, other] = []] = [context.clientId(), context.target.settings.users];
      const session = await context.connect({ ...owner, clientId, persistent: true });
      session.cut();
      const client = await context.open();
      client.send(context.connectBytes({ ...other, clientId, persistent: true }));
      const connack = await client.expect('connack');
      if (connack.reasonCode === 0) context.notObserved('sessions belong to nobody here');
      // "Identifier rejected" and "not authorized" both say it.
      if (![2, 5].includes(connack.reasonCode)) client.fail('no refusal of the ClientId');
      equal(await client.packetsUntilClosed(), [], 'packets after the refusal');
      await (await context.connect({ ...owner, clientId })).disconnect();
    },
    'users',
  ),
];
