import { ReasonCode } from '@si-mqtt/codec';
import { MemoryJournal, MemoryJournalState, SingleNode } from '@si-mqtt/session';
import { expect, it } from 'vitest';
import { createServer } from '../src/index.js';
import { RawClient } from './raw-client.js';

/** Other nodes that want everything, and take as long as the test does. */
class SlowCluster extends SingleNode {
  override readonly remoteInterest = true;
  readonly outcomes: ((reasonCode: ReasonCode) => void)[] = [];

  override publish(): Promise<ReasonCode> {
    return new Promise((resolve) => this.outcomes.push(resolve));
  }
}

class NotedJournal extends MemoryJournal {
  readonly noted: string[] = [];

  override inboundReceived(...what: Parameters<MemoryJournal['inboundReceived']>): void {
    this.noted.push(what[0].clientId);
    super.inboundReceived(...what);
  }
}

it('the outcome of a publication whose session has ended meanwhile leaves nothing in the store', async () => {
  const cluster = new SlowCluster();
  const journal = new NotedJournal(new MemoryJournalState());
  const server = await createServer({ sys: { enabled: false, intervalSeconds: 10 } }, { cluster, journal });
  await server.start();
  try {
    const { url } = server.addresses()[0];
    const persistent = { clientId: 'publisher', properties: { sessionExpiryInterval: 100 } } as const;
    const client = await RawClient.connected(url, persistent);
    const publication = { type: 'publish', topicName: 'a', payload: new Uint8Array(1), dup: false, retain: false, qos: 2 } as const;
    client.send({ ...publication, packetId: 1 });
    await expect.poll(() => cluster.outcomes.length).toBe(1);
    const anew = await RawClient.connected(url, persistent);
    cluster.outcomes[0](ReasonCode.success);
    expect(await anew.settled()).toEqual([]);
    expect(journal.noted).toEqual([]);
    // That of the new session does.
    anew.send({ ...publication, packetId: 1 });
    await expect.poll(() => cluster.outcomes.length).toBe(2);
    cluster.outcomes[1](ReasonCode.success);
    expect(await anew.next('pubrec')).toMatchObject({ packetId: 1, reasonCode: 0 });
    expect(journal.noted).toEqual(['publisher']);
  } finally {
    await server.stop();
  }
});
