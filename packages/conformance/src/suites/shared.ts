import { type MqttClient } from '../wire/mqtt-client.js';
import { acknowledge, publish, subscribe } from '../wire/requests.js';
import { equal, type WireContext } from '../wire-context.js';
import { v5, type WireTest } from '../wire-test.js';

async function members(
  context: WireContext,
  levels: readonly number[],
): Promise<{ group: MqttClient[]; publisher: MqttClient; topic: string }> {
  const [topic, shareName] = [context.topic(), context.clientId()];
  const group = await Promise.all(levels.map(() => context.connect({ persistent: true, clientId: context.clientId() })));
  for (const [index, member] of group.entries()) await member.subscribe({ filter: `$share/${shareName}/${topic}`, qos: levels[index] });
  return { group, publisher: await context.connect(), topic };
}

/** The member that got the message, and its packet; PINGRESP shows that the others got nothing. */
async function chosen(group: readonly MqttClient[]): Promise<{ member: MqttClient; qos: number; packetId: number; payload: string }> {
  const found: { member: MqttClient; qos: number; packetId: number; payload: string }[] = [];
  for (const member of group) {
    member.send(Buffer.of(0xc0, 0));
    for (let next = await member.next(); next.type !== 'pingresp'; next = await member.next()) {
      if (next.type === 'publish') found.push({ member, qos: next.qos, packetId: next.packetId ?? 0, payload: next.payload.toString() });
    }
  }
  equal(found.length, 1, 'members that got the message');
  return found[0];
}

/** Shared Subscriptions (section 4.8.2). */
export const sharedTests: readonly WireTest[] = [
  v5('4.8.2-1 4.8.2-2', 'a malformed $share filter is refused', async (context) => {
    const wrong = ['$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/#/a', '$share/a+b/c', '$share/a#/c'];
    for (const filter of wrong) {
      const client = await context.connect();
      client.send(subscribe(5, 1, [{ filter }]));
      const answer = await client.expectOneOf(['suback', 'disconnect']).catch((error: unknown) => {
        if (client.isClosed) return undefined;
        throw error;
      });
      // Closing is the answer to a malformed filter; a code for "Topic Filter invalid" refuses it as well.
      if (answer?.type === 'suback' && ![0x80, 0x8f].includes(answer.reasonCodes[0])) client.fail(`${filter} was granted`);
      if (answer?.type === 'disconnect' && ![0x80, 0x81, 0x82, 0x8f].includes(answer.reasonCode)) client.fail('the reason code is wrong');
    }
  }),
  v5('4.8.2-1 4.8.2-2 4.8.2-3', 'one member gets each message, at the QoS granted to it', async (context) => {
    const { group, publisher, topic } = await members(context, [0, 1, 2]);
    for (let n = 0; n < 9; n++) {
      await publisher.publish({ topic, payload: `${n}`, qos: 2 });
      await context.settle();
      const { member, qos, packetId, payload } = await chosen(group);
      equal([qos, payload], [group.indexOf(member), `${n}`], 'QoS and payload');
      if (qos === 1) member.send(acknowledge('puback', packetId));
      if (qos !== 2) continue;
      member.send(acknowledge('pubrec', packetId));
      await member.acknowledgement('pubrel', packetId);
      member.send(acknowledge('pubcomp', packetId));
    }
  }),
  v5('4.8.2-3', 'different share names and the plain subscription each get a copy', async (context) => {
    const topic = context.topic();
    const [first, second, plain, publisher] = await Promise.all([
      context.connect(),
      context.connect(),
      context.connect(),
      context.connect(),
    ]);
    await first.subscribe(`$share/a${topic.replaceAll('/', '')}/${topic}`);
    await second.subscribe(`$share/b${topic.replaceAll('/', '')}/${topic}`);
    await plain.subscribe(topic);
    await publisher.publish({ topic, payload: 'x' });
    for (const client of [first, second, plain]) equal(await client.receivePayloads(1), ['x'], 'payload');
  }),
  v5('4.8.2-4', 'QoS 2 cut by connection loss is finished with the same member', async (context) => {
    const { group, publisher, topic } = await members(context, [2, 2]);
    await publisher.publish({ topic, payload: 'mine', qos: 2 });
    await context.settle();
    const { member, packetId } = await chosen(group);
    const other = group[1 - group.indexOf(member)];
    member.cut();
    await other.expectNothing(100);
    const again = await context.connect({ persistent: true, clientId: member.clientId });
    const message = await again.receive();
    equal([message.payload.toString(), message.packetId, message.dup], ['mine', packetId, true], 'payload, identifier and DUP');
    await other.expectNothing();
  }),
  v5('4.8.2-5', 'if the session of that member ends first, no other member gets the QoS 2 message', async (context) => {
    const { group, publisher, topic } = await members(context, [2, 2]);
    await publisher.publish({ topic, payload: 'gone', qos: 2 });
    await context.settle();
    const { member } = await chosen(group);
    const other = group[1 - group.indexOf(member)];
    member.cut();
    await context.connect({ clientId: member.clientId });
    await other.expectNothing(100);
  }),
  v5('4.8.2-6', 'a member that refuses by PUBACK or PUBREC ends it: nobody else gets the message', async (context) => {
    for (const [qos, type] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      const { group, publisher, topic } = await members(context, [qos, qos]);
      await publisher.publish({ topic, payload: 'refused', qos });
      await context.settle();
      const { member, packetId } = await chosen(group);
      member.send(acknowledge(type, packetId, 0x83));
      await member.expectNothing();
      await group[1 - group.indexOf(member)].expectNothing(50);
    }
  }),
  v5(
    '3.8.4-7',
    'a Shared Subscription is refused with 0x9E where they are unavailable',
    async (context) => {
      const client = await context.connect({ variant: 'sharedUnavailable' });
      equal(client.connack.properties.sharedSubscriptionAvailable, 0, 'Shared Subscription Available');
      client.send(subscribe(5, 1, [{ filter: `$share/g/${context.topic()}` }]));
      const answer = await client.expectOneOf(['suback', 'disconnect']);
      equal(answer.type === 'suback' ? answer.reasonCodes[0] : answer.reasonCode, 0x9e, 'reason code');
    },
    'sharedUnavailable',
  ),
  v5('3.3.2-2 4.8.2-1', 'a topic that looks like a share name is an ordinary topic', async (context) => {
    const [subscriber, publisher] = [await context.connect(), await context.connect()];
    const topic = context.topic();
    await subscriber.subscribe(`$share/g${topic.replaceAll('/', '')}/${topic}`);
    publisher.send(publish(5, { topic: `$share/g/${topic}`, payload: 'other', qos: 1, packetId: 1 }));
    const answer = await publisher.expectOneOf(['puback', 'disconnect']);
    if (answer.type === 'disconnect') context.notObserved('clients cannot publish to topics with $ here');
    await subscriber.expectNothing();
  }),
];
