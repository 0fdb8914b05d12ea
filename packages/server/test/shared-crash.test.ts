import { expect, it } from 'vitest';
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
