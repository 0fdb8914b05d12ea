import { property } from '../wire/properties.js';
import { acknowledge, publish, subscribe } from '../wire/requests.js';
import { equal } from '../wire-context.js';
import { v5, v311, type WireTest } from '../wire-test.js';

/** What servers announce and refuse (section 3.2), and the strings that they attach. */
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
    '3.4.2-2 3.4.2-3 3.5.2-2 3.5.2-3',
    'PUBACK and PUBREC leave out strings that would make them too large',
    async (context) => {
      const topic = context.target.settings.deniedPublishTopic ?? '';
      for (const [qos, type] of [
        [1, 'puback'],
        [2, 'pubrec'],
      ] as const) {
        const wide = await context.connect();
        wide.send(publish(5, { topic, qos, packetId: 1 }));
        const refusal = await wide.acknowledgement(type, 1);
        if (refusal.properties.names.length === 0) context.notObserved(`no Reason String or User Property in ${type}`);
        for (const maximum of [refusal.raw.length, refusal.raw.length - 1, 20]) {
          const client = await context.connect({ properties: [property.maximumPacketSize(maximum)] });
          client.send(publish(5, { topic, qos, packetId: 1 }));
          const small = await client.acknowledgement(type, 1);
          equal(small.reasonCode, refusal.reasonCode, 'reason code');
          if (small.raw.length > maximum) client.fail(`${small.raw.length} bytes for a client that takes ${maximum}`);
        }
      }
    },
    'deniedPublishTopic',
  ),
  v5(
    '3.9.2-1 3.9.2-2',
    'SUBACK leaves out strings that would make it too large',
    async (context) => {
      const filters = [{ filter: context.target.settings.deniedSubscribeFilter ?? '' }];
      const refusal = await (await context.connect()).requestSubscribe(filters);
      if (refusal.properties.names.length === 0) context.notObserved('no Reason String or User Property in SUBACK');
      for (const maximum of [refusal.raw.length, refusal.raw.length - 1, 20]) {
        const client = await context.connect({ properties: [property.maximumPacketSize(maximum)] });
        const small = await client.requestSubscribe(filters);
        equal(small.reasonCodes, refusal.reasonCodes, 'reason codes');
        if (small.raw.length > maximum) client.fail(`${small.raw.length} bytes for a client that takes ${maximum}`);
      }
    },
    'deniedSubscribeFilter',
  ),
  v5('3.14.2-3 3.14.2-4 3.1.2-24', 'DISCONNECT leaves out strings that would make it too large', async (context) => {
    const provoke = async (list: readonly Buffer[]) => {
      const client = await context.connect({ properties: list });
      client.send(publish(5, { topic: 'a/#' }));
      const [last] = await client.packetsUntilClosed();
      return last;
    };
    const wide = await provoke([]);
    if (wide?.type !== 'disconnect' || wide.properties.names.length === 0)
      return context.notObserved('no Reason String or User Property in DISCONNECT');
    for (const maximum of [wide.raw.length, wide.raw.length - 1, 20]) {
      const last = await provoke([property.maximumPacketSize(maximum)]);
      if ((last?.raw.length ?? 0) > maximum) throw new Error(`DISCONNECT of ${last?.raw.length} bytes for a client that takes ${maximum}`);
      if (last?.type === 'disconnect') equal(last.reasonCode, wide.reasonCode, 'reason code');
    }
  }),
  v5('3.2.2-19 3.2.2-20', 'CONNACK leaves out strings that would make it too large', async (context) => {
    const refuse = async (list: readonly Buffer[]) => {
      const client = await context.open();
      client.send(context.connectBytes({ properties: [...list, property.authenticationMethod('no-such-method')] }));
      const [first] = await client.packetsUntilClosed();
      return first;
    };
    const wide = await refuse([]);
    if (wide?.type !== 'connack' || wide.properties.names.length === 0)
      return context.notObserved('no Reason String or User Property in CONNACK');
    for (const maximum of [wide.raw.length, wide.raw.length - 1, 12]) {
      const first = await refuse([property.maximumPacketSize(maximum)]);
      if ((first?.raw.length ?? 0) > maximum) throw new Error(`CONNACK of ${first?.raw.length} bytes for a client that takes ${maximum}`);
      if (first?.type === 'connack') equal(first.reasonCode, wide.reasonCode, 'reason code');
    }
  }),
  v5(
    '3.1.2-29',
    'with Request Problem Information 0 acknowledgements have no Reason String and no User Property',
    async (context) => {
      const { deniedPublishTopic: topic = '', deniedSubscribeFilter: filter = '' } = context.target.settings;
      const curious = await context.connect();
      const visible = await curious.requestSubscribe([{ filter }]);
      if (visible.properties.names.length === 0) context.notObserved('no Reason String in SUBACK when it is allowed');
      const client = await context.connect({ properties: [property.requestProblemInformation(0)] });
      const suback = await client.requestSubscribe([{ filter }]);
      equal(suback.properties.names, [], 'properties of SUBACK');
      client.send(publish(5, { topic, qos: 1, packetId: 1 }));
      equal((await client.acknowledgement('puback', 1)).properties.names, [], 'properties of PUBACK');
      client.send(publish(5, { topic, qos: 2, packetId: 2 }));
      equal((await client.acknowledgement('pubrec', 2)).properties.names, [], 'properties of PUBREC');
      client.send(acknowledge('pubrel', 99));
      equal((await client.acknowledgement('pubcomp', 99)).properties.names, [], 'properties of PUBCOMP');
      equal((await client.unsubscribe(context.topic())).properties.names, [], 'properties of UNSUBACK');
    },
    'deniedPublishTopic',
    'deniedSubscribeFilter',
  ),
];
