import { type Packet, type PublishPacket } from '@si-mqtt/codec';
import { describe, expect, it } from 'vitest';
import { type ServerOptions } from '../src/index.js';
import { clean, persistent, publish, restart, start, text } from './journaled-node.js';

describe('after kill -9', () => {
  it('subscriptions, queue, and packets in flight under their old identifiers are there', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t/+', 2);
    const publisher = await clean(node, 'publisher');
    for (const [index, qos] of ([1, 2, 2, 2] as const).entries()) publish(publisher, `t/${index}`, `${index}`, qos, index + 1);
    const first: PublishPacket[] = [];
    for (let i = 0; i < 4; i++) first.push(await subscriber.next('publish'));
    subscriber.send({ type: 'pubrec', packetId: first[2].packetId, reasonCode: 0 });
    await subscriber.next('pubrel');
    subscriber.send({ type: 'pubrec', packetId: first[3].packetId, reasonCode: 0 });
    await subscriber.next('pubrel');
    subscriber.send({ type: 'pubcomp', packetId: first[3].packetId, reasonCode: 0 });
    await subscriber.settled();
    subscriber.cut();
    await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'subscriber')!.connected).toBe(false);
    for (let packetId = 11; packetId < 14; packetId++) publish(publisher, 't/x', `offline ${packetId}`, 1, packetId);
    for (let i = 0; i < 7; i++) expect((await publisher.nextOfAny()).type).toMatch(/^pub(ack|rec)$/);
    await expect.poll(() => node.state.sessions.get('subscriber')!.deliveries.size).toBe(6);

    const back = await persistent(await restart(node), 'subscriber');
    expect(back.connack.sessionPresent).toBe(true);
    const again: Packet[] = [];
    for (let i = 0; i < 6; i++) again.push(await back.nextOfAny());
    const ofType = (type: Packet['type']) => again.filter((packet) => packet.type === type);
    expect(ofType('pubrel')).toMatchObject([{ packetId: first[2].packetId }]);
    expect(ofType('publish')).toMatchObject([
      { topicName: 't/0', packetId: first[0].packetId, qos: 1, dup: true },
      { topicName: 't/1', packetId: first[1].packetId, qos: 2, dup: true },
      { topicName: 't/x', dup: false },
      { topicName: 't/x', dup: false },
      { topicName: 't/x', dup: false },
    ]);
    expect(ofType('publish').slice(2).map(text)).toEqual(['offline 11', 'offline 12', 'offline 13']);
    const inUse = ofType('publish').map((packet) => (packet as PublishPacket).packetId);
    expect(new Set([...inUse, first[2].packetId]).size, 'new packets never get an identifier in use').toBe(6);
    expect(await back.rest(50)).toEqual([]);
  });

  it('a QoS 2 publication that was taken is not taken again, and its PUBREL ends that', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await persistent(node, 'publisher');
    publish(publisher, 't', 'a', 2, 5);
    await publisher.next('pubrec');
    expect(text(await subscriber.next('publish'))).toBe('a');
    const second = await restart(node);
    const again = await persistent(second, 'publisher');
    publish(again, 't', 'a', 2, 5, { dup: true });
    expect(await again.next('pubrec')).toMatchObject({ packetId: 5, reasonCode: 0 });
    again.send({ type: 'pubrel', packetId: 5, reasonCode: 0 });
    expect(await again.next('pubcomp')).toMatchObject({ packetId: 5, reasonCode: 0 });
    const third = await restart(second);
    const last = await persistent(third, 'publisher');
    publish(last, 't', 'b', 2, 5);
    await last.next('pubrec');
    const back = await persistent(third, 'subscriber');
    expect([text(await back.next('publish')), text(await back.next('publish'))]).toEqual(['a', 'b']);
  });

  it('retained messages are there, with their properties', async () => {
    const node = await start();
    const publisher = await clean(node, 'publisher');
    publish(publisher, 'r/1', 'one', 1, 1, { retain: true, properties: { contentType: 'x', userProperties: [['k', 'v']] } });
    publish(publisher, 'r/2', 'two', 1, 2, { retain: true });
    publish(publisher, 'r/2', '', 1, 3, { retain: true });
    for (let i = 0; i < 3; i++) await publisher.next('puback');
    const client = await clean(await restart(node), 'client');
    await client.subscribed('r/#', 0);
    expect(await client.settled()).toMatchObject([
      { topicName: 'r/1', retain: true, properties: { contentType: 'x', userProperties: [['k', 'v']] } },
    ]);
  });

  it.each([
    ['a persistent session', { sessionExpiryInterval: 1000 }],
    ['a clean session', {}],
  ])('the will of %s is published once', async (_, properties) => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will', 1);
    const will = { topicName: 'will', payload: new TextEncoder().encode('gone'), qos: 1, retain: false } as const;
    await clean(node, 'mortal', { will, properties });
    const dropped = await clean(node, 'dropped', { will, properties });
    dropped.send({ type: 'disconnect', reasonCode: 0 });
    await dropped.closed();
    const second = await restart(node);
    const third = await restart(second);
    const back = await persistent(third, 'watcher');
    expect(text(await back.next('publish'))).toBe('gone');
    expect(await back.rest(50)).toEqual([]);
  });

  it('retained messages of a subscription that SUBACK has granted are there, as far as they were sent at once', async () => {
    const node = await start();
    const publisher = await clean(node, 'publisher');
    for (let packetId = 1; packetId <= 3; packetId++) {
      publish(publisher, `r/${packetId}`, `${packetId}`, packetId === 3 ? 0 : 1, packetId === 3 ? 0 : packetId, { retain: true });
    }
    await expect.poll(() => node.state.retained.size).toBe(3);
    const before = await persistent(node, 'subscriber');
    node.isStuck = true;
    const request = { topicFilter: 'r/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    before.send({ type: 'subscribe', packetId: 9, subscriptions: [request] });
    expect(await before.settled(), 'nothing overtakes SUBACK').toEqual([]);
    node.unstick();
    // Whatever comes later is lost.
    node.isStuck = true;
    expect((await before.nextOfAny()).type).toBe('suback');
    const got = [await before.next('publish'), await before.next('publish'), await before.next('publish')];
    expect(got.map(text).sort()).toEqual(['1', '2', '3']);
    const back = await persistent(await restart(node), 'subscriber');
    expect([text(await back.next('publish')), text(await back.next('publish'))]).toEqual(['1', '2']);
    expect(await back.rest(30)).toEqual([]);
  });

  it('retained messages are sent to a client that was cut off before its SUBACK could leave', async () => {
    const node = await start();
    const publisher = await clean(node, 'publisher');
    for (const qos of [0, 1] as const) publish(publisher, `r/${qos}`, `${qos}`, qos, qos, { retain: true });
    await publisher.next('puback');
    const before = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 1 } });
    node.isStuck = true;
    const request = { topicFilter: 'r/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    before.send({ type: 'subscribe', packetId: 9, subscriptions: [request] });
    expect(await before.settled()).toEqual([]);
    before.cut();
    await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'subscriber')!.connected).toBe(false);
    node.unstick();
    const back = await persistent(node, 'subscriber');
    expect([text(await back.next('publish')), text(await back.next('publish'))].sort()).toEqual(['0', '1']);
  });

  it('a delayed will goes on waiting, and a connection in time cancels it', async () => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will/+', 1);
    const mortal = (clientId: string) =>
      clean(node, clientId, {
        will: { topicName: `will/${clientId}`, payload: new Uint8Array(1), qos: 1, retain: false, properties: { willDelayInterval: 1 } },
        properties: { sessionExpiryInterval: 100 },
      });
    const [late, early] = [await mortal('late'), await mortal('early')];
    late.cut();
    early.cut();
    await expect.poll(() => node.state.sessions.get('late')!.willPublishAt).toBeGreaterThan(0);
    const second = await restart(node);
    const [back] = [await persistent(second, 'watcher'), await persistent(second, 'early')];
    expect(await back.next('publish')).toMatchObject({ topicName: 'will/late' });
    expect(await back.rest(700)).toEqual([]);
  });

  it('sessions expire while the node is away, and their wills are due then', async () => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will', 1);
    const will = { topicName: 'will', payload: new Uint8Array(1), qos: 1, retain: false, properties: { willDelayInterval: 100 } } as const;
    const mortal = await clean(node, 'mortal', { will, properties: { sessionExpiryInterval: 1 } });
    mortal.cut();
    await expect.poll(() => node.state.sessions.get('mortal')!.isConnected).toBe(false);
    await node.kill();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await restart(node);
    const back = await persistent(second, 'watcher');
    await back.next('publish');
    const again = await persistent(second, 'mortal');
    expect(again.connack.sessionPresent).toBe(false);
  });

  it('a session that expired while the node was away ends, though its client comes back at once', async () => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will', 1);
    const will = { topicName: 'will', payload: new Uint8Array(1), qos: 1, retain: false, properties: { willDelayInterval: 100 } } as const;
    const mortal = await clean(node, 'mortal', { will, properties: { sessionExpiryInterval: 1 } });
    await mortal.subscribed('t', 1);
    mortal.cut();
    await expect.poll(() => node.state.sessions.get('mortal')!.isConnected).toBe(false);
    await node.kill();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await restart(node);
    const again = await persistent(second, 'mortal');
    expect(again.connack.sessionPresent).toBe(false);
    const back = await persistent(second, 'watcher');
    await back.next('publish');
    const publisher = await clean(second, 'publisher');
    publish(publisher, 't', 'nobody', 1, 1);
    expect((await publisher.next('puback')).reasonCode).toBe(0x10);
  });

  it('what waits for a shared subscription goes to the first member to come, once', async () => {
    const node = await start();
    const member = await persistent(node, 'member');
    await member.subscribed('$share/g/t', 2);
    member.cut();
    const publisher = await clean(node, 'publisher');
    await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'member')!.connected).toBe(false);
    for (let packetId = 1; packetId <= 300; packetId++) publish(publisher, 't', `${packetId}`, 1, packetId);
    for (let packetId = 1; packetId <= 300; packetId++) await publisher.next('puback');
    const second = await restart(node);
    const back = await persistent(second, 'member', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 50 } });
    const got: string[] = [];
    while (got.length < 300) {
      const packet = await back.next('publish');
      got.push(text(packet));
      back.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
    }
    expect(got).toEqual(Array.from({ length: 300 }, (_, i) => `${i + 1}`));
    await expect.poll(() => second.state.groups.get('$share/g/t')?.size ?? 0).toBe(0);
    await expect.poll(() => second.state.sessions.get('member')!.deliveries.size).toBe(0);
  });

  it('what waited for a shared subscription comes before what is published meanwhile', async () => {
    const node = await start();
    const member = await persistent(node, 'member');
    await member.subscribed('$share/g/t', 1);
    member.cut();
    const first = await clean(node, 'publisher');
    await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'member')!.connected).toBe(false);
    for (let packetId = 1; packetId <= 300; packetId++) publish(first, 't', `${packetId}`, 1, packetId);
    for (let packetId = 1; packetId <= 300; packetId++) await first.next('puback');
    const second = await restart(node);
    const publisher = await clean(second, 'publisher');
    const pages = second.journal.delayPages();
    const back = await persistent(second, 'member', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 50 } });
    const got: string[] = [];
    for (let packetId = 301; got.length < 340; packetId++) {
      if (packetId <= 340) {
        publish(publisher, 't', `${packetId}`, 1, packetId);
        await publisher.next('puback');
      }
      if (packetId >= 310) {
        second.journal.delaysPages = false;
        for (const go of pages.splice(0)) go();
        const packet = await back.next('publish');
        got.push(text(packet));
        back.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
      }
    }
    expect(got).toEqual(Array.from({ length: 340 }, (_, i) => `${i + 1}`));
    await expect.poll(() => second.state.groups.get('$share/g/t')?.size ?? 0).toBe(0);
  });

  it.each([false, true])(
    'what an offline member had of a shared subscription goes to another when it expires; after a restart: %s',
    async (restarts) => {
      const node = await start();
      const properties = { sessionExpiryInterval: 1, receiveMaximum: 1 };
      const mortal = await persistent(node, 'mortal', { properties });
      await mortal.subscribed('$share/g/t', 1);
      const publisher = await clean(node, 'publisher');
      for (let packetId = 1; packetId <= 200; packetId++) publish(publisher, 't', `${packetId}`, 1, packetId);
      for (let packetId = 1; packetId <= 200; packetId++) await publisher.next('puback');
      mortal.cut();
      await expect.poll(() => node.server.clients().find(({ clientId }) => clientId === 'mortal')?.connected).toBe(false);
      const next = restarts ? await restart(node) : node;
      const other = await persistent(next, 'other');
      await other.subscribed('$share/g/t', 1);
      const got: string[] = [];
      while (got.length < 200) {
        const packet = await other.next('publish');
        got.push(text(packet));
        other.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
      }
      expect(got).toEqual(Array.from({ length: 200 }, (_, i) => `${i + 1}`));
      await expect.poll(() => next.state.sessions.has('mortal')).toBe(false);
      expect(await other.rest(50)).toEqual([]);
    },
  );

  it('what waits for a shared subscription and for its commit does not depend on the member that goes meanwhile', async () => {
    const node = await start();
    for (const clientId of ['first', 'second']) {
      const member = await persistent(node, clientId);
      await member.subscribed('$share/g/t', 1);
      member.cut();
      await expect.poll(() => node.server.clients().find((client) => client.clientId === clientId)!.connected).toBe(false);
    }
    const earlier = await clean(node, 'publisher');
    publish(earlier, 't', 'old', 1, 1);
    await earlier.next('puback');
    const next = await restart(node);
    const publisher = await clean(next, 'publisher');
    const pages = next.journal.delayPages();
    const first = await persistent(next, 'first');
    const second = await persistent(next, 'second');
    await expect.poll(() => pages.length).toBe(1);
    next.isStuck = true;
    publish(publisher, 't', 'new', 1, 1);
    await publisher.settled();
    next.journal.delaysPages = false;
    for (const go of pages.splice(0)) go();
    await publisher.settled();
    first.cut();
    await expect.poll(() => next.server.clients().find(({ clientId }) => clientId === 'first')!.connected).toBe(false);
    next.unstick();
    expect([text(await second.next('publish')), text(await second.next('publish'))]).toEqual(['old', 'new']);
  });

  it('a session that was ended or cleaned is gone', async () => {
    const node = await start();
    for (const clientId of ['ended', 'cleaned', 'kept']) {
      const client = await persistent(node, clientId);
      await client.subscribed(`t/${clientId}`, 1);
      client.cut();
    }
    const ending = await clean(node, 'cleaned', { properties: { sessionExpiryInterval: 1000 } });
    expect(ending.connack.sessionPresent).toBe(false);
    const ended = await persistent(node, 'ended');
    ended.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await ended.closed();
    const second = await restart(node);
    expect(second.server.clients().map(({ clientId, subscriptions }) => [clientId, subscriptions])).toEqual(
      expect.arrayContaining([
        ['cleaned', 0],
        ['kept', 1],
      ]),
    );
    expect(second.server.clients()).toHaveLength(2);
  });
});

describe('a queue that is only in the journal', () => {
  it('is not in memory, and comes back in order however it is published to meanwhile', async () => {
    for (const total of [1, 2, 127, 128, 129, 300]) {
      const node = await start();
      const subscriber = await persistent(node, 'subscriber');
      await subscriber.subscribed('t', 1);
      subscriber.cut();
      await expect.poll(() => node.server.clients()[0].connected).toBe(false);
      const publisher = await clean(node, 'publisher');
      let sent = 0;
      const more = async () => {
        publish(publisher, 't', `${sent++}`, 1, (sent % 60_000) + 1);
        await publisher.next('puback');
      };
      for (let i = 0; i < total; i++) await more();
      expect(node.server.clients()[0]).toMatchObject({ queued: total });
      const back = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 7 } });
      const got: string[] = [];
      // One more at every step of the way from the journal to memory.
      for (let left = total + 40; left > 0; left--) {
        if (sent < total + 40) await more();
        const packet = await back.next('publish');
        got.push(text(packet));
        back.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
      }
      while (got.length < sent) got.push(text(await back.next('publish')));
      expect(got).toEqual(Array.from({ length: sent }, (_, i) => `${i}`));
      await node.kill();
    }
  });

  it('that is full refuses the newest, or drops the oldest', async () => {
    for (const overflow of ['rejectNewest', 'dropOldest'] as const) {
      const node = await start({ limits: { queueMessagesMax: 10 }, queue: { overflow, queueQos0Messages: false } });
      const subscriber = await persistent(node, 'subscriber');
      await subscriber.subscribed('t', 1);
      subscriber.cut();
      await expect.poll(() => node.server.clients()[0].connected).toBe(false);
      const publisher = await clean(node, 'publisher');
      const answers: number[] = [];
      for (let packetId = 1; packetId <= 30; packetId++) {
        publish(publisher, 't', `${packetId}`, 1, packetId);
        answers.push((await publisher.next('puback')).reasonCode);
      }
      await expect.poll(() => node.server.clients()[0].queued).toBe(10);
      const expected = overflow === 'dropOldest' ? [21, 30] : [1, 10];
      expect(answers.filter((reasonCode) => reasonCode === 0x97)).toHaveLength(overflow === 'dropOldest' ? 0 : 20);
      const second = await restart(node);
      const back = await persistent(second, 'subscriber');
      const got: number[] = [];
      for (let i = 0; i < 10; i++) got.push(Number(text(await back.next('publish'))));
      expect([got[0], got.at(-1)]).toEqual(expected);
      expect(await back.rest(30)).toEqual([]);
    }
  });

  it('dropOldest: a client that comes while the oldest are being dropped gets the rest', async () => {
    const node = await start({ limits: { queueMessagesMax: 10 }, queue: { overflow: 'dropOldest', queueQos0Messages: false } });
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    subscriber.cut();
    await expect.poll(() => node.server.clients()[0].connected).toBe(false);
    const publisher = await clean(node, 'publisher');
    for (let packetId = 1; packetId <= 10; packetId++) {
      publish(publisher, 't', `${packetId}`, 1, packetId);
      await publisher.next('puback');
    }
    const pages = node.journal.delayPages();
    publish(publisher, 't', '11', 1, 11);
    await publisher.next('puback');
    await expect.poll(() => pages.length).toBe(1);
    const back = await persistent(node, 'subscriber');
    await back.settled();
    node.journal.delaysPages = false;
    for (const go of pages.splice(0)) go();
    const got: string[] = [];
    for (let i = 0; i < 10; i++) got.push(text(await back.next('publish')));
    expect([got[0], got.at(-1)]).toEqual(['2', '11']);
  });

  it('dropOldest: what was in flight before a restart is kept, with its packet identifier', async () => {
    const options: ServerOptions = { limits: { queueMessagesMax: 4 }, queue: { overflow: 'dropOldest', queueQos0Messages: false } };
    const node = await start(options);
    const subscriber = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 2 } });
    await subscriber.subscribed('t', 2);
    const first = await clean(node, 'publisher');
    for (let packetId = 1; packetId <= 4; packetId++) publish(first, 't', `${packetId}`, 2, packetId);
    for (let i = 0; i < 4; i++) await first.next('pubrec');
    const inFlight = [await subscriber.next('publish'), await subscriber.next('publish')];
    const second = await restart(node, options);
    const publisher = await clean(second, 'publisher');
    for (let packetId = 5; packetId <= 8; packetId++) publish(publisher, 't', `${packetId}`, 2, packetId);
    for (let i = 0; i < 4; i++) await publisher.next('pubrec');
    await expect.poll(() => second.server.clients().find(({ clientId }) => clientId === 'subscriber')!.queued).toBe(4);
    const back = await persistent(second, 'subscriber');
    const got: PublishPacket[] = [];
    for (let i = 0; i < 6; i++) got.push(await back.next('publish'));
    expect(got.map(text)).toEqual(['1', '2', '5', '6', '7', '8']);
    expect(got.slice(0, 2)).toMatchObject(inFlight.map(({ packetId }) => ({ packetId, dup: true })));
    expect(new Set(got.map(({ packetId }) => packetId)).size).toBe(6);
  });
});
