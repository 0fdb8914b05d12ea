import { type ConnectPacket, type PublishPacket, type QoS } from '@si-mqtt/codec';
import { type JournalCondition, type JournalHost, MemoryJournal, MemoryJournalState, type Message } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { type Authenticator, createServer, type Permissions, type Server, type ServerOptions, type ServerParts } from '../src/index.js';
import { RawClient } from './raw-client.js';

/** A journal that commits when it is told, as soon as it was told to wait. */
class HeldJournal extends MemoryJournal {
  override condition: JournalCondition = 'ready';
  isStuck = false;
  private waiting: (() => void)[] = [];
  private asked: JournalHost | undefined;

  constructor(state: MemoryJournalState) {
    super(
      state,
      (): Promise<void> =>
        new Promise((resolve) => {
          if (this.isStuck) this.waiting.push(resolve);
          else setTimeout(resolve, 1);
        }),
    );
  }

  override start(host: JournalHost): Promise<void> {
    this.asked = host;
    return super.start(host);
  }

  become(condition: JournalCondition): void {
    this.condition = condition;
    this.asked!.conditionChanged();
  }

  refuse(message: Message): void {
    this.asked!.refused(message);
  }

  unstick(): void {
    this.isStuck = false;
    for (const go of this.waiting.splice(0)) go();
  }
}

interface Node {
  readonly server: Server;
  readonly url: string;
  readonly state: MemoryJournalState;
  readonly journal: HeldJournal;
}

const nodes: Node[] = [];

async function start(options: ServerOptions = {}, parts: ServerParts = {}, state = new MemoryJournalState()): Promise<Node> {
  const journal = new HeldJournal(state);
  const listeners = [{ type: 'tcp', name: 'tcp', port: 0 }] as const;
  const server = await createServer(
    { listeners, admin: { enabled: false, host: '127.0.0.1', port: 0 }, sys: { enabled: false, intervalSeconds: 10 }, ...options },
    { ...parts, journal },
  );
  await server.start();
  const node = { server, url: server.addresses()[0].url, state, journal };
  nodes.push(node);
  return node;
}

/** As after `kill -9`: what was not committed is gone. */
async function restart(node: Node): Promise<Node> {
  node.journal.endTurn = () => undefined;
  node.journal.stop = () => Promise.resolve();
  for (const connection of [...node.server.broker.connections]) connection.stream.destroy();
  await node.server.stop();
  return start({}, {}, node.state);
}

afterEach(async () => {
  for (const { server, journal } of nodes.splice(0)) {
    journal.unstick();
    await server.stop();
  }
});

const sessionExpiryInterval = 1000;

function persistent(node: Node, clientId: string, change: Partial<ConnectPacket> = {}) {
  return RawClient.connected(node.url, { clientId, cleanStart: false, properties: { sessionExpiryInterval }, ...change });
}

function clean(node: Node, clientId: string, change: Partial<ConnectPacket> = {}) {
  return RawClient.connected(node.url, { clientId, ...change });
}

async function connecting(node: Node, connect: Partial<ConnectPacket> & { clientId: string }): Promise<RawClient> {
  const client = await RawClient.open(node.url);
  client.send({ type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, ...connect });
  return client;
}

function publish(client: RawClient, topicName: string, text: string, qos: QoS, packetId: number, change: Partial<PublishPacket> = {}) {
  client.send({
    type: 'publish',
    topicName,
    payload: new TextEncoder().encode(text),
    qos,
    packetId,
    dup: false,
    retain: false,
    ...change,
  });
}

describe('output commit', () => {
  it('CONNACK of a clean start waits for the end of the session whose connection it takes over', async () => {
    const node = await start();
    const before = await persistent(node, 'c');
    await before.subscribed('t', 1);
    node.journal.isStuck = true;
    const client = await connecting(node, { clientId: 'c' });
    await before.next('disconnect');
    expect(await client.rest(50)).toEqual([]);
    node.journal.unstick();
    expect(await client.next('connack')).toMatchObject({ sessionPresent: false });
    const second = await restart(node);
    expect((await persistent(second, 'c')).connack.sessionPresent).toBe(false);
  });

  it('QoS 0 that overtakes what waits says its topic to a clean session, too', async () => {
    const node = await start();
    const other = await persistent(node, 'other');
    await other.subscribed('stored', 1);
    const client = await clean(node, 'client', { properties: { topicAliasMaximum: 5 } });
    await client.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    node.journal.isStuck = true;
    publish(client, 'stored', 'x', 1, 1);
    expect(await client.settled()).toEqual([]);
    publish(publisher, 't', 'waits', 1, 1);
    await publisher.next('puback');
    publish(publisher, 't', 'overtakes', 0, 0);
    expect(await client.next('publish')).toMatchObject({ qos: 0, topicName: 't' });
  });

  it('a session that ends while its client waits for CONNACK does not share its incarnation with the next', async () => {
    const node = await start({ limits: { queueMessagesMax: 2 }, queue: { overflow: 'endSession', queueQos0Messages: false } });
    const before = await persistent(node, 'c');
    await before.subscribed('t', 1);
    const publisher = await clean(node, 'publisher');
    before.cut();
    await expect.poll(() => node.state.sessions.get('c')?.isConnected).toBe(false);
    const { incarnation } = node.state.sessions.get('c')!.key;
    node.journal.isStuck = true;
    const client = await connecting(node, { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval } });
    await client.rest(30);
    for (let packetId = 1; packetId <= 3; packetId++) publish(publisher, 't', 'x', 1, packetId);
    await publisher.settled();
    await expect.poll(() => node.server.clients().length).toBe(1);
    node.journal.unstick();
    expect((await client.next('connack')).reasonCode).toBe(0x89);
    const next = await persistent(node, 'c');
    expect(next.connack.sessionPresent).toBe(false);
    expect(node.state.sessions.get('c')!.key.incarnation).not.toBe(incarnation);
  });

  it('a client that sends without end while its answers wait is not read', async () => {
    const node = await start();
    const client = await persistent(node, 'c');
    node.journal.isStuck = true;
    const request = { topicFilter: 't', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [request] });
    expect(await client.settled()).toEqual([]);
    const received = node.server.broker.counters.packetsReceived;
    const releases = 100_000;
    client.socket.write(Buffer.from([0x62, 0x02, 0x00, 0x07]).toString('latin1').repeat(releases), 'latin1');
    await client.rest(300);
    expect(node.server.broker.counters.packetsReceived - received).toBeLessThan(releases / 2);
    node.journal.unstick();
    await client.next('suback');
    for (let i = 0; i < releases; i++) expect((await client.nextOfAny()).type).toBe('pubcomp');
  });

  it('a client whose earlier CONNECT waits for a store that is away is refused, and does not wait behind it', async () => {
    const node = await start();
    node.journal.isStuck = true;
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval } };
    const first = await connecting(node, connect);
    expect(await first.rest(30)).toEqual([]);
    node.journal.become('unavailable');
    const second = await connecting(node, connect);
    expect(await second.next('connack')).toMatchObject({ reasonCode: 0x88 });
    node.journal.become('ready');
    node.journal.unstick();
    expect(await first.next('connack')).toMatchObject({ reasonCode: 0 });
  });

  it.each(['full', 'unavailable'] as const)(
    'a will is not refused by a store that is %s: it was taken with its CONNECT',
    async (condition) => {
      const node = await start();
      const watcher = await persistent(node, 'watcher');
      await watcher.subscribed('will/+', 1);
      const mortals: RawClient[] = [];
      for (const retain of [false, true]) {
        const will = { topicName: `will/${retain}`, payload: new Uint8Array(1), qos: retain ? 0 : 1, retain } as const;
        mortals.push(await clean(node, `mortal ${retain}`, { will }));
      }
      node.journal.become(condition);
      for (const mortal of mortals) mortal.cut();
      await expect.poll(() => node.server.clients().length).toBe(1);
      node.journal.become('ready');
      const got = [await watcher.next('publish'), await watcher.next('publish')];
      expect(got.map(({ topicName }) => topicName).sort()).toEqual(['will/false', 'will/true']);
      await expect.poll(() => [...node.state.retained.keys()]).toEqual(['will/true']);
    },
  );
});

describe('what waits for a shared subscription', () => {
  it('has a place that was never given, though the subscription ended and began anew', async () => {
    const node = await start();
    const positions: number[] = [];
    const { groupEnqueued } = node.journal;
    node.journal.groupEnqueued = (...what) => {
      positions.push(what[1]);
      groupEnqueued.apply(node.journal, what);
    };
    const publisher = await clean(node, 'publisher');
    for (let round = 1; round <= 2; round++) {
      const member = await persistent(node, `member ${round}`);
      await member.subscribed('$share/g/t', 1);
      member.cut();
      await expect.poll(() => node.state.sessions.get(`member ${round}`)?.isConnected).toBe(false);
      publish(publisher, 't', 'x', 1, 1);
      await publisher.next('puback');
      await clean(node, `member ${round}`);
    }
    expect(positions).toHaveLength(2);
    expect(positions[1]).toBeGreaterThan(positions[0]);
  });
});

describe('a CONNECT that is refused because nobody knows what the session may have', () => {
  it('costs neither the earlier connection nor its will', async () => {
    const rules = new SlowRules();
    const node = await start({}, { authenticators: [rules] });
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('fast/will', 1);
    const properties = { willDelayInterval: 1 };
    const will = { topicName: 'fast/will', payload: new Uint8Array(1), qos: 1, retain: false, properties } as const;
    const mortal = await persistent(node, 'mortal', { will });
    await mortal.subscribed('t', 1);
    rules.knowsFilters = false;
    const refused = await persistent(node, 'mortal');
    expect(refused.connack.reasonCode).toBe(0x88);
    expect(await mortal.settled()).toEqual([]);
    mortal.cut();
    expect(await watcher.next('publish')).toMatchObject({ topicName: 'fast/will' });
  });
});

describe('a clean session', () => {
  it('is taken over while the store hangs, though others have something to store of what it leaves behind', async () => {
    const node = await start();
    const kept = await persistent(node, 'kept');
    await kept.subscribed('$share/g/t', 1);
    kept.cut();
    await expect.poll(() => node.state.sessions.get('kept')?.isConnected).toBe(false);
    const member = await clean(node, 'member');
    await member.subscribed('$share/g/t', 1);
    await member.subscribed('$share/alone/t', 1);
    const publisher = await clean(node, 'publisher');
    publish(publisher, 't', 'x', 1, 1);
    await publisher.next('puback');
    node.journal.isStuck = true;
    const client = await connecting(node, { clientId: 'member' });
    expect(await client.next('connack')).toMatchObject({ reasonCode: 0 });
  });

  it('records nothing when it ends a shared subscription for which nothing ever waited', async () => {
    const node = await start();
    const member = await clean(node, 'member');
    const { operations } = node.journal;
    await member.subscribed('$share/g/t', 1);
    member.send({ type: 'unsubscribe', packetId: 1, topicFilters: ['$share/g/t'] });
    await member.next('unsuback');
    expect(node.journal.operations).toBe(operations);
  });
});

describe('what a member of a shared subscription leaves in the journal', () => {
  it.each([
    ['DISCONNECT ends its session', 1],
    ['a clean start takes its connection over', 2],
    ['a clean start finds it offline', 3],
    ['its queue is full', 4],
  ])('goes to another member when %s', async (_, how) => {
    const overflow = how === 4 ? 'endSession' : 'rejectNewest';
    const node = await start({ queue: { overflow, queueQos0Messages: false }, limits: { queueMessagesMax: 20 } });
    const properties = { sessionExpiryInterval, receiveMaximum: 1 };
    const before = await persistent(node, 'first', { properties });
    await before.subscribed('$share/g/t', 1);
    if (how === 4) await before.subscribed('own', 1);
    const publisher = await clean(node, 'publisher');
    for (let packetId = 1; packetId <= 10; packetId++) publish(publisher, 't', `${packetId}`, 1, packetId);
    for (let packetId = 1; packetId <= 10; packetId++) await publisher.next('puback');
    before.cut();
    await expect.poll(() => node.state.sessions.get('first')?.isConnected).toBe(false);
    const other = await persistent(node, 'other');
    await other.subscribed('$share/g/t', 1);
    const { page } = node.journal;
    node.journal.page = async (...what) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return page.call(node.journal, what[0], what[1], 2);
    };
    const connect = { properties };
    if (how <= 2) {
      const back = await persistent(node, 'first', connect);
      if (how === 1) back.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    }
    if (how === 2 || how === 3) expect((await clean(node, 'first')).connack.sessionPresent).toBe(false);
    if (how === 4) for (let packetId = 11; packetId <= 25; packetId++) publish(publisher, 'own', 'x', 1, packetId);
    const got: string[] = [];
    while (got.length < 10) {
      const packet = await other.next('publish');
      got.push(new TextDecoder().decode(packet.payload));
      other.send({ type: 'puback', packetId: packet.packetId, reasonCode: 0 });
    }
    expect(got).toEqual(Array.from({ length: 10 }, (_element, index) => `${index + 1}`));
    expect(await other.rest(100)).toEqual([]);
    await expect.poll(() => [...node.state.sessions.keys()]).toEqual(['other']);
  });
});

describe('a message that the store takes at no time', () => {
  it('leaves no alias behind that its subscriber was never told', async () => {
    const node = await start();
    const properties = { sessionExpiryInterval, topicAliasMaximum: 5 };
    const subscriber = await persistent(node, 'subscriber', { properties });
    await subscriber.subscribed('t', 1);
    const [bad, good] = [await clean(node, 'bad'), await clean(node, 'good')];
    const given: Message[] = [];
    const { enqueued } = node.journal;
    node.journal.enqueued = (...what) => {
      given.push(what[1].message);
      enqueued.apply(node.journal, what);
    };
    node.journal.isStuck = true;
    publish(bad, 't', 'bad', 1, 1);
    await expect.poll(() => given.length).toBe(1);
    publish(good, 't', 'good', 1, 1);
    await expect.poll(() => given.length).toBe(2);
    node.journal.refuse(given[0]);
    node.journal.unstick();
    await good.next('puback');
    // Whether on this connection or on the next: with its topic name.
    const next = await subscriber.nextOfAny();
    const publication = next.type === 'disconnect' ? await (await persistent(node, 'subscriber', { properties })).next('publish') : next;
    expect(publication).toMatchObject({ type: 'publish', topicName: 't' });
    expect(new TextDecoder().decode((publication as PublishPacket).payload)).toBe('good');
  });
});

describe('what falls due at the same time', () => {
  it('may be committed apart: a store that refuses one will does not refuse the others', async () => {
    const node = await start();
    const watcher = await persistent(node, 'watcher');
    await watcher.subscribed('will/+', 1);
    const mortals: RawClient[] = [];
    for (const name of ['a', 'b']) {
      const will = {
        topicName: `will/${name}`,
        payload: new Uint8Array(1),
        qos: 1,
        retain: false,
        properties: { willDelayInterval: 1 },
      } as const;
      mortals.push(await persistent(node, name, { will }));
    }
    const units: string[][] = [[]];
    const { enqueued, divide } = node.journal;
    node.journal.enqueued = (...what) => {
      units.at(-1)!.push(what[1].message.topicName);
      enqueued.apply(node.journal, what);
    };
    node.journal.divide = () => {
      units.push([]);
      divide.apply(node.journal);
    };
    // In one turn, so that both are due in the same.
    for (const mortal of mortals) node.server.disconnectClient(mortal === mortals[0] ? 'a' : 'b');
    await watcher.next('publish');
    await watcher.next('publish');
    expect(units.filter((unit) => unit.length > 0).map((unit) => unit.length)).toEqual([1, 1]);
  });
});

describe('a publisher about whom somebody has to be asked', () => {
  it('is not read while the store is congested, either', async () => {
    const rules = new SlowRules();
    const node = await start({}, { authenticators: [rules] });
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('slow', 1);
    const publisher = await clean(node, 'publisher', { protocolVersion: 4 });
    const asked: string[] = [];
    const { decidePublish } = rules;
    rules.decidePublish = (topicName = '') => {
      asked.push(topicName);
      return decidePublish.call(rules, topicName);
    };
    node.journal.isStuck = true;
    node.journal.become('congested');
    publish(publisher, 'slow', '1', 1, 1);
    await expect.poll(() => rules.answers.length).toBe(1);
    publish(publisher, 'slow/2', '2', 1, 2);
    rules.answers[0](true);
    await publisher.rest(50);
    expect(asked).toEqual(['slow']);
    node.journal.unstick();
    node.journal.become('ready');
    await publisher.next('puback');
    await expect.poll(() => asked).toEqual(['slow', 'slow/2']);
    rules.answers[1](true);
    expect(await publisher.next('puback')).toMatchObject({ packetId: 2 });
  });
});

describe('a publication of the program that runs the server', () => {
  it('is one that a client could make', async () => {
    const node = await start();
    const payload = new Uint8Array(1);
    for (const topicName of ['', 'a/+', 'a/#', 'a\0b']) {
      expect(() => node.server.publish({ topicName, payload, qos: 1, retain: true })).toThrow(RangeError);
    }
    expect(() => node.server.publish({ topicName: 't', payload, qos: 1, retain: true, properties: { responseTopic: '#' } })).toThrow(
      RangeError,
    );
    node.server.publish({ topicName: 't', payload, qos: 1, retain: true, properties: { responseTopic: 'r', contentType: 'c' } });
    await expect.poll(() => [...node.state.retained.keys()]).toEqual(['t']);
  });
});

/** Rules that know the topics that begin with "fast", and let the test answer for the others. */
class SlowRules implements Authenticator, Permissions {
  readonly name = 'slow';
  readonly version = 0;
  readonly answers: ((yes: boolean) => void)[] = [];

  authenticate() {
    return Promise.resolve({ accepted: { userName: undefined, permissions: this } });
  }
  mayPublish(topicName: string): true | 'unknown' {
    return topicName.startsWith('fast') || 'unknown';
  }
  /** False: nobody answers for them. */
  knowsFilters = true;

  maySubscribe(): 'allowed' | 'unknown' {
    return this.knowsFilters ? 'allowed' : 'unknown';
  }
  decideSubscribe(): Promise<never> {
    return Promise.reject(new Error('nobody answers'));
  }
  mayReceive(): boolean {
    return true;
  }
  decidePublish(_topicName?: string): Promise<boolean> {
    return new Promise((resolve) => this.answers.push(resolve));
  }
}

describe('a QoS 2 publication whose answer waits for an earlier one', () => {
  it('is stored together with its packet identifier, so that after a crash it is not taken again', async () => {
    const rules = new SlowRules();
    const node = await start({}, { authenticators: [rules] });
    const subscriber = await persistent(node, 'subscriber');
    await subscriber.subscribed('fast', 2);
    const before = await persistent(node, 'publisher');
    publish(before, 'slow', 'x', 2, 1);
    await expect.poll(() => rules.answers.length).toBe(1);
    const client = await persistent(node, 'publisher');
    await before.next('disconnect');
    publish(client, 'fast', 'once', 2, 2);
    const first = await subscriber.next('publish');
    const second = await restart(node);
    const again = await persistent(second, 'publisher');
    publish(again, 'fast', 'once', 2, 2, { dup: true });
    expect(await again.next('pubrec')).toMatchObject({ packetId: 2, reasonCode: 0 });
    const back = await persistent(second, 'subscriber');
    expect(await back.next('publish')).toMatchObject({ packetId: first.packetId, dup: true });
    expect(await back.rest(50)).toEqual([]);
  });
});
