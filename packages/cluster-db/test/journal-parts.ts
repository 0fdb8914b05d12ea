import { type JournalUnderTest, journalSuite } from '@si-mqtt/conformance/vitest';
import { type JournalHost, Message } from '@si-mqtt/session';
import { type LogStore, StoreJournal } from '../src/index.js';
import { realEnv } from './real-env.js';

/** A node that takes no notice of what its journal says. */
export const silentHost: JournalHost = {
  restoreSession: () => undefined,
  restoreRetained: () => undefined,
  restoreGroup: () => undefined,
  turnBegan: () => undefined,
  committed: () => undefined,
  conditionChanged: () => undefined,
  refused: ({ topicName }) => {
    throw new Error(`refused: ${topicName}`);
  },
  fenced: (reason) => {
    throw new Error(reason);
  },
};

/** A database of one test, and what it takes to open a store on it. */
export interface DatabaseUnderTest {
  readonly open: () => Promise<LogStore>;
  readonly remove: () => Promise<void>;
}

/** The suite of the journal on a kind of store, in both modes. */
export function storeJournalSuites(name: string, newDatabase: () => Promise<DatabaseUnderTest>): void {
  for (const lazy of [false, true]) {
    journalSuite({
      name: `StoreJournal on ${name}, ${lazy ? 'lazy' : 'eager'}`,
      start: async () => {
        const { open, remove } = await newDatabase();
        const stores: LogStore[] = [];
        return {
          open: async () => {
            const store = await open();
            stores.push(store);
            return new StoreJournal(store, realEnv, { watchMilliseconds: 0, lazy });
          },
          message: journalMessage,
          stop: async () => {
            await Promise.all(stores.map((store) => store.close()));
            await remove();
          },
        };
      },
    });
  }
}

export const journalMessage: JournalUnderTest['message'] = (content) => {
  const whole = { payload: new Uint8Array(), qos: 0, retain: false, ...content } as const;
  return Message.of(whole, { clientId: 'publisher', userName: 'user' }, Date.now());
};
