import { describe, expect, it } from 'vitest';
import { clean, type Node, persistent, publish, restart, start, text } from './journaled-node.js';

const shared = '$share/g/t';

async function goesOffline(node: Node, client: Awaited<ReturnType<typeof persistent>>, clientId: string): Promise<void> {
  client.cut();
  await expect.poll(() => node.server.clients().find((one) => one.clientId === clientId)?.connected ?? false).toBe(false);
}

/** A member whose session is kept, offline, and a message that waits for one: in the group's queue, or in its own. */
async function withWaiting(where: 'group' | 'member'): Promise<{ node: Node; leave: () => Promise<void> }> {
  const node = await start();
  const kept = await persistent(node, 'kept', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 1 } });
  await kept.subscribed(shared, 2);
  const publisher = await clean(node, 'publisher');
  if (where === 'group') await goesOffline(node, kept, 'kept');
  else publish(publisher, 't', 'in flight', 2, 1);
  if (where === 'member') await publisher.next('pubrec');
  publish(publisher, 't', 'waits', 2, 2);
  await publisher.next('pubrec');
  return { node, leave: () => (where === 'member' ? goesOffline(node, kept, 'kept') : Promise.resolve()) };
}

describe('[MQTT-4.8.2-5] QoS 2 goes to a session that is not kept when nobody else can have it after a crash', () => {
  it.each([
    { where: 'group', isBusy: false },
    { where: 'group', isBusy: true },
    { where: 'member', isBusy: false },
    { where: 'member', isBusy: true },
  ] as const)('it waited for the $where; the one that gets it is busy: $isBusy', async ({ where, isBusy }) => {
    const { node, leave } = await withWaiting(where);
    const member = await clean(node, 'member', { properties: { receiveMaximum: 1 } });
    await member.subscribed('own', 1);
    if (where === 'member') await member.subscribed(shared, 2);
    if (isBusy) {
      publish(member, 'own', 'first', 1, 1);
      const both = [await member.nextOfAny(), await member.nextOfAny()];
      expect(both.map(({ type }) => type).sort()).toEqual(['puback', 'publish']);
    }
    node.isStuck = true;
    await leave();
    if (where === 'group') {
      const request = { topicFilter: shared, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
      member.send({ type: 'subscribe', packetId: 1, subscriptions: [request] });
    }
    await member.settled();
    if (isBusy) member.send({ type: 'puback', packetId: 1, reasonCode: 0 });
    expect((await member.settled()).filter(({ type }) => type === 'publish')).toEqual([]);
    node.unstick();
    let packet = await member.nextOfAny();
    if (packet.type === 'suback') packet = await member.nextOfAny();
    expect(text(packet)).toBe('waits');
    const back = await persistent(await restart(node), 'kept');
    expect((await back.rest(50)).map(text)).toEqual(where === 'group' ? [] : ['in flight']);
  });
});

it('what a session had of a shared subscription goes to others though it was continued with Session Expiry Interval 0 before a crash', async () => {
  const { node } = await withWaiting('member');
  const other = await persistent(node, 'other');
  await other.subscribed(shared, 2);
  await goesOffline(node, other, 'other');
  await persistent(node, 'kept', { properties: { receiveMaximum: 1 } });
  const next = await restart(node);
  const back = await persistent(next, 'other');
  expect(text(await back.next('publish'))).toBe('waits');
  expect(await back.rest(50)).toEqual([]);
  expect(next.state.sessions.has('kept')).toBe(false);
});
