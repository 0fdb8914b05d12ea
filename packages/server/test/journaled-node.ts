import { type ConnectPacket, type Packet, type PublishPacket, type QoS } from '@si-mqtt/codec';
import {
  type JournalCondition,
  type JournaledDelivery,
  type JournalHost,
  MemoryJournal,
  MemoryJournalState,
  type Message,
  type RestoredDelivery,
  type SessionKey,
} from '@si-mqtt/session';
import { afterEach } from 'vitest';
import { createServer, type Server, type ServerOptions, type ServerParts } from '../src/index.js';
import { RawClient } from './raw-client.js';

/** A journal whose store can be full, or away. */
export class ConditionalJournal extends MemoryJournal {
  override condition: JournalCondition = 'ready';
  private asked: JournalHost | undefined;

  override start(host: JournalHost): Promise<void> {
    this.asked = host;
    return super.start(host);
  }

  readonly given: Message[] = [];

  override enqueued(session: SessionKey, delivery: JournaledDelivery): void {
    this.given.push(delivery.message);
    super.enqueued(session, delivery);
  }

  override groupEnqueued(sharedSubscription: string, position: number, message: Message): void {
    this.given.push(message);
    super.groupEnqueued(sharedSubscription, position, message);
  }

  override retained(message: Message): void {
    this.given.push(message);
    super.retained(message);
  }

  /** While true, a page that is asked for comes when it is let go. */
  delaysPages = false;
  private readonly delayedPages: (() => void)[] = [];

  delayPages(): (() => void)[] {
    this.delaysPages = true;
    return this.delayedPages;
  }

  override async page(session: SessionKey, after: number, limit: number): Promise<readonly RestoredDelivery[]> {
    if (this.delaysPages) await new Promise<void>((resolve) => this.delayedPages.push(resolve));
    return super.page(session, after, limit);
  }

  override async pageGroup(sharedSubscription: string, after: number, limit: number): Promise<readonly RestoredDelivery[]> {
    if (this.delaysPages) await new Promise<void>((resolve) => this.delayedPages.push(resolve));
    return super.pageGroup(sharedSubscription, after, limit);
  }

  refuse(message: Message): void {
    this.asked!.refused(message);
  }

  become(condition: JournalCondition): void {
    this.condition = condition;
    this.asked!.conditionChanged();
  }
}

/** A node that can be ended as by `kill -9`: what its journal had not committed is gone, what outlives it is in `state`. */
export class Node {
  readonly state: MemoryJournalState;
  server!: Server;
  url!: string;
  /** While true, nothing is committed. */
  isStuck = false;
  journal!: ConditionalJournal;
  private isDead = false;
  private go: (() => void)[] = [];

  private constructor(state: MemoryJournalState) {
    this.state = state;
  }

  static async start(
    state: MemoryJournalState = new MemoryJournalState(),
    options: ServerOptions = {},
    parts: ServerParts = {},
  ): Promise<Node> {
    const node = new Node(state);
    const journal = new ConditionalJournal(state, () => node.commit());
    node.journal = journal;
    node.server = await createServer(
      { listeners: [{ type: 'tcp', name: 'tcp', port: 0 }], admin: { enabled: false, host: '127.0.0.1', port: 0 }, ...options },
      { ...parts, journal },
    );
    await node.server.start();
    node.url = node.server.addresses()[0].url;
    return node;
  }

  unstick(): void {
    this.isStuck = false;
    for (const go of this.go.splice(0)) go();
  }

  /** The process is gone; its sockets break. */
  async kill(): Promise<void> {
    this.isDead = true;
    this.journal.stop = () => Promise.resolve();
    for (const connection of [...this.server.broker.connections]) connection.stream.destroy();
    await this.server.stop();
  }

  async restart(options: ServerOptions = {}): Promise<Node> {
    await this.kill();
    return Node.start(this.state, options);
  }

  private commit(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        if (!this.isDead) resolve();
      };
      if (this.isStuck) this.go.push(done);
      else setTimeout(done, 1);
    });
  }
}

const nodes: Node[] = [];
export async function start(options: ServerOptions = {}, parts: ServerParts = {}): Promise<Node> {
  const node = await Node.start(new MemoryJournalState(), options, parts);
  nodes.push(node);
  return node;
}
export async function restart(node: Node, options: ServerOptions = {}): Promise<Node> {
  const next = await node.restart(options);
  nodes.push(next);
  return next;
}
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.kill();
});

export function persistent(
  node: Node,
  clientId: string,
  change: Partial<ConnectPacket> = {},
): Promise<Awaited<ReturnType<typeof RawClient.connected>>> {
  return RawClient.connected(node.url, { clientId, cleanStart: false, properties: { sessionExpiryInterval: 1000 }, ...change });
}

export function clean(
  node: Node,
  clientId: string,
  change: Partial<ConnectPacket> = {},
): Promise<Awaited<ReturnType<typeof RawClient.connected>>> {
  return RawClient.connected(node.url, { clientId, ...change });
}

export function publish(
  client: RawClient,
  topicName: string,
  text: string,
  qos: QoS,
  packetId: number,
  change: Partial<PublishPacket> = {},
): void {
  const payload = new TextEncoder().encode(text);
  client.send({ type: 'publish', topicName, payload, qos, packetId, dup: false, retain: false, ...change });
}

export const text = (packet: Packet): string => (packet.type === 'publish' ? new TextDecoder().decode(packet.payload) : packet.type);
