import { SingleNode } from '@si-mqtt/session';
import { describe, expect, test } from 'vitest';
import { clusterTests, StartedNodes } from '../../src/ports/cluster-suite.js';
import { clusterSuite } from '../../src/vitest.js';
import { type BusFault, busCluster } from './bus-cluster.js';

clusterSuite({
  name: 'SingleNode',
  // A cluster of one: what needs other nodes is skipped.
  nodesMax: 1,
  start: async () => ({ ...(await busCluster(0)), nodes: [new SingleNode()] }),
});

clusterSuite({ name: 'a cluster without a fault', start: (nodes) => busCluster(nodes) });

/** Deliberate faults, each with a test that must notice it. */
const faults: Readonly<Record<BusFault, string>> = {
  echoes: 'what nobody wants is answered by 0x10, at every QoS, and comes back to nobody',
  'forwards again': 'messages of one node arrive in the order of the calls, whatever their sizes',
  loses: 'messages of one node arrive in the order of the calls, whatever their sizes',
  doubles: 'a message goes to every node that wants it, once, and to no other',
  reorders: 'messages of one node arrive in the order of the calls, whatever their sizes',
  'answers before others know': 'interest is known to the others when it was answered',
  'forgets shares': 'interest of a share counts as well, and lasts until its own removal',
  'loses properties': 'a message arrives as it was: topic, payload, QoS, RETAIN, properties, publisher, time',
  'drains nothing': 'what was published before drain has arrived when it ends',
  'never acknowledges interest that ends': 'interest of a share counts as well, and lasts until its own removal',
};

describe('the suite notices a cluster that', () => {
  for (const [fault, title] of Object.entries(faults)) {
    test(fault, async () => {
      const one = clusterTests.find((candidate) => candidate.title === title)!;
      const run = async () => {
        const nodes = await StartedNodes.start(await busCluster(one.nodes, fault as BusFault), 300);
        try {
          await one.run(nodes);
        } finally {
          await nodes.stop();
        }
      };
      await expect(run()).rejects.toThrow();
    });
  }
});
