import { type ConnectPacket, type PublishPacket, type QoS } from '@si-mqtt/codec';
import { type JournalCondition, type JournalHost, MemoryJournal, MemoryJournalState } from '@si-mqtt/session';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, type Server, type ServerOptions, type ServerParts } from '../src/index.js';
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

  /** One batch that waits becomes durable. */
  commitOne(): void {
    this.waiting.shift()?.();
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
});
