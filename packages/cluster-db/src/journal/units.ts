import { type EncodedMessage, type Entry } from '../record/entries.js';
import { type Changes } from './changes.js';

/** What only makes sense together: it goes into one record. */
export interface Unit {
  readonly entries: Entry[];
  bytes: number;
}

export type Removal = Extract<Entry, { kind: 'finished' | 'groupFinished' }>;

/** A record grows up to here, unless a single unit is larger. */
const recordBytesMax = 1024 * 1024;
const recordRowsMax = 1000;

export function isRemoval(entry: Entry): entry is Removal {
  return entry.kind === 'finished' || entry.kind === 'groupFinished';
}

/** True: what it removes was made by the same changes. */
export function finish(changes: Changes, removal: Removal): boolean {
  return removal.kind === 'finished'
    ? changes.finish(removal.session, removal.position)
    : changes.finishInGroup(removal.sharedSubscription, removal.position);
}

/** Where the record ends that begins with the unit `from`. */
export function endOfRecord(units: readonly Unit[], from: number): number {
  let to = from;
  let bytes = 0;
  let entries = 0;
  do {
    bytes += units[to].bytes;
    entries += units[to].entries.length;
    to++;
  } while (to < units.length && bytes + units[to].bytes <= recordBytesMax && entries + units[to].entries.length <= recordRowsMax);
  return to;
}

export function halves<Item>(items: readonly Item[]): [Item[], Item[]] {
  const half = items.length >> 1;
  return [items.slice(0, half), items.slice(half)];
}

export function messagesOf({ entries }: Unit): Set<EncodedMessage> {
  const messages = new Set<EncodedMessage>();
  for (const entry of entries) if ('message' in entry) messages.add(entry.message);
  return messages;
}

/** That a QoS 2 PUBLISH was taken goes with its message: else its client, who sends it again, would be told that it is there. */
export function withoutMessages({ entries }: Unit): Unit {
  return { entries: entries.filter((entry) => !('message' in entry) && entry.kind !== 'inboundReceived'), bytes: 0 };
}
