import { describe, expect, it } from 'vitest';
import { clean, persistent, publish, restart, start, text } from './journaled-node.js';
import { RawClient } from './raw-client.js';

describe('what leaves waits for the commit', () => {
  it('PUBACK and the delivery wait, QoS 0 and PINGRESP do not', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    const bystander = await clean(node, 'bystander');
    await bystander.subscribed('t', 1);
    node.isStuck = true;
    publish(publisher, 't', 'a', 1, 1);
    expect((await bystander.next('publish')).payload, 'a clean session has nothing in the journal').toHaveLength(1);
    publish(publisher, 't', 'b', 0, 0);
    expect(text(await subscriber.next('publish'))).toBe('b');
    expect(await publisher.settled()).toEqual([]);
    expect(await subscriber.rest(50)).toEqual([]);
    node.unstick();
    expect(await publisher.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0 });
    expect(text(await subscriber.next('publish'))).toBe('a');
  });

  it('acknowledgements keep their order behind one that waits', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('stored', 2);
    const publisher = await clean(node, 'publisher');
    node.isStuck = true;
    publish(publisher, 'stored', 'a', 1, 1);
    publish(publisher, 'nobody', 'b', 1, 2);
    publish(publisher, 'stored', 'c', 2, 3);
    expect(await publisher.settled()).toEqual([]);
    node.unstick();
    for (const packetId of [1, 2, 3]) expect(await publisher.nextOfAny()).toMatchObject({ packetId });
  });

  it('CONNACK, SUBACK and UNSUBACK of a persistent session wait, those of a clean one do not', async () => {
    const node = await start();
    node.isStuck = true;
    const other = await clean(node, 'clean');
    await other.subscribed('t', 1);
    const client = await RawClient.open(node.url);
    client.send({
      type: 'connect',
      protocolVersion: 5,
      clientId: 'c',
      cleanStart: true,
      keepAlive: 0,
      properties: { sessionExpiryInterval: 5 },
    });
    expect(await client.rest(50)).toEqual([]);
    node.unstick();
    await client.next('connack');
    node.isStuck = true;
    const request = { topicFilter: 't', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [request] });
    expect(await client.settled()).toEqual([]);
    node.unstick();
    await client.next('suback');
    node.isStuck = true;
    client.send({ type: 'unsubscribe', packetId: 2, topicFilters: ['t'] });
    expect(await client.settled()).toEqual([]);
    node.unstick();
    await client.next('unsuback');
  });

  it('CONNACK of a clean start waits for the end of the session before, which does not come back', async () => {
    const node = await start();
    const before = await persistent(node, 'c');
    await before.subscribed('t', 1);
    before.cut();
    await expect.poll(() => node.server.clients()[0].connected).toBe(false);
    node.isStuck = true;
    const client = await RawClient.open(node.url);
    client.send({ type: 'connect', protocolVersion: 5, clientId: 'c', cleanStart: true, keepAlive: 0 });
    expect(await client.rest(50)).toEqual([]);
    node.unstick();
    expect((await client.next('connack')).sessionPresent).toBe(false);
    const second = await restart(node);
    expect((await persistent(second, 'c')).connack.sessionPresent).toBe(false);
  });

  it('QoS 0 that overtakes what waits says its topic, although that has an alias', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, topicAliasMaximum: 5 } });
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    node.isStuck = true;
    publish(publisher, 't', 'waits', 1, 1);
    publish(publisher, 't', 'overtakes', 0, 0);
    expect(await subscriber.next('publish')).toMatchObject({ qos: 0, topicName: 't' });
    node.unstick();
    expect(await subscriber.next('publish')).toMatchObject({ qos: 1, topicName: 't' });
  });

  it('a retained message is acknowledged when it is stored, also without any subscriber', async () => {
    const node = await start();
    const publisher = await clean(node, 'publisher');
    node.isStuck = true;
    publish(publisher, 'r', 'x', 1, 1, { retain: true });
    expect(await publisher.settled()).toEqual([]);
    node.unstick();
    await publisher.next('puback');
    expect([...node.state.retained.keys()]).toEqual(['r']);
  });

  it('a PUBLISH before DISCONNECT is stored and acknowledged before the connection is closed', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await persistent(node, 'publisher');
    node.isStuck = true;
    publish(publisher, 't', 'a', 1, 1);
    publisher.send({ type: 'disconnect', reasonCode: 0 });
    expect(await publisher.rest(50)).toEqual([]);
    node.unstick();
    await publisher.next('puback');
    await publisher.closed();
  });

  it('what was not committed never happened for anybody outside', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await persistent(node, 'publisher');
    node.isStuck = true;
    publish(publisher, 't', 'lost', 2, 7);
    expect(await publisher.settled()).toEqual([]);
    const next = await restart(node);
    const again = await persistent(next, 'publisher');
    expect(again.connack.sessionPresent).toBe(true);
    publish(again, 't', 'lost', 2, 7, { dup: true });
    await again.next('pubrec');
    const back = await persistent(next, 'subscriber');
    expect(text(await back.next('publish'))).toBe('lost');
    expect(await back.rest(50)).toEqual([]);
  });
});

describe('a store that takes nothing new', () => {
  it.each(['full', 'unavailable'] as const)('%s: what would be stored is refused at the door, the rest goes on', async (condition) => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('stored', 1);
    const passing = await clean(node, 'passing');
    await passing.subscribed('#', 1);
    const [publisher, old] = [await clean(node, 'publisher'), await clean(node, 'old', { protocolVersion: 4 })];
    node.journal.become(condition);
    expect(node.server.isReady).toBe(false);
    publish(publisher, 'stored', 'no', 1, 1);
    expect(await publisher.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0x97 });
    publish(publisher, 'retained', 'no', 2, 2, { retain: true });
    expect(await publisher.next('pubrec')).toMatchObject({ packetId: 2, reasonCode: 0x97 });
    publish(publisher, 'other', 'yes', 1, 3);
    expect(await publisher.next('puback')).toMatchObject({ packetId: 3, reasonCode: 0 });
    publish(publisher, 'stored', 'qos 0', 0, 0);
    expect([text(await passing.next('publish')), text(await passing.next('publish'))]).toEqual(['yes', 'qos 0']);
    expect(text(await subscriber.next('publish'))).toBe('qos 0');
    publish(old, 'stored', 'unanswered', 1, 1);
    await old.closed();
    const request = { topicFilter: 'more', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    subscriber.send({ type: 'subscribe', packetId: 1, subscriptions: [request] });
    expect((await subscriber.next('suback')).reasonCodes).toEqual([0x97]);
    expect((await persistent(node, 'newcomer')).connack.reasonCode).toBe(0x88);
    expect((await clean(node, 'clean newcomer')).connack.reasonCode).toBe(0);
    node.journal.become('ready');
    expect(node.server.isReady).toBe(true);
    publish(publisher, 'stored', 'again', 1, 4);
    expect(await publisher.next('puback')).toMatchObject({ packetId: 4, reasonCode: 0 });
    expect(text(await subscriber.next('publish'))).toBe('again');
    expect(node.state.retained.size).toBe(0);
  });

  it('a persistent 3.1.1 publisher that was closed for it is acknowledged again afterwards', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('stored', 1);
    const connect = { protocolVersion: 4, properties: undefined } as const;
    const publisher = await persistent(node, 'publisher', connect);
    node.journal.become('unavailable');
    publish(publisher, 'stored', 'x', 1, 5);
    await publisher.closed();
    node.journal.become('ready');
    const again = await persistent(node, 'publisher', connect);
    publish(again, 'stored', 'x', 1, 5, { dup: true });
    publish(again, 'stored', 'y', 1, 6);
    expect([(await again.next('puback')).packetId, (await again.next('puback')).packetId]).toEqual([5, 6]);
  });

  it('full: whoever has a session comes back, so that its queue drains', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    subscriber.send({ type: 'disconnect', reasonCode: 0, properties: undefined });
    await subscriber.closed();
    const publisher = await clean(node, 'publisher');
    publish(publisher, 't', 'waits', 1, 1);
    expect(await publisher.next('puback')).toMatchObject({ reasonCode: 0 });
    node.journal.become('unavailable');
    expect((await persistent(node, 'subscriber')).connack.reasonCode).toBe(0x88);
    node.journal.become('full');
    const back = await persistent(node, 'subscriber');
    expect(back.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(text(await back.next('publish'))).toBe('waits');
  });

  it.each(['full', 'unavailable'] as const)('%s: who was not read because it was congested is read again', async (condition) => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    node.journal.become('congested');
    publish(publisher, 't', 'stalls', 1, 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    publish(publisher, 'elsewhere', 'flows', 0, 0);
    publish(publisher, 't', 'is refused', 1, 2);
    node.journal.become(condition);
    expect(await publisher.next('puback')).toMatchObject({ packetId: 1, reasonCode: 0 });
    expect(await publisher.next('puback')).toMatchObject({ packetId: 2, reasonCode: 0x97 });
  });

  it.each(['full', 'unavailable'] as const)('%s: a will is published all the same, because CONNACK promised it', async (condition) => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will', 1);
    const will = { topicName: 'will', payload: new TextEncoder().encode('gone'), qos: 1, retain: true, properties: undefined } as const;
    const mortal = await clean(node, 'mortal', { will });
    node.journal.become(condition);
    mortal.cut();
    expect(text(await watcher.next('publish'))).toBe('gone');
    await expect.poll(() => node.state.retained.size).toBe(1);
  });

  it('full: subscribers are read, so that their queues drain', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 2 } });
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    for (let packetId = 1; packetId <= 20; packetId++) publish(publisher, 't', `${packetId}`, 1, packetId);
    for (let packetId = 1; packetId <= 20; packetId++) await publisher.next('puback');
    node.journal.become('full');
    const got: string[] = [];
    while (got.length < 20) {
      const packet = await subscriber.next('publish');
      got.push(text(packet));
      subscriber.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
    }
    expect(got.at(-1)).toBe('20');
  });

  it('congested: publishers whose answers wait are not read until it is ready', async () => {
    const node = await start({ limits: { receiveMaximum: 1000 } });
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher', { protocolVersion: 4 });
    node.isStuck = true;
    node.journal.become('congested');
    for (let packetId = 1; packetId <= 2; packetId++) {
      publish(publisher, 't', 'x', 1, packetId);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const taken = node.journal.given.length;
    publish(publisher, 't', 'x', 1, 3);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([taken, node.journal.given.length]).toEqual([1, 1]);
    node.unstick();
    node.journal.become('ready');
    for (let packetId = 1; packetId <= 3; packetId++) expect(await publisher.next('puback')).toMatchObject({ packetId });
  });

  it.each([1, 2] as const)('a message of QoS %i that it takes at no time goes to nobody, and its publisher is told', async (qos) => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 2);
    const publisher = await persistent(node, 'publisher');
    node.isStuck = true;
    for (const [packetId, payload] of ['good', 'bad', 'better'].entries()) publish(publisher, 't', payload, qos, packetId + 1);
    await publisher.settled();
    const bad = node.journal.given[1];
    node.journal.refuse(bad);
    node.unstick();
    const answers: unknown[] = [];
    for (let n = 0; n < 3; n++) answers.push(await publisher.next(qos === 1 ? 'puback' : 'pubrec'));
    expect(answers).toMatchObject([
      { packetId: 1, reasonCode: 0 },
      { packetId: 2, reasonCode: 0x97 },
      { packetId: 3, reasonCode: 0 },
    ]);
    expect([text(await subscriber.next('publish')), text(await subscriber.next('publish'))]).toEqual(['good', 'better']);
    // The identifier is free.
    publish(publisher, 't', 'again', qos, 2);
    expect(await publisher.next(qos === 1 ? 'puback' : 'pubrec')).toMatchObject({ packetId: 2, reasonCode: 0 });
    expect(text(await subscriber.next('publish'))).toBe('again');
  });

  it('3.1.1 has no way to say so: its publisher is disconnected', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('t', 1);
    const publisher = await clean(node, 'publisher', { protocolVersion: 4 });
    node.isStuck = true;
    publish(publisher, 't', 'bad', 1, 1);
    await expect.poll(() => node.journal.given.length).toBe(1);
    node.journal.refuse(node.journal.given[0]);
    await publisher.closed();
    node.unstick();
    expect(await publisher.rest(0)).toEqual([]);
    expect(await subscriber.rest(30)).toEqual([]);
  });

  it('a message that it takes at no time makes room for what waits behind it', async () => {
    const node = await start();
    const subscriber = await persistent(node, 'subscriber', { properties: { sessionExpiryInterval: 1000, receiveMaximum: 1 } });
    await subscriber.subscribed('t', 1);
    const [bad, good] = [await clean(node, 'bad'), await clean(node, 'good')];
    node.isStuck = true;
    publish(bad, 't', 'bad', 1, 1);
    await expect.poll(() => node.journal.given.length).toBe(1);
    publish(good, 't', 'good', 1, 1);
    await expect.poll(() => node.journal.given.length).toBe(2);
    node.journal.refuse(node.journal.given[0]);
    node.unstick();
    expect(text(await subscriber.next('publish'))).toBe('good');
  });
});
