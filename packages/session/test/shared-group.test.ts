import { describe, expect, it } from 'vitest';
import {
  Delivery,
  GroupJournal,
  type Journal,
  type RestoredDelivery,
  type Session,
  type SessionLimits,
  SharedGroup,
  type SharedStrategy,
  type Subscription,
} from '../src/index.js';
import { Harness, type TestOutput, texts } from './session-harness.js';

const subscription: Subscription = {
  requested: '$share/g/t',
  topicFilter: 't',
  shareName: 'g',
  qos: 2,
  noLocal: false,
  retainAsPublished: false,
  subscriptionIdentifier: 0,
  mayReceive: undefined,
};

async function group(strategy: SharedStrategy, count: number, sessionExpiryInterval = 100, limits: Partial<SessionLimits> = {}) {
  const harness = new Harness({ limits });
  const shared = new SharedGroup('g', 't', strategy, () => 0.99, { queueMessagesMax: 3, queueBytesMax: 10_000 }, harness.drops);
  const sessions: Session[] = [];
  const outputs: TestOutput[] = [];
  for (let i = 0; i < count; i++) {
    const { session, output } = await harness.open({ clientId: `m${i}`, properties: { sessionExpiryInterval } });
    shared.join(session, subscription);
    sessions.push(session);
    outputs.push(output);
  }
  const counts = () => outputs.map((output) => output.takePublishes().length);
  return { harness, shared, sessions, outputs, counts };
}

describe('a shared subscription', () => {
  it('gives each message to one member, in turn by default', async () => {
    const { harness, shared, counts } = await group('roundRobin', 3);
    for (let i = 0; i < 9; i++) expect(shared.deliver(harness.message())).toBe('taken');
    expect(counts()).toEqual([3, 3, 3]);
  });

  it('keeps to one member, one topic or one publisher where the strategy says so', async () => {
    for (const strategy of ['sticky', 'topic', 'clientId', 'random'] as const) {
      const { harness, shared, counts } = await group(strategy, 3);
      for (let i = 0; i < 6; i++) shared.deliver(harness.message());
      expect(counts().sort()).toEqual([0, 0, 6]);
    }
  });

  it.each(['roundRobin', 'sticky', 'leastInflight'] as const)(
    '%s: passes a member over whose queue is full while that of another has room',
    async (strategy) => {
      const { harness, shared, sessions, outputs } = await group(strategy, 2, 100, { queueMessagesMax: 2, queueOverflow: 'endSession' });
      for (const output of outputs) output.writable = false;
      for (let n = 0; n < 2; n++) sessions[0].deliver(harness.message(), 1, false, undefined, undefined);
      expect([shared.deliver(harness.message()), shared.deliver(harness.message())]).toEqual(['taken', 'taken']);
      expect(sessions.map(({ queuedCount }) => queuedCount)).toEqual([2, 2]);
      expect(sessions[0].outbound.hasOverflowed).toBe(false);
      expect(shared.deliver(harness.message())).toBe('refused');
    },
  );

  it('gives what one member may not have, and waits, to another', async () => {
    const { harness, shared, sessions, outputs } = await group('roundRobin', 3);
    for (const session of sessions) session.detach('lost');
    shared.join(sessions[0], { ...subscription, mayReceive: () => false });
    const change = { cleanStart: false, properties: { sessionExpiryInterval: 100 } };
    outputs[0] = harness.attach(sessions[0], { clientId: 'm0', ...change });
    outputs[1] = harness.attach(sessions[1], { clientId: 'm1', ...change });
    const delivery = new Delivery(harness.message({ text: 'left behind' }), 1, false, undefined, shared);
    shared.inherit(delivery, sessions[2]);
    expect(texts(outputs[1].takePublishes())).toEqual(['left behind']);
  });

  it('counts what a member leaves behind and there is no room for', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 2);
    for (const session of sessions) session.detach('lost');
    for (let n = 0; n < 5; n++) shared.inherit(new Delivery(harness.message(), 1, false, undefined, shared), sessions[0]);
    expect([shared.waitingMessages, harness.drops.queueFull]).toEqual([3, 2]);
  });

  it('waits for the commit of what waits on the connection of a member that is still there', async () => {
    const harness = new Harness();
    const pages: ((page: readonly RestoredDelivery[]) => void)[] = [];
    const journal = {
      firstPosition: 10,
      openBatch: 1,
      committedBatch: 0,
      groupEnqueued: () => undefined,
      groupFinished: () => undefined,
      pageGroup: () => new Promise((resolve) => pages.push(resolve)),
    } as unknown as Journal & { committedBatch: number };
    const limits = { queueMessagesMax: 3, queueBytesMax: 10_000 };
    const shared = new SharedGroup('g', 't', 'roundRobin', () => 0.99, limits, harness.drops, new GroupJournal(journal));
    const change = { properties: { sessionExpiryInterval: 100 } };
    const [first, second] = [await harness.open({ clientId: 'm0', ...change }), await harness.open({ clientId: 'm1', ...change })];
    for (const { session } of [first, second]) shared.join(session, subscription);
    const stored = (position: number, text: string): RestoredDelivery => {
      const message = harness.message({ text });
      const { requested: sharedSubscription } = shared;
      return {
        position,
        message,
        qos: 1,
        retain: false,
        subscriptionIdentifiers: undefined,
        sharedSubscription,
        packetId: 0,
        isReceived: false,
      };
    };
    const arrives = async (page: readonly RestoredDelivery[]) => {
      pages.shift()!(page);
      await new Promise((resolve) => setImmediate(resolve));
    };
    shared.restore({ sharedSubscription: shared.requested, queuedMessages: 1, queuedBytes: 100, lastPosition: 5 });
    shared.drainTo(first.session);
    expect(shared.deliver(harness.message({ text: 'new' }))).toBe('taken');
    await arrives([stored(5, 'old')]);
    expect(texts(first.output.takePublishes())).toEqual(['old']);
    first.session.detach('lost');
    shared.drain();
    await arrives([]);
    journal.committedBatch = 1;
    for (const { call } of second.output.waiting) call();
    await arrives([stored(10, 'new')]);
    expect(texts(second.output.takePublishes())).toEqual(['new']);
  });

  it('does not send again what another member has got while a connection was taken up again', async () => {
    const { harness, shared, sessions, outputs } = await group('sticky', 2);
    for (const text of ['1', '2']) shared.deliver(harness.message({ text }));
    sessions[0].detach('lost');
    const change = { clientId: 'm0', cleanStart: false, properties: { sessionExpiryInterval: 100, receiveMaximum: 1 } };
    const output = harness.attach(sessions[0], change);
    const [first, ...others] = output.takePublishes();
    expect([texts([first]), others]).toEqual([['1'], []]);
    sessions[0].outbound.redispatchShared((delivery, of) => of.redispatch(delivery, sessions[0]));
    expect(texts(outputs[1].takePublishes())).toEqual(['1', '2']);
    // What waits for the room that this has made is to be sent.
    sessions[0].deliver(harness.message({ text: 'own' }), 1, false, undefined, undefined);
    expect(output.pumpRequests).toBe(1);
    sessions[0].outbound.pump();
    expect(texts(output.takePublishes())).toEqual(['own']);
  });

  it('prefers the member with the fewest deliveries in flight', async () => {
    const { harness, shared, sessions, outputs } = await group('leastInflight', 2);
    for (let i = 0; i < 4; i++) sessions[0].deliver(harness.message(), 1, false, undefined, undefined);
    outputs[0].take();
    for (let i = 0; i < 4; i++) shared.deliver(harness.message());
    expect(outputs[1].takePublishes()).toHaveLength(4);
  });

  it('never feeds a member that is offline while another is online', async () => {
    const { harness, shared, sessions, counts } = await group('roundRobin', 3);
    sessions[0].detach('lost');
    sessions[2].detach('lost');
    for (let i = 0; i < 4; i++) shared.deliver(harness.message());
    expect(counts()).toEqual([0, 4, 0]);
  });

  it('passes over a member whose socket has not drained', async () => {
    const { harness, shared, outputs, counts } = await group('roundRobin', 2);
    outputs[0].writable = false;
    for (let i = 0; i < 4; i++) shared.deliver(harness.message({ qos: 0 }));
    expect(counts()).toEqual([0, 4]);
  });

  it('lets QoS 1 wait for the first member to come when nobody is online, within bounds, and drops QoS 0', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 2);
    for (const session of sessions) session.detach('lost');
    expect(shared.deliver(harness.message({ qos: 0 }))).toBe('noMember');
    const outcomes = ['1', '2', '3', '4'].map((text) => shared.deliver(harness.message({ text })));
    expect(outcomes).toEqual(['taken', 'taken', 'taken', 'refused']);
    const output = harness.attach(sessions[1], { clientId: 'm1', cleanStart: false });
    shared.drainTo(sessions[1]);
    expect(texts(output.takePublishes())).toEqual(['1', '2', '3']);
    expect(shared.waitingMessages).toBe(0);
  });

  it('keeps nothing for members whose sessions are not kept', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 1, 0);
    sessions[0].detach('lost');
    expect(shared.deliver(harness.message())).toBe('noMember');
  });

  it('[MQTT-4.8.2-4] redispatches unacknowledged QoS 1 when a member goes, but not QoS 2 that was sent', async () => {
    const { harness, shared, sessions, outputs } = await group('sticky', 2);
    shared.deliver(harness.message({ text: 'one' }));
    shared.deliver(harness.message({ text: 'two', qos: 2 }));
    expect(texts(outputs[0].takePublishes())).toEqual(['one', 'two']);
    sessions[0].detach('lost');
    sessions[0].outbound.redispatchShared((delivery, of) => of.redispatch(delivery, sessions[0]));
    expect(texts(outputs[1].takePublishes())).toEqual(['one']);
    expect(sessions[0].inflightCount).toBe(1);
  });

  it('[MQTT-4.8.2-3] respects the QoS that was granted to the member', async () => {
    const { harness, shared, sessions, outputs } = await group('roundRobin', 1);
    shared.join(sessions[0], { ...subscription, qos: 0, subscriptionIdentifier: 5 });
    shared.deliver(harness.message());
    expect(outputs[0].takePublishes()).toMatchObject([{ qos: 0, properties: { subscriptionIdentifiers: [5] } }]);
  });

  it('goes on with what waited when a member that was full has room, and new messages go behind it', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 1, 100, { queueMessagesMax: 1 });
    sessions[0].detach('lost');
    for (const text of ['1', '2', '3']) shared.deliver(harness.message({ text }));
    const output = harness.attach(sessions[0], { clientId: 'm0', properties: { sessionExpiryInterval: 100, receiveMaximum: 1 } });
    shared.drainTo(sessions[0]);
    expect(shared.waitingMessages).toBe(1);
    expect(shared.deliver(harness.message({ text: '4' }))).toBe('taken');
    const got: string[] = [];
    for (let left = 6; left > 0; left--) {
      for (const packet of output.takePublishes()) {
        got.push(...texts([packet]));
        sessions[0].outbound.receivePuback(packet.packetId);
      }
    }
    expect(got).toEqual(['1', '2', '3', '4']);
    expect(shared.deliver(harness.message({ text: '5' }))).toBe('taken');
    expect(texts(output.takePublishes())).toEqual(['5']);
  });

  it('gives what waits to another member when the one that came is full', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 2, 100, { queueMessagesMax: 1 });
    for (const session of sessions) session.detach('lost');
    for (const text of ['1', '2', '3']) shared.deliver(harness.message({ text }));
    const properties = { sessionExpiryInterval: 100, receiveMaximum: 1 };
    const first = harness.attach(sessions[0], { clientId: 'm0', properties });
    shared.drainTo(sessions[0]);
    const second = harness.attach(sessions[1], { clientId: 'm1', properties });
    shared.deliver(harness.message({ text: '4' }));
    expect([texts(first.takePublishes()), texts(second.takePublishes())]).toEqual([['1'], ['3']]);
  });

  it('[MQTT-3.3.2-5] drops what expired while it waited for a member', async () => {
    const { harness, shared, sessions } = await group('roundRobin', 1);
    sessions[0].detach('lost');
    shared.deliver(harness.message({ text: 'old', properties: { messageExpiryInterval: 1 } }));
    shared.deliver(harness.message({ text: 'new' }));
    harness.env.time += 2000;
    const output = harness.attach(sessions[0], { clientId: 'm0', cleanStart: false });
    shared.drainTo(sessions[0]);
    expect(texts(output.takePublishes())).toEqual(['new']);
    expect(harness.drops.expired).toBe(1);
    expect(shared.waitingMessages).toBe(0);
  });

  it('[MQTT-3.3.2-5] does not redispatch what has expired', async () => {
    const { harness, shared, sessions, outputs } = await group('sticky', 2);
    const properties = { messageExpiryInterval: 1 };
    shared.deliver(harness.message({ text: 'sent', properties }));
    outputs[0].writable = false;
    sessions[0].deliver(harness.message({ text: 'waits', properties }), 1, false, undefined, shared);
    harness.env.time += 2000;
    sessions[0].detach('lost');
    sessions[0].outbound.redispatchShared((delivery, of) => of.redispatch(delivery, sessions[0]));
    expect(outputs[1].takePublishes()).toEqual([]);
    expect(harness.drops.expired).toBe(1);
    expect([sessions[0].inflightCount, sessions[0].queuedCount]).toEqual([1, 0]);
  });
});
