import { type Env, type JournalHost } from '@si-mqtt/session';
import { type LogStore } from '../log-store.js';
import { type SessionEntry } from '../record/entries.js';
import { decodeMessage } from '../record/stored-message.js';
import { type RetainedRow } from '../rows.js';
import { restoredSession, sessionEntry } from './restored.js';

const sessionsPerPage = 500;
const groupsPerPage = 500;
const retainedPerPage = 1000;
const pageBytesMax = 4 * 1024 * 1024;

/** Hands over what the tables hold, page by page; of queues only how long they are. `adopt` gets the state of each session. */
export async function restore(store: LogStore, env: Env, host: JournalHost, adopt: (state: SessionEntry) => void): Promise<void> {
  let after: Uint8Array | undefined;
  do {
    const page = await store.readSessions(after, sessionsPerPage);
    for (const rows of page) {
      adopt(sessionEntry(rows));
      host.restoreSession(restoredSession(rows));
    }
    after = page.at(-1)?.session.sid;
  } while (after !== undefined);
  await restoreRetained(store, env, host);
  do {
    const page = await store.readGroups(after, groupsPerPage);
    for (const { sharedSubscription, messages, bytes, lastPos } of page) {
      host.restoreGroup({ sharedSubscription, queuedMessages: messages, queuedBytes: bytes, lastPosition: lastPos });
    }
    after = page.at(-1)?.groupHash;
  } while (after !== undefined);
}

/** Expired messages are removed instead: nobody would ask for them again. */
async function restoreRetained(store: LogStore, env: Env, host: JournalHost): Promise<void> {
  let after: Uint8Array | undefined;
  do {
    const page = await store.readRetained(after, retainedPerPage, pageBytesMax);
    const now = env.now();
    const isExpired = ({ expiresAt }: RetainedRow) => expiresAt !== null && expiresAt <= now;
    for (const row of page) if (!isExpired(row)) host.restoreRetained(decodeMessage(row.body));
    const expired = page.filter(isExpired);
    if (expired.length > 0) await store.writeRows({ removed: { retained: expired.map(({ topicHash, at }) => ({ topicHash, at })) } });
    after = page.at(-1)?.topicHash;
  } while (after !== undefined);
}
