import {
  type Env,
  MemoryJournal,
  MemoryJournalState,
  MemoryRetained,
  MemorySessions,
  Message,
  type MessageContent,
} from '@si-mqtt/session';
import { journalSuite, retainedStoreSuite, type StoreUnderTest, sessionStoreSuite } from '../src/vitest.js';

/** A store whose clock stands still unless it is moved. */
function under<Store>(create: (env: Env) => Store): Promise<StoreUnderTest<Store>> {
  let now = 1_700_000_000_000;
  const env: Env = { now: () => now, monotonic: () => now, random: () => 0.5, sleep: () => Promise.resolve() };
  const message = (content: Partial<MessageContent> & { readonly topicName: string }) =>
    Message.of({ payload: new Uint8Array(), qos: 0, retain: false, ...content }, { clientId: 'publisher', userName: 'user' }, now);
  return Promise.resolve({
    store: create(env),
    advance: (milliseconds) => {
      now += milliseconds;
    },
    message,
    stop: () => Promise.resolve(),
  });
}

retainedStoreSuite({
  name: 'MemoryRetained',
  start: ({ messagesMax }) => under((env) => new MemoryRetained(env, { retainedMessagesMax: messagesMax, retainedBytesMax: 1e9 })),
});

sessionStoreSuite({ name: 'MemorySessions', start: () => under((env) => new MemorySessions(env)) });

journalSuite({
  name: 'MemoryJournal',
  start: async () => {
    const { message, stop } = await under(() => undefined);
    const state = new MemoryJournalState();
    // The commit of a real store takes a while, too.
    const commit = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
    return { open: () => Promise.resolve(new MemoryJournal(state, commit)), message, stop };
  },
});
