import {
  type Cluster,
  type ClusterHost,
  type ClusterStatus,
  type InterestChange,
  type Message,
  type MessageContent,
  Message as SessionMessage,
} from '@si-mqtt/session';
import { matches } from '../../src/history/matching.js';
import { type ClusterUnderTest } from '../../src/ports/cluster-suite.js';

/** What a node of this cluster does wrong. */
export type BusFault =
  | 'echoes'
  | 'forwards again'
  | 'loses'
  | 'doubles'
  | 'reorders'
  | 'answers before others know'
  | 'forgets shares'
  | 'loses properties'
  | 'drains nothing'
  | 'never acknowledges interest that ends';

/** Nodes in one process that tell each other everything after a moment: a double to test the suite with. */
export class BusNode implements Cluster {
  private readonly nodeId: string;
  private readonly bus: BusNode[];
  private readonly fault: BusFault | undefined;
  private host: ClusterHost | undefined;
  /** Filters and shares that each other node wants. */
  private readonly wanted = new Map<BusNode, Set<string>>();
  private underWay: Promise<unknown> = Promise.resolve();
  private published = 0;

  constructor(nodeId: string, bus: BusNode[], fault: BusFault | undefined) {
    this.nodeId = nodeId;
    this.bus = bus;
    this.fault = fault;
  }

  get remoteInterest(): boolean {
    return [...this.wanted.values()].some((filters) => filters.size > 0);
  }

  private get others(): BusNode[] {
    return this.bus.filter((node) => node !== this);
  }

  start(host: ClusterHost): Promise<void> {
    this.host = host;
    this.bus.push(this);
    return Promise.resolve();
  }

  async publish(message: Message): Promise<0 | 0x10> {
    const wanting = this.others.filter((node) => this.wants(node, message.topicName));
    if (this.fault === 'echoes') this.host!.deliver([message]);
    const n = ++this.published;
    const copy =
      this.fault === 'loses properties'
        ? SessionMessage.of({ ...message, payload: message.payload, properties: {} }, message.publisher, message.receivedAt)
        : message;
    const before = this.underWay;
    const delivered = (async () => {
      if (this.fault !== 'reorders') await before;
      await moment(this.fault === 'reorders' ? n % 5 : 0);
      for (const node of wanting) {
        if (this.fault === 'loses' && n % 20 === 19) continue;
        node.host?.deliver(this.fault === 'doubles' ? [copy, copy] : [copy]);
        if (this.fault === 'forwards again')
          for (const other of node.others) if (other !== this && node.wants(other, message.topicName)) other.host?.deliver([copy]);
      }
    })();
    this.underWay = delivered;
    if (this.fault !== 'drains nothing') await delivered;
    return wanting.length > 0 ? 0 : 0x10;
  }

  private wants(node: BusNode, topic: string): boolean {
    return [...(this.wanted.get(node) ?? [])].some((filter) => matches(filter.slice(filter.indexOf(' ') + 1), topic));
  }

  async updateInterest(changes: readonly InterestChange[]): Promise<void> {
    const told = (async () => {
      await moment(this.fault === 'answers before others know' ? 50 : 0);
      for (const { change, topicFilter, shareName = '' } of changes) {
        if (this.fault === 'never acknowledges interest that ends' && change === 'removed') continue;
        const key = `${this.fault === 'forgets shares' ? '' : shareName} ${topicFilter}`;
        for (const other of this.others) {
          const own = other.wanted.get(this) ?? new Set();
          other.wanted.set(this, own);
          if (change === 'added') own.add(key);
          else own.delete(key);
        }
      }
    })();
    if (this.fault !== 'answers before others know') await told;
  }

  status(): ClusterStatus {
    const peers = this.others.map(({ nodeId }) => ({ nodeId, connected: true, lagMilliseconds: 0 }));
    return { ready: this.host !== undefined, peers };
  }

  async drain(_deadlineSeconds: number): Promise<void> {
    if (this.fault !== 'drains nothing') await this.underWay;
  }

  stop(): Promise<void> {
    if (this.fault === 'drains nothing') for (const node of this.others) node.host = undefined;
    this.host = undefined;
    this.bus.splice(this.bus.indexOf(this), 1);
    for (const node of this.bus) node.wanted.delete(this);
    return Promise.resolve();
  }
}

export function busCluster(nodes: number, fault?: BusFault): Promise<ClusterUnderTest> {
  const bus: BusNode[] = [];
  const message = (content: Partial<MessageContent> & { readonly topicName: string }) =>
    SessionMessage.of(
      { payload: new Uint8Array(), qos: 0, retain: false, ...content },
      { clientId: 'publisher', userName: 'user' },
      1_700_000_000_000,
    );
  return Promise.resolve({
    nodes: Array.from({ length: nodes }, (_, index) => new BusNode(`node ${index}`, bus, fault)),
    message,
    stop: () => Promise.resolve(),
  });
}

function moment(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
