import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { compareBytes, keyOfText, type LogPosition, type LogStore, SessionRowState, WillRowState } from '../src/index.js';
import {
  at,
  inboundRow,
  messageBytes,
  origin,
  queueRow,
  record,
  retainedRow,
  seatRow,
  sessionKey,
  sessionRow,
  shareQueueRow,
  subscriptionRow,
  willRow,
} from './samples.js';

/** A database that starts empty and can be opened again. */
export interface StoreUnderTest {
  /** Opens it; what an earlier store wrote is there. The earlier one was closed. */
  open(): Promise<LogStore>;
  remove(): Promise<void>;
}

const first: LogPosition = { seat: 0, epoch: 1, seq: 1 };
const megabyte = 1 << 20;

/** Drivers return bytes as Buffer, Binary or Uint8Array; what counts is what they hold. */
function plain<Value>(value: Value): Value {
  if (value instanceof Uint8Array) return new Uint8Array(value) as Value;
  if (Array.isArray(value)) return value.map(plain) as Value;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)])) as Value;
}

const positions = (rows: readonly { readonly pos: bigint }[]) => rows.map(({ pos }) => pos);
const position = (seq: number, epoch = 1): LogPosition => ({ seat: 0, epoch, seq });

/** What every LogStore does. */
export function logStoreSuite(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a LogStore`, () => {
    let underTest: StoreUnderTest | undefined;
    let store: LogStore;
    beforeEach(async () => {
      await store?.close();
      await underTest?.remove();
      underTest = await create();
      store = await underTest.open();
    });
    afterAll(async () => {
      await store?.close();
      await underTest?.remove();
    });
    const reopen = async () => {
      await store.close();
      store = await underTest!.open();
    };
    const append = (seq: number, text: string, changes = {}, derived = 0) => store.append(position(seq), record(text, derived), changes);

    describe('log', () => {
      it('gives records back in their order, also after it was opened again', async () => {
        for (const seq of [1, 2, 3]) expect(await append(seq, `record ${seq}`, {}, seq - 1)).toBe('committed');
        await reopen();
        const records = await store.readLog(position(0), 10, megabyte);
        expect(records.map(plain)).toEqual(
          [1, 2, 3].map((seq) => ({ position: position(seq), ...plain(record(`record ${seq}`, seq - 1)) })),
        );
        expect(await store.lastRecord(0, 1)).toEqual({ seq: 3, derived: 2 });
        expect(await store.lastRecord(0, 2)).toBeUndefined();
      });

      it('pages by number and by bytes, and gives at least one', async () => {
        for (const seq of [1, 2, 3, 4]) await append(seq, 'x'.repeat(1000));
        expect((await store.readLog(position(1), 2, megabyte)).map((stored) => stored.position.seq)).toEqual([2, 3]);
        expect((await store.readLog(position(0), 10, 2500)).map((stored) => stored.position.seq)).toEqual([1, 2]);
        expect((await store.readLog(position(2), 10, 1)).map((stored) => stored.position.seq)).toEqual([3]);
      });

      it('takes the same record again, without a second effect', async () => {
        const session = sessionKey('a');
        const changes = { put: { outq: [queueRow(session, 1n)] } };
        expect(await append(1, 'one', changes)).toBe('committed');
        await store.writeRows({ removed: { outq: [queueRow(session, 1n)] } }, first);
        if (store.rowsWithRecord) {
          expect(await append(1, 'one', changes)).toBe('committed');
          expect(await store.readQueue(session, 0n, 10, megabyte)).toEqual([]);
        }
        expect(await append(1, 'one')).toBe('committed');
        expect(await store.readLog(position(0), 10, megabyte)).toHaveLength(1);
      });

      it('holds what it says behind a position: other bytes are fenced, and none of their rows is written', async () => {
        const session = sessionKey('a');
        await append(1, 'one');
        expect(await append(1, 'other', { put: { outq: [queueRow(session, 7n)] } })).toBe('fenced');
        expect(await store.readQueue(session, 0n, 10, megabyte)).toEqual([]);
      });

      it('keeps a record of one large message', async () => {
        const large = record('y'.repeat(megabyte));
        expect(await store.append(first, large, {})).toBe('committed');
        const [stored] = await store.readLog(position(0), 1, 1);
        expect(compareBytes(stored.body, large.body)).toBe(0);
      });

      it('is sealed at its end, for good', async () => {
        for (const seq of [1, 2, 3]) await append(seq, `record ${seq}`);
        expect(await store.seal(0, 1, 1)).toBe(4);
        expect(await append(4, 'too late', { put: { retained: [retainedRow('t')] } })).toBe('fenced');
        expect(await store.seal(0, 1, 2)).toBe(4);
        expect(await store.readRetainedPage(undefined, 10, megabyte)).toEqual([]);
        expect((await store.readLog(position(0), 10, megabyte)).map((stored) => stored.position.seq)).toEqual([1, 2, 3]);
        expect(await store.lastRecord(0, 1)).toEqual({ seq: 3, derived: 0 });
        expect(await store.append(position(1, 2), record('next epoch'), {})).toBe('committed');
      });

      it('is sealed at its first position if it has no records', async () => {
        expect(await store.seal(0, 1, 1)).toBe(1);
        expect(await append(1, 'too late')).toBe('fenced');
      });

      it('is collected in batches, below a position only, and sealed from its floor', async () => {
        for (const seq of [1, 2, 3, 4, 5]) await append(seq, `record ${seq}`);
        expect(await store.collect(0, 1, 5, 3)).toBe(3);
        expect(await store.collect(0, 1, 5, 3)).toBe(1);
        expect(await store.collect(0, 1, 5, 3)).toBe(0);
        expect((await store.readLog(position(0), 10, megabyte)).map((stored) => stored.position.seq)).toEqual([5]);
        expect(await store.seal(0, 1, 5)).toBe(6);
        expect(await append(6, 'too late')).toBe('fenced');
      });
    });

    describe('rows', () => {
      it('come with their record', async () => {
        const session = sessionKey('client');
        const put = {
          sessions: [sessionRow('client')],
          subs: [
            subscriptionRow(session, 'a/#'),
            subscriptionRow(session, '$share/g/+/b', { qos: 2, flags: 3, subscriptionIdentifier: 9 }),
          ],
          inq2: [inboundRow(session, 1), inboundRow(session, 65_535)],
          wills: [willRow(session)],
          outq: [queueRow(session, 1n)],
          retained: [retainedRow('a/b')],
          shareq: [shareQueueRow('$share/g/+/b', 7)],
        };
        expect(await append(1, 'one', { put })).toBe('committed');
        await reopen();
        const stored = plain(await store.readSession(session.sid));
        expect(stored?.session).toEqual(plain(put.sessions[0]));
        expect(stored?.will).toEqual(plain(put.wills[0]));
        expect(stored?.inq2).toHaveLength(2);
        expect(stored?.inq2).toEqual(expect.arrayContaining(plain(put.inq2)));
        expect(stored?.subs).toHaveLength(2);
        expect(stored?.subs).toEqual(expect.arrayContaining(plain(put.subs)));
        expect(plain(await store.readQueue(session, 0n, 10, megabyte))).toEqual(plain(put.outq));
        expect(plain(await store.readRetained([keyOfText('a/b'), keyOfText('nothing')]))).toEqual(plain(put.retained));
        expect(plain(await store.readShareQueue(keyOfText('$share/g/+/b'), undefined, 10, megabyte))).toEqual(plain(put.shareq));
      });

      it('keep every value: nulls, the largest numbers, empty and any bytes, any text', async () => {
        const clientId = `ünïcode ☃ 𝄞 ' " \\ ; -- ${'x'.repeat(2000)}`;
        const session = { sid: keyOfText(clientId), incarnation: new Uint8Array(16).fill(0xff) };
        const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
        const row = sessionRow(clientId, {
          ...session,
          epoch: 0xffff_ffff,
          generation: 0x7f_ffff,
          userName: "o'neill",
          connection: Number.MAX_SAFE_INTEGER,
          expirySeconds: null,
          expiresAt: 8_640_000_000_000_000,
          packetIdHigh: 65_535,
          options: new Uint8Array(0),
        });
        const queue = queueRow(session, (0x7f_ffffn << 40n) + 0xff_ffff_ffffn, {
          state: 2,
          packetId: 65_535,
          qos: 2,
          flags: 1,
          subscriptionIdentifiers: all,
          origin: new Uint8Array(16).fill(0xff),
          shareGroup: keyOfText('group'),
          expiresAt: Number.MAX_SAFE_INTEGER,
          body: all,
        });
        const retained = retainedRow('topic/' + 't'.repeat(65_000), { body: new Uint8Array(0), expiresAt: 1 });
        await store.writeRows({ put: { sessions: [row], outq: [queue], retained: [retained] } });
        await reopen();
        expect(plain((await store.readSession(session.sid))?.session)).toEqual(plain(row));
        expect(plain(await store.readQueue(session, 0n, 10, megabyte))).toEqual([plain(queue)]);
        expect(plain(await store.readRetained([retained.topicHash]))).toEqual([plain(retained)]);
      });

      it('are replaced only by what is later', async () => {
        const session = sessionKey('c');
        await store.writeRows({ put: { sessions: [sessionRow('c')], subs: [subscriptionRow(session, 'f', { at: at(5) })] } });
        const write = (seq: number, qos: number, sessionEpoch = 0) =>
          store.writeRows({ put: { subs: [subscriptionRow(session, 'f', { qos, at: at(seq, sessionEpoch) })] } });
        const qos = async () => (await store.readSession(session.sid))?.subs[0].qos;
        await write(4, 0);
        expect(await qos()).toBe(1);
        await write(5, 0);
        expect(await qos()).toBe(1);
        await write(6, 2);
        expect(await qos()).toBe(2);
        await write(1, 0, 1);
        expect(await qos()).toBe(0);
        await store.writeRows({ put: { retained: [retainedRow('t', { at: at(9), body: messageBytes('later') })] } });
        await store.writeRows({ put: { retained: [retainedRow('t', { at: at(8), body: messageBytes('earlier') })] } });
        const [retained] = await store.readRetained([keyOfText('t')]);
        expect([plain(retained.body), plain(retained.at)]).toEqual([messageBytes('later'), at(9)]);
        await store.writeRows({ put: { sessions: [sessionRow('c', { connection: 7, at: at(7) })] } });
        await store.writeRows({ put: { sessions: [sessionRow('c', { connection: 6, at: at(6) })] } });
        expect((await store.readSession(session.sid))?.session.connection).toBe(7);
        expect((await store.readSession(session.sid))?.subs).toHaveLength(1);
      });

      it('are removed only by what is not earlier; places in a queue by their key', async () => {
        const session = sessionKey('c');
        const rows = { subs: [subscriptionRow(session, 'f', { at: at(5) })], inq2: [inboundRow(session, 3, { at: at(5) })] };
        const others = { wills: [willRow(session, { at: at(5) })], retained: [retainedRow('t', { at: at(5) })] };
        await store.writeRows({ put: { sessions: [sessionRow('c')], ...rows, ...others } });
        const remove = (seq: number) =>
          store.writeRows({
            removed: {
              subs: [{ ...session, filterHash: keyOfText('f'), at: at(seq) }],
              inq2: [{ ...session, packetId: 3, at: at(seq) }],
              wills: [{ sid: session.sid, at: at(seq) }],
              retained: [{ topicHash: keyOfText('t'), at: at(seq) }],
            },
          });
        const left = async () => {
          const stored = await store.readSession(session.sid);
          const retained = await store.readRetained([keyOfText('t')]);
          return [stored?.subs.length, stored?.inq2.length, stored?.will === undefined ? 0 : 1, retained.length];
        };
        await remove(4);
        expect(await left()).toEqual([1, 1, 1, 1]);
        await remove(5);
        expect(await left()).toEqual([0, 0, 0, 0]);
        await remove(6);
        const queue = [1n, 2n, 3n].map((pos) => queueRow(session, pos));
        await store.writeRows({ put: { outq: queue, shareq: [shareQueueRow('g', 8), shareQueueRow('g', 9)] } });
        await store.writeRows({ removed: { outq: [queue[0], queue[2]], shareq: [shareQueueRow('g', 8)] } });
        expect(positions(await store.readQueue(session, 0n, 10, megabyte))).toEqual([2n]);
        expect(await store.readShareQueue(keyOfText('g'), undefined, 10, megabyte)).toHaveLength(1);
      });

      it('of a queue go on without their body, later states only', async () => {
        const session = sessionKey('c');
        const row = queueRow(session, 5n, { qos: 2, at: at(3) });
        await store.writeRows({ put: { outq: [row] } });
        const goOn = (state: number, packetId: number, seq: number, pos = 5n) =>
          store.writeRows({ queueStates: [{ ...session, pos, state, packetId, at: at(seq) }] });
        await goOn(1, 17, 4);
        await goOn(2, 17, 6);
        await goOn(1, 99, 5);
        await goOn(1, 1, 9, 6n);
        expect(plain(await store.readQueue(session, 0n, 10, megabyte))).toEqual([plain({ ...row, state: 2, packetId: 17, at: at(6) })]);
      });

      it('are written in any number', async () => {
        const session = sessionKey('many');
        const rows = Array.from({ length: 1234 }, (_, index) => queueRow(session, BigInt(index + 1)));
        await append(1, 'many', { put: { outq: rows } });
        const states = rows.slice(0, 333).map(({ pos }) => ({ ...session, pos, state: 1, packetId: Number(pos), at: at(8) }));
        await store.writeRows({ queueStates: states });
        expect(await store.countQueue(session)).toEqual({ messages: 1234, bytes: rows.reduce((sum, { body }) => sum + body.length, 0) });
        expect((await store.readQueue(session, 0n, 400, megabyte)).filter(({ state }) => state === 1)).toHaveLength(333);
        await store.writeRows({ removed: { outq: rows.slice(0, 1233) } }, first);
        expect(positions(await store.readQueue(session, 0n, 2000, megabyte))).toEqual([1234n]);
      });
    });

    describe('pages', () => {
      it('of a queue are in order of position, bounded by number and bytes', async () => {
        const [session, other] = [sessionKey('a'), sessionKey('a', 2)];
        const order = [3n, 1n, 1n << 40n, 2n, 300n];
        await store.writeRows({ put: { outq: order.map((pos) => queueRow(session, pos, { body: new Uint8Array(1000) })) } });
        await store.writeRows({ put: { outq: [queueRow(other, 4n)] } });
        expect(positions(await store.readQueue(session, 0n, 3, megabyte))).toEqual([1n, 2n, 3n]);
        expect(positions(await store.readQueue(session, 3n, 3, megabyte))).toEqual([300n, 1n << 40n]);
        expect(positions(await store.readQueue(session, 0n, 10, 2100))).toEqual([1n, 2n]);
        expect(positions(await store.readQueue(session, 2n, 10, 10))).toEqual([3n]);
        expect(await store.readQueue(session, 1n << 40n, 10, megabyte)).toEqual([]);
        expect(await store.countQueue(session)).toEqual({ messages: 5, bytes: 5000 });
        expect(await store.countQueue(sessionKey('nobody'))).toEqual({ messages: 0, bytes: 0 });
      });

      it('of sessions bring what belongs to them, and nothing of earlier incarnations', async () => {
        const clients = Array.from({ length: 7 }, (_, index) => `client ${index}`);
        const put = {
          sessions: clients.map((clientId) => sessionRow(clientId)),
          subs: clients.flatMap((clientId) => [
            subscriptionRow(sessionKey(clientId), 'x'),
            subscriptionRow(sessionKey(clientId), clientId),
          ]),
          inq2: [inboundRow(sessionKey('client 3'), 12)],
          wills: [willRow(sessionKey('client 4'))],
        };
        await store.writeRows({ put });
        if (store.rowsWithRecord) await store.writeRows({ put: { subs: [subscriptionRow(sessionKey('client 3', 9), 'other')] } });
        const pages = [];
        for (let after: Uint8Array | undefined; ; ) {
          const page = await store.readSessions(after, 3);
          if (page.length === 0) break;
          pages.push(page);
          after = page[page.length - 1].session.sid;
        }
        expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
        const all = pages.flat();
        expect(all.map(({ session }) => session.clientId).sort()).toEqual(clients);
        expect(all.map(({ session }) => session.sid)).toEqual([...all.map(({ session }) => session.sid)].sort(compareBytes));
        for (const { session, subs, inq2, will } of all) {
          expect(subs.map(({ requested }) => requested).sort()).toEqual([session.clientId, 'x']);
          expect(inq2.map(({ packetId }) => packetId)).toEqual(session.clientId === 'client 3' ? [12] : []);
          expect(will === undefined).toBe(session.clientId !== 'client 4');
        }
      });

      it('of retained messages and of group queues are in order of their keys', async () => {
        const topics = Array.from({ length: 10 }, (_, index) => `t/${index}`);
        await store.writeRows({ put: { retained: topics.map((topic) => retainedRow(topic, { body: new Uint8Array(100) })) } });
        const one = await store.readRetainedPage(undefined, 4, megabyte);
        const two = await store.readRetainedPage(one[3].topicHash, 100, megabyte);
        expect([...one, ...two].map(({ topicName }) => topicName).sort()).toEqual(topics);
        expect(await store.readRetainedPage(undefined, 100, 350)).toHaveLength(3);
        await store.writeRows({ put: { shareq: [3, 1, 2].map((seq) => shareQueueRow('g', seq)).concat(shareQueueRow('h', 1)) } });
        const waiting = await store.readShareQueue(keyOfText('g'), undefined, 2, megabyte);
        expect(waiting.map((row) => plain(row.origin))).toEqual([origin(1), origin(2)]);
        expect(await store.readShareQueue(keyOfText('g'), waiting[1].origin, 2, megabyte)).toHaveLength(1);
      });

      it('of pending wills are in order of their time', async () => {
        const will = (clientId: string, dueAt: number | null) =>
          willRow(sessionKey(clientId), { state: dueAt === null ? WillRowState.armed : WillRowState.pending, dueAt });
        const clients: [string, number | null][] = [
          ['late', 300],
          ['armed', null],
          ['soon', 100],
          ['middle', 200],
        ];
        await store.writeRows({
          put: {
            sessions: clients.map(([clientId]) => sessionRow(clientId)),
            wills: clients.map(([clientId, dueAt]) => will(clientId, dueAt)),
          },
        });
        expect((await store.readPendingWills(2)).map(({ dueAt }) => dueAt)).toEqual([100, 200]);
        expect((await store.readPendingWills(9)).map(({ dueAt }) => dueAt)).toEqual([100, 200, 300]);
      });
    });

    describe('end of a session', () => {
      it('goes in batches, the row last, and can be begun again', async () => {
        const session = sessionKey('c');
        const outq = Array.from({ length: 25 }, (_, index) => queueRow(session, BigInt(index + 1)));
        await store.writeRows({
          put: {
            sessions: [sessionRow('c', { state: SessionRowState.dead }), sessionRow('other')],
            subs: [subscriptionRow(session, 'a'), subscriptionRow(session, 'b'), subscriptionRow(sessionKey('other'), 'a')],
            inq2: [inboundRow(session, 1)],
            wills: [willRow(session), willRow(sessionKey('other'))],
            outq: [...outq, queueRow(sessionKey('other'), 1n)],
          },
        });
        let calls = 1;
        while (!(await store.removeSession(session, 10))) {
          expect((await store.readSession(session.sid))?.session.state).toBe(SessionRowState.dead);
          await reopen();
          calls += 1;
        }
        expect(calls).toBeGreaterThan(2);
        expect(await store.removeSession(session, 10)).toBe(true);
        expect(await store.readSession(session.sid)).toBeUndefined();
        expect(await store.countQueue(session)).toEqual({ messages: 0, bytes: 0 });
        const other = await store.readSession(keyOfText('other'));
        expect([other?.subs.length, other?.will === undefined]).toEqual([1, false]);
        const { sessions, subs, outq: queued, inq2, wills } = await store.statistics();
        expect({ sessions, subs, queued, inq2, wills }).toEqual({ sessions: 1, subs: 1, queued: 1, inq2: 0, wills: 1 });
      });

      it('does not touch the next session of the client', async () => {
        const [old, next] = [sessionKey('c', 1), sessionKey('c', 20)];
        await store.writeRows({ put: { sessions: [sessionRow('c')], subs: [subscriptionRow(old, 'a')], outq: [queueRow(old, 1n)] } });
        await store.writeRows({
          put: {
            sessions: [sessionRow('c', { ...next, at: at(20) })],
            subs: [subscriptionRow(next, 'b', { at: at(21) })],
            wills: [willRow(next, { at: at(20) })],
            outq: [queueRow(next, 2n)],
          },
        });
        while (!(await store.removeSession(old, 1)));
        const stored = await store.readSession(next.sid);
        expect(plain(stored?.session.incarnation)).toEqual(origin(20));
        expect(stored?.subs.map(({ requested }) => requested)).toEqual(['b']);
        expect(stored?.will).toBeDefined();
        expect(await store.readQueue(old, 0n, 10, megabyte)).toEqual([]);
        expect(await store.readQueue(next, 0n, 10, megabyte)).toHaveLength(1);
      });
    });

    describe('seat', () => {
      it('is compared and set', async () => {
        expect(await store.readSeat(0)).toBeUndefined();
        const one = seatRow({ attempt: keyOfText('1') });
        const closed = [
          { epoch: 1, closedAt: 12 },
          { epoch: 2, closedAt: 2 ** 40 },
        ];
        const two = seatRow({ attempt: keyOfText('2'), epoch: 3, closed, beat: 7, floor: 5, derived: 11 });
        expect(await store.replaceSeat(keyOfText('0'), one)).toBe(false);
        expect(await store.replaceSeat(undefined, one)).toBe(true);
        expect(await store.replaceSeat(undefined, one)).toBe(true);
        expect(await store.replaceSeat(undefined, two)).toBe(false);
        expect(await store.replaceSeat(keyOfText('0'), two)).toBe(false);
        expect(await store.replaceSeat(one.attempt, two)).toBe(true);
        expect(await store.replaceSeat(one.attempt, seatRow({ attempt: keyOfText('3') }))).toBe(false);
        await reopen();
        expect(plain(await store.readSeat(0))).toEqual(plain(two));
      });

      it('is taken by one of many', async () => {
        await store.replaceSeat(undefined, seatRow());
        const rivals = Array.from({ length: 10 }, (_, index) => seatRow({ attempt: keyOfText(`rival ${index}`), epoch: 2 }));
        const won = await Promise.all(rivals.map((rival) => store.replaceSeat(seatRow().attempt, rival)));
        expect(won.filter(Boolean)).toHaveLength(1);
        expect(plain(await store.readSeat(0))).toEqual(plain(rivals[won.indexOf(true)]));
      });

      it('has a cursor that only goes on, with removals or alone', async () => {
        await store.replaceSeat(undefined, seatRow({ derivedEpoch: 2, derived: 5 }));
        const cursor = async () => {
          const seat = await store.readSeat(0);
          return [seat?.derivedEpoch, seat?.derived];
        };
        await store.writeRows({}, position(4, 2));
        expect(await cursor()).toEqual([2, 5]);
        await store.writeRows({ removed: { outq: [queueRow(sessionKey('c'), 1n)] } }, position(9, 2));
        expect(await cursor()).toEqual([2, 9]);
        await store.writeRows({}, position(100, 1));
        expect(await cursor()).toEqual([2, 9]);
        await store.writeRows({}, position(0, 3));
        expect(await cursor()).toEqual([3, 0]);
      });
    });

    it('counts what it has', async () => {
      await append(1, 'one', { put: { sessions: [sessionRow('c')], retained: [retainedRow('a'), retainedRow('b')] } });
      await store.writeRows({ put: { shareq: [shareQueueRow('g', 1)], outq: [queueRow(sessionKey('c'), 1n)] } });
      const statistics = await store.statistics();
      expect(statistics).toMatchObject({ sessions: 1, subs: 0, outq: 1, inq2: 0, wills: 0, retained: 2, shareq: 1, logRecords: 1 });
      expect(statistics.databaseBytes).toBeGreaterThanOrEqual(0);
    });
  });
}
