import { type Cluster, type ClusterHost, type InterestChange, type Message, type MessageContent } from '@si-mqtt/session';
import { afterEach, describe, expect, test } from 'vitest';

/** Nodes of one cluster, not yet started, and what the tests need beside them. */
export interface ClusterUnderTest {
  readonly nodes: readonly Cluster[];
  /** A message that is received now; the publisher is called `publisher` unless it says otherwise. */
  readonly message: (content: Partial<MessageContent> & { readonly topicName: string }) => Message;
  /** Ends what `stop` of the nodes leaves behind. */
  readonly stop: () => Promise<void>;
}

export interface ClusterSuiteOptions {
  readonly name: string;
  /** A new cluster of that many nodes for every test. */
  readonly start: (nodes: number) => Promise<ClusterUnderTest>;
  /** Tests that are not run, each with its reason. An entry that matches nothing fails. */
  readonly skip?: readonly { readonly title: string; readonly reason: string }[];
  /** The most nodes that there can be; tests that need more are skipped. Default 3. */
  readonly nodesMax?: number;
  /** Milliseconds that a message, or news of an interest, may take to another node; default 2000. */
  readonly timeoutMilliseconds?: number;
}

/** What every Cluster has to do (packages/session/src/ports/cluster.ts). `handOver` belongs to the sessions, which have a suite of their own. */
export function clusterSuite(options: ClusterSuiteOptions): void {
  const { name, start, skip = [], nodesMax = 3, timeoutMilliseconds = 2000 } = options;
  for (const { title } of skip) if (!clusterTests.some((one) => one.title === title)) throw new Error(`nothing to skip for ${title}`);
  describe(name, () => {
    let nodes: StartedNodes | undefined;
    afterEach(() => nodes?.stop());
    for (const one of clusterTests) {
      const reason = one.nodes > nodesMax ? `there are ${one.nodes} nodes in it` : skip.find(({ title }) => title === one.title)?.reason;
      test(one.title, async (context) => {
        if (reason !== undefined) context.skip(reason);
        nodes = await StartedNodes.start(await start(one.nodes), timeoutMilliseconds);
        await one.run(nodes);
      });
    }
  });
}

/** The nodes of one test, each with a host that writes down what it is given. */
export class StartedNodes {
  readonly nodes: readonly Cluster[];
  readonly message: ClusterUnderTest['message'];
  /** What each node was given to deliver, in order. */
  readonly delivered: readonly Message[][];
  private readonly under: ClusterUnderTest;
  private readonly timeoutMilliseconds: number;
  private readonly stopped = new Set<Cluster>();

  private constructor(under: ClusterUnderTest, timeoutMilliseconds: number) {
    this.under = under;
    this.timeoutMilliseconds = timeoutMilliseconds;
    this.nodes = under.nodes;
    this.message = under.message;
    this.delivered = under.nodes.map(() => []);
  }

  static async start(under: ClusterUnderTest, timeoutMilliseconds: number): Promise<StartedNodes> {
    const started = new StartedNodes(under, timeoutMilliseconds);
    await Promise.all(
      under.nodes.map((node, index) => {
        const host: ClusterHost = {
          deliver: (messages) => void started.delivered[index].push(...messages),
          handOver: () => Promise.resolve(),
        };
        return node.start(host);
      }),
    );
    await started.eventually('every node is ready and knows its peers', () =>
      under.nodes.every(
        (node) => node.status().ready && node.status().peers.filter(({ connected }) => connected).length === under.nodes.length - 1,
      ),
    );
    return started;
  }

  /** Waits until it is so. */
  async eventually(what: string, isSo: () => boolean): Promise<void> {
    const end = performance.now() + this.timeoutMilliseconds;
    while (!isSo()) {
      if (performance.now() > end) throw new Error(`not within ${this.timeoutMilliseconds} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async interest(
    node: number,
    ...changes: readonly (readonly [change: InterestChange['change'], topicFilter: string, shareName?: string])[]
  ): Promise<void> {
    await this.nodes[node].updateInterest(changes.map(([change, topicFilter, shareName]) => ({ change, topicFilter, shareName })));
  }

  async publish(node: number, topicName: string, text: string, qos: 0 | 1 | 2 = 1): Promise<number> {
    return this.nodes[node].publish(this.message({ topicName, payload: new TextEncoder().encode(text), qos }));
  }

  texts(node: number): string[] {
    return this.delivered[node].map(({ payload }) => new TextDecoder().decode(payload));
  }

  /** Waits for these payloads, in this order, and that nothing else comes for a moment. */
  async expectTexts(node: number, expected: readonly string[]): Promise<void> {
    await this.eventually(`${expected.length} messages at node ${node}`, () => this.delivered[node].length >= expected.length);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(this.texts(node)).toEqual(expected);
  }

  async leave(node: number): Promise<void> {
    this.stopped.add(this.nodes[node]);
    await this.nodes[node].drain(1);
    await this.nodes[node].stop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.filter((node) => !this.stopped.has(node)).map((node) => node.stop()));
    await this.under.stop();
  }
}

export interface ClusterTest {
  readonly title: string;
  readonly nodes: number;
  readonly run: (nodes: StartedNodes) => Promise<void>;
}

function numbers(count: number): string[] {
  return Array.from(Array(count).keys(), String);
}

export const clusterTests: readonly ClusterTest[] = [
  {
    title: 'a node that is alone is ready, has no peers and wants nothing',
    nodes: 1,
    run: ({ nodes: [node] }) => {
      expect([node.status(), node.remoteInterest]).toEqual([{ ready: true, peers: [] }, false]);
      return Promise.resolve();
    },
  },
  {
    title: 'what nobody wants is answered by 0x10, at every QoS, and comes back to nobody',
    nodes: 1,
    run: async (cluster) => {
      for (const qos of [0, 1, 2] as const) expect(await cluster.publish(0, 'a', 'x', qos)).toBe(0x10);
      await cluster.interest(0, ['added', '#']);
      expect(await cluster.publish(0, 'a', 'own'), 'the own interest is the server’s').toBe(0x10);
      expect(cluster.nodes[0].remoteInterest).toBe(false);
      await cluster.expectTexts(0, []);
    },
  },
  {
    title: 'interest may be told again, and removed though it is unknown',
    nodes: 1,
    run: async (cluster) => {
      await cluster.interest(0, ['added', 'a/+'], ['added', 'a/+'], ['removed', 'never'], ['removed', 'a/+'], ['removed', 'a/+']);
      await cluster.interest(0);
      await cluster.interest(0, ['added', 'a/+', 'share'], ['removed', 'a/+', 'share']);
    },
  },
  {
    title: 'drain ends within its deadline, and stop after it',
    nodes: 1,
    run: async (cluster) => {
      const begun = performance.now();
      await cluster.leave(0);
      expect(performance.now() - begun).toBeLessThan(2000);
    },
  },
  {
    title: 'interest is known to the others when it was answered',
    nodes: 3,
    run: async (cluster) => {
      expect(cluster.nodes.map((node) => node.remoteInterest)).toEqual([false, false, false]);
      await cluster.interest(2, ['added', 'a/+']);
      expect([0, 1].map((node) => cluster.nodes[node].remoteInterest)).toEqual([true, true]);
      expect(await Promise.all([cluster.publish(0, 'a/b', 'first'), cluster.publish(1, 'a/c', 'second')])).toEqual([0, 0]);
      await cluster.eventually('both messages', () => cluster.delivered[2].length === 2);
      expect(cluster.texts(2).sort()).toEqual(['first', 'second']);
    },
  },
  {
    title: 'a message goes to every node that wants it, once, and to no other',
    nodes: 3,
    run: async (cluster) => {
      await cluster.interest(1, ['added', 'a/#'], ['added', 'a/+'], ['added', 'a/b']);
      await cluster.interest(2, ['added', 'b']);
      expect(await cluster.publish(0, 'a/b', 'x')).toBe(0);
      await cluster.expectTexts(1, ['x']);
      await cluster.expectTexts(2, []);
      await cluster.expectTexts(0, []);
      expect(await cluster.publish(0, 'c', 'nobody')).toBe(0x10);
      expect(await cluster.publish(1, 'b', 'y')).toBe(0);
      await cluster.expectTexts(2, ['y']);
      await cluster.expectTexts(1, ['x']);
    },
  },
  {
    title: 'a topic that begins with $ does not match a wildcard at the start',
    nodes: 2,
    run: async (cluster) => {
      await cluster.interest(1, ['added', '#'], ['added', '+/x']);
      expect(await cluster.publish(0, '$SYS/x', 'hidden')).toBe(0x10);
      await cluster.publish(0, 'a/x', 'seen');
      await cluster.expectTexts(1, ['seen']);
    },
  },
  {
    title: 'interest of a share counts as well, and lasts until its own removal',
    nodes: 2,
    run: async (cluster) => {
      await cluster.interest(1, ['added', 'a', 'g'], ['added', 'a']);
      await cluster.interest(1, ['removed', 'a']);
      expect(await cluster.publish(0, 'a', 'x')).toBe(0);
      await cluster.expectTexts(1, ['x']);
      await cluster.interest(1, ['removed', 'a', 'g']);
      await cluster.eventually('no interest any more', () => !cluster.nodes[0].remoteInterest);
      expect(await cluster.publish(0, 'a', 'y')).toBe(0x10);
      await cluster.expectTexts(1, ['x']);
    },
  },
  {
    title: 'a message arrives as it was: topic, payload, QoS, RETAIN, properties, publisher, time',
    nodes: 2,
    run: async (cluster) => {
      await cluster.interest(1, ['added', '#']);
      const properties = {
        contentType: 'text/ä',
        userProperties: [
          ['k', 'v'],
          ['k', ''],
        ] as const,
        correlationData: Uint8Array.of(0, 255),
        messageExpiryInterval: 77,
      };
      const sent = [0, 1, 2].map((qos) =>
        cluster.message({
          topicName: 'ä/\u{10ffff}',
          payload: Uint8Array.of(0, qos, 255),
          qos: qos as 0 | 1 | 2,
          retain: qos === 1,
          properties,
        }),
      );
      for (const message of sent) await cluster.nodes[0].publish(message);
      await cluster.eventually('three messages', () => cluster.delivered[1].length === 3);
      for (const [index, message] of cluster.delivered[1].entries()) {
        const { topicName, qos, retain, publisher, receivedAt, properties: arrived } = sent[index];
        expect(message).toMatchObject({
          topicName,
          qos,
          retain,
          receivedAt,
          publisher: { clientId: publisher.clientId, userName: publisher.userName },
        });
        expect([...message.payload]).toEqual([0, index, 255]);
        expect(message.properties).toEqual(arrived);
      }
    },
  },
  {
    title: 'messages of one node arrive in the order of the calls, whatever their sizes',
    nodes: 3,
    run: async (cluster) => {
      for (const node of [1, 2]) await cluster.interest(node, ['added', '#']);
      const expected = numbers(200);
      const answers = await Promise.all(
        expected.map((text) => cluster.publish(0, 'a', text.padEnd(Number(text) % 7 === 0 ? 20_000 : 1, ' '))),
      );
      expect(new Set(answers)).toEqual(new Set([0]));
      for (const node of [1, 2]) {
        await cluster.eventually('all messages', () => cluster.delivered[node].length >= expected.length);
        expect(cluster.texts(node).map((text) => text.trim())).toEqual(expected);
      }
    },
  },
  {
    title: 'what was published before drain has arrived when it ends',
    nodes: 2,
    run: async (cluster) => {
      await cluster.interest(1, ['added', '#']);
      const answers = numbers(50).map((text) => cluster.publish(0, 'a', text));
      await cluster.leave(0);
      expect(new Set(await Promise.all(answers))).toEqual(new Set([0]));
      await cluster.expectTexts(1, numbers(50));
    },
  },
  {
    title: 'a node that has left wants nothing, and holds nobody up',
    nodes: 3,
    run: async (cluster) => {
      await cluster.interest(1, ['added', '#']);
      await cluster.interest(2, ['added', 'b']);
      await cluster.leave(1);
      const connectedPeers = () => cluster.nodes[0].status().peers.filter(({ connected }) => connected);
      await cluster.eventually('the peer is gone', () => connectedPeers().length === 1);
      expect(await cluster.publish(0, 'b', 'x')).toBe(0);
      await cluster.expectTexts(2, ['x']);
      await cluster.expectTexts(1, []);
    },
  },
];
