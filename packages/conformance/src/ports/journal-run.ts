import {
  type ConnectedState,
  type Journal,
  type JournaledDelivery,
  type Message,
  type MessageContent,
  type RestoredGroup,
  type RestoredSession,
  type SessionKey,
  type Subscription,
} from '@si-mqtt/session';
import { expect } from 'vitest';

/** A journal under test, and the storage below it. */
export interface JournalUnderTest {
  /** A journal on the storage, not started. An earlier one has been stopped, or is given up as if its process had died. */
  readonly open: () => Promise<Journal>;
  readonly message: (content: Partial<MessageContent> & { readonly topicName: string }) => Message;
  readonly stop: () => Promise<void>;
}

/** Within this time ends of deliveries are committed. */
const endsMilliseconds = 200;

/** One run of a node: its journal, and what it was given at the start. */
export class Run {
  readonly sessions: Map<string, RestoredSession> = new Map();
  readonly groups: Map<string, RestoredGroup> = new Map();
  readonly retained: Map<string, string> = new Map();
  readonly committed: number[] = [];
  turns = 0;
  private operations = 0;
  readonly journal: Journal;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  async start(): Promise<this> {
    await this.journal.start({
      restoreSession: (session) => void this.sessions.set(session.clientId, session),
      restoreRetained: (message) => void this.retained.set(message.topicName, textOf(message)),
      restoreGroup: (group) => void this.groups.set(group.sharedSubscription, group),
      turnBegan: () => void this.turns++,
      committed: () => void this.committed.push(this.journal.committedBatch),
      conditionChanged: () => undefined,
      refused: (message) => {
        throw new Error(`the journal refuses ${message.topicName}`);
      },
      fenced: (reason) => {
        throw new Error(`fenced: ${reason}`);
      },
    });
    return this;
  }

  /** Ends the turn, and waits until everything that was recorded is committed. */
  async commit(): Promise<void> {
    const { operations, openBatch: wanted } = this.journal;
    this.journal.endTurn();
    if (operations === this.operations) {
      // Nothing but ends of deliveries: nobody waits for those, they are committed soon.
      await new Promise((resolve) => setTimeout(resolve, endsMilliseconds));
      return;
    }
    this.operations = operations;
    const deadline = Date.now() + 10_000;
    while (this.journal.committedBatch < wanted) {
      if (Date.now() > deadline) throw new Error(`batch ${wanted} is not committed after 10 s`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async queued(session: SessionKey, limit: number = 2): Promise<{ text: string; packetId: number; isReceived: boolean }[]> {
    const found: { text: string; packetId: number; isReceived: boolean }[] = [];
    for (let after = 0; ; ) {
      const page = await this.journal.page(session, after, limit);
      expect(page.length).toBeLessThanOrEqual(limit);
      if (page.length === 0) return found;
      for (const { message, packetId, isReceived } of page) found.push({ text: textOf(message), packetId, isReceived });
      after = page.at(-1)!.position;
    }
  }

  async texts(session: SessionKey): Promise<string[]> {
    return (await this.queued(session)).map(({ text }) => text);
  }
}

export async function run(under: JournalUnderTest): Promise<Run> {
  return new Run(await under.open()).start();
}

export function textOf(message: Message): string {
  return new TextDecoder().decode(message.payload);
}

export const connectedState: ConnectedState = { userName: 'user', protocolVersion: 5, sessionExpiryInterval: 300, will: undefined };

export function begin({ journal }: Run, clientId: string, change: Partial<ConnectedState> = {}): SessionKey {
  const session = { clientId, incarnation: journal.nextIncarnation() };
  journal.connected(session, { ...connectedState, ...change });
  return session;
}

export function subscription(requested: string, change: Partial<Subscription> = {}): Subscription {
  const unshared = requested.startsWith('$share/') ? requested.split('/').slice(2).join('/') : requested;
  return {
    requested,
    topicFilter: unshared,
    shareName: requested.startsWith('$share/') ? requested.split('/')[1] : undefined,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    subscriptionIdentifier: 0,
    mayReceive: undefined,
    ...change,
  };
}

export function delivery(
  { journal }: Run,
  { message }: JournalUnderTest,
  number: number,
  text: string,
  change: Partial<JournaledDelivery> = {},
): JournaledDelivery {
  const qos = change.qos ?? 1;
  return {
    position: journal.firstPosition + number,
    message: message({ topicName: 't', payload: new TextEncoder().encode(text), qos }),
    qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    sharedSubscription: undefined,
    packetId: 0,
    ...change,
  };
}
