import { type LogStore } from '../log-store.js';
import { atOf, type LogPosition } from '../position.js';
import { type Entry } from '../record/entries.js';
import { readRecord } from '../record/record.js';
import { type RowChanges } from '../rows.js';
import { Changes, nameOf, withOneReference } from './changes.js';

const recordsPerPage = 100;
const pageBytesMax = 4 * 1024 * 1024;

/**
 * Makes the rows that an epoch which has ended left out: those of its last record, where rows follow their record, and all lazy deliveries that were
 * not known to be over. Done again it comes to the same, for nothing else is written before it is done.
 *
 * @param carriedOut everything up to here is in the tables but for lazy deliveries
 */
export async function replay(store: LogStore, seat: number, epoch: number, carriedOut: number): Promise<void> {
  const last = await store.lastRecord(seat, epoch);
  if (last === undefined) return;
  // A record is carried out before the next one is written.
  const wholeFrom = store.rowsWithRecord ? Infinity : Math.max(last.seq, carriedOut + 1);
  const packetIds = new LazyPacketIds();
  for (let seq = last.derived; ; ) {
    const records = await store.readLog({ seat, epoch, seq }, recordsPerPage, pageBytesMax);
    if (records.length === 0) return;
    for (const { position, body } of records) {
      const isWhole = position.seq >= wholeFrom;
      const changes = changesOf(position, body, isWhole, packetIds);
      if (isWhole) await store.writeRows(changes, position);
      else if (changes !== nothing) await store.writeRows(changes);
      seq = position.seq;
    }
  }
}

const nothing: RowChanges = {};

function changesOf(position: LogPosition, body: Uint8Array, isWhole: boolean, packetIds: LazyPacketIds): RowChanges {
  const changes = new Changes();
  for (const [index, entry] of withOneReference(readRecord(body)).entries()) {
    packetIds.take(entry, changes);
    if (isWhole || entry.kind === 'enqueuedLazily' || entry.kind === 'finished' || entry.kind === 'ended')
      changes.add(entry, atOf(0, position, index));
  }
  return changes.rows === 0 ? nothing : changes.toRowChanges();
}

/** A packet identifier is given again only when its delivery is over: a lazy one, whose end is not in the log, ends where that is seen. */
class LazyPacketIds {
  /** Positions of lazy deliveries by session and packet identifier. */
  private readonly positions: Map<string, number> = new Map();

  take(entry: Entry, changes: Changes): void {
    const isGiven = entry.kind === 'enqueued' || entry.kind === 'enqueuedLazily' || (entry.kind === 'wentOn' && !entry.received);
    if (!isGiven || entry.packetId === 0) return;
    const { session, packetId, position } = entry;
    const name = `${nameOf(session.sid)}${session.incarnation}/${packetId}`;
    const earlier = this.positions.get(name);
    if (earlier !== undefined) changes.finish(session, earlier);
    if (entry.kind === 'enqueuedLazily') this.positions.set(name, position);
    else if (earlier !== undefined) this.positions.delete(name);
  }
}
