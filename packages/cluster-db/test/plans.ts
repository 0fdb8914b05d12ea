import { keyOfText, type LogStore } from '../src/index.js';
import { EndingKind } from '../src/rows.js';
import { type SqlDatabase, type SqlStatement } from '../src/sql/sql-database.js';
import {
  at,
  inboundRow,
  queueRow,
  record,
  reference,
  retainedRow,
  seatRow,
  sessionRow,
  shareQueueRow,
  subscriptionRow,
  willRow,
} from './samples.js';

/** The same database, and what it was asked: one statement for each different text. */
export function recording(database: SqlDatabase): { readonly database: SqlDatabase; readonly statements: Map<string, SqlStatement> } {
  const statements = new Map<string, SqlStatement>();
  const note = (statement: SqlStatement) => {
    if (!statements.has(statement.sql)) statements.set(statement.sql, statement);
  };
  const recorded: SqlDatabase = {
    query: (sql, values) => {
      note({ sql, values });
      return database.query(sql, values);
    },
    queryWhereWritten: (sql, values) => {
      note({ sql, values });
      return database.queryWhereWritten(sql, values);
    },
    transaction: (list) => {
      list.forEach(note);
      return database.transaction(list);
    },
    size: () => database.size(),
    diskFree: () => database.diskFree(),
    hasRoom: () => database.hasRoom(),
    maximumValueBytes: () => database.maximumValueBytes(),
    durability: () => database.durability(),
    close: () => database.close(),
  };
  return { database: recorded, statements };
}

/** More than 10,000 rows, in tables and parts of tables of different sizes. */
export async function fill(store: LogStore): Promise<void> {
  const clients = Array.from({ length: 500 }, (_, index) => `client ${index}`);
  const body = new Uint8Array(50);
  const small = { body };
  for (let from = 0; from < clients.length; from += 50) {
    const some = clients.slice(from, from + 50);
    await store.writeRows({
      put: {
        sessions: some.map((clientId) => sessionRow(clientId)),
        subs: some.flatMap((clientId) => [1, 2, 3].map((filter) => subscriptionRow(reference(clientId), `f/${filter}`))),
        outq: some.flatMap((clientId) => Array.from({ length: 15 }, (_, index) => queueRow(reference(clientId), index + 1, small))),
        inq2: some.flatMap((clientId) => [1, 2].map((packetId) => inboundRow(reference(clientId), packetId))),
        wills: some.map((clientId) => willRow(reference(clientId), small)),
        retained: some.map((clientId) => retainedRow(clientId, small)),
        shareq: some.flatMap((clientId) => [1, 2].map((pos) => shareQueueRow(`$share/${clientId}/t`, pos, small))),
        endings: some.map((clientId) => ({ ...reference(clientId, 9), kind: EndingKind.session, at: at(9) })),
      },
    });
  }
  for (let seq = 1; seq <= 300; seq += 1) await store.append({ seat: 0, epoch: 1, seq }, record('x'), {});
  await store.replaceSeat(undefined, seatRow());
}

/** Every call of a store that a running broker makes. */
export async function callAll(store: LogStore): Promise<void> {
  const session = reference('client 7');
  const rows = [500, 501].map((pos) => queueRow(session, pos));
  const group = '$share/client 8/t';
  const put = { outq: rows, subs: [subscriptionRow(session, 'new')], retained: [retainedRow('new')], shareq: [shareQueueRow(group, 77)] };
  await store.measures(0, 1);
  await store.append({ seat: 0, epoch: 1, seq: 301 }, record('y'), {
    put: { ...put, sessions: [sessionRow('new')], wills: [willRow(session, { at: at(50) })] },
  });
  await store.append({ seat: 0, epoch: 1, seq: 301 }, record('y'), {});
  await store.writeRows(
    {
      put: { inq2: [inboundRow(session, 40)] },
      queueStates: [{ ...session, pos: 500, packetId: 3, received: 0, at: at(60) }],
      removed: {
        sessions: [{ sid: keyOfText('client 3'), at: at(70) }],
        subs: [{ ...session, filterHash: keyOfText('new'), at: at(70) }],
        outq: Array.from({ length: 111 }, (_, index) => ({ ...session, pos: 500 + index * 2 })).concat(
          [801, 802, 803].map((pos) => ({ ...session, pos })),
        ),
        inq2: [{ ...session, packetId: 40, at: at(70) }],
        wills: [{ sid: session.sid, at: at(70) }],
        retained: [{ topicHash: keyOfText('new'), at: at(70) }],
        shareq: [77, 90, 91, 92].map((pos) => ({ groupHash: keyOfText(group), pos })),
      },
    },
    { seat: 0, epoch: 1, seq: 301 },
  );
  await store.readLog({ seat: 0, epoch: 1, seq: 290 }, 10, 100_000);
  await store.lastRecord(0, 1);
  const [first] = await store.readSessions(undefined, 20);
  await store.readSessions(first.session.sid, 20);
  await store.readQueue(session, 3, 5, 100_000);
  await store.readGroups(undefined, 5);
  await store.readShareQueue(keyOfText(group), 0, 5, 100_000);
  const [retained] = await store.readRetained(undefined, 5, 100_000);
  await store.readRetained(retained.topicHash, 5, 100_000);
  await store.readEndings(5);
  await store.removeEnded({ ...reference('client 9'), kind: EndingKind.session, at: at(90) }, 100);
  await store.removeEnded({ sid: keyOfText(group), incarnation: 0n, kind: EndingKind.group, at: at(90) }, 100);
  await store.readSeat(0);
  await store.replaceSeat(seatRow().attempt, seatRow({ attempt: keyOfText('next') }));
  await store.collect(0, 1, 100, 20);
}
