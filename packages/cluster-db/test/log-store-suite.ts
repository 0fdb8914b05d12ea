import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { compareBytes, EndingKind, type EndingRow, keyOfText, type LogPosition, type LogStore } from '../src/index.js';
import {
  at,
  inboundRow,
  messageBytes,
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

const positions = (rows: readonly { readonly pos: number }[]) => rows.map(({ pos }) => pos);
const ending = (of: string, kind: number): EndingRow => ({
  sid: keyOfText(of),
  incarnation: kind === EndingKind.group ? 0n : 1n,
  kind,
  at: at(50),
});
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
    const sessionOf = async (clientId: string) => {
      const all = await store.readSessions(undefined, 100);
      return all.find(({ session }) => compareBytes(session.sid, keyOfText(clientId)) === 0);
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
        const session = reference('a');
        const changes = { put: { outq: [queueRow(session, 1)] } };
        expect(await append(1, 'one', changes)).toBe('committed');
        await store.writeRows({ removed: { outq: [queueRow(session, 1)] } }, first);
        if (store.rowsWithRecord) {
          expect(await append(1, 'one', changes)).toBe('committed');
          expect(await store.readQueue(session, 0, 10, megabyte)).toEqual([]);
        }
        expect(await append(1, 'one')).toBe('committed');
        expect(await store.readLog(position(0), 10, megabyte)).toHaveLength(1);
      });

      it('holds what it says behind a position: other bytes are fenced, and none of their rows is written', async () => {
        const session = reference('a');
        await append(1, 'one');
        expect(await append(1, 'other', { put: { outq: [queueRow(session, 7)] } })).toBe('fenced');
        expect(await store.readQueue(session, 0, 10, megabyte)).toEqual([]);
      });

      it('takes a message that is as large as it says, or of 8 MiB if it takes more', { timeout: 60_000 }, async () => {
        const size = Math.min(await store.maximumMessageBytes(), 8 * megabyte);
        const large = record('y'.repeat(size));
        expect(await store.append(first, large, { put: { outq: [queueRow(reference('a'), 1, { body: large.body })] } })).toBe('committed');
        const [stored] = await store.readLog(position(0), 1, 1);
        expect(stored.body.length).toBe(large.body.length);
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
        expect(await store.readRetained(undefined, 10, megabyte)).toEqual([]);
        expect((await store.readLog(position(0), 10, megabyte)).map((stored) => stored.position.seq)).toEqual([1, 2, 3]);
        expect(await store.lastRecord(0, 1)).toEqual({ seq: 3, derived: 0 });
        expect(await store.append(position(1, 2), record('next epoch'), {})).toBe('committed');
      });

      it('is not sealed where records are missing below others: that is said', async () => {
        for (const seq of [1, 2, 3, 4]) await append(seq, `record ${seq}`);
        await store.collect(0, 1, 3, 10);
        await expect(store.seal(0, 1, 1)).rejects.toThrow(/records of epoch 1 are missing behind position/);
        expect(await store.seal(0, 1, 3)).toBe(5);
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

      it('is sealed again after it was collected, from the floor that was written before', async () => {
        for (const seq of [1, 2, 3]) await append(seq, `record ${seq}`);
        expect(await store.seal(0, 1, 1)).toBe(4);
        expect(await store.collect(0, 1, 4, 2)).toBe(2);
        expect(await store.seal(0, 1, 4)).toBe(4);
        expect(await store.collect(0, 1, 4, 2)).toBe(1);
        expect(await store.seal(0, 1, 4)).toBe(4);
        expect(await append(4, 'too late')).toBe('fenced');
      });
    });

    describe('rows', () => {
      it('come with their record', async () => {
        const session = reference('client');
        const shared = '$share/g/+/b';
        const put = {
          sessions: [sessionRow('client')],
          subs: [subscriptionRow(session, 'a/#'), subscriptionRow(session, shared, { qos: 2, flags: 3, subscriptionIdentifier: 9 })],
          inq2: [inboundRow(session, 1), inboundRow(session, 65_535)],
          wills: [willRow(session)],
          outq: [queueRow(session, 1)],
          retained: [retainedRow('a/b')],
          shareq: [shareQueueRow(shared, 7)],
          endings: [ending('old', EndingKind.session)],
        };
        expect(await append(1, 'one', { put })).toBe('committed');
        await reopen();
        const stored = plain(await sessionOf('client'));
        expect(stored?.session).toEqual(plain(put.sessions[0]));
        expect(stored?.will).toEqual(plain(put.wills[0]));
        expect(stored?.inq2).toHaveLength(2);
        expect(stored?.inq2).toEqual(expect.arrayContaining(plain(put.inq2)));
        expect(stored?.subs).toHaveLength(2);
        expect(stored?.subs).toEqual(expect.arrayContaining(plain(put.subs)));
        expect(plain(await store.readQueue(session, 0, 10, megabyte))).toEqual(plain(put.outq));
        expect(plain(await store.readRetained(undefined, 10, megabyte))).toEqual(plain(put.retained));
        expect(plain(await store.readShareQueue(keyOfText(shared), 0, 10, megabyte))).toEqual(plain(put.shareq));
        expect(plain(await store.readEndings(10))).toEqual(plain(put.endings));
      });

      it('keep every value: nulls, the largest numbers, empty and any bytes, any text', async () => {
        const clientId = `ünïcode ☃ 𝄞 ' " \\ ; -- ${'x'.repeat(2000)}`;
        const session = { sid: keyOfText(clientId), incarnation: (1n << 63n) - 1n };
        const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
        const row = sessionRow(clientId, { ...session, userName: "o'neill", expirySeconds: null, expiresAt: 8_640_000_000_000_000 });
        const queue = queueRow(session, Number.MAX_SAFE_INTEGER, {
          packetId: 65_535,
          received: 1,
          qos: 2,
          flags: 1,
          subscriptionIdentifiers: all,
          sharedSubscription: `$share/${'g'.repeat(60_000)}/a`,
          expiresAt: Number.MAX_SAFE_INTEGER,
          body: all,
        });
        const retained = retainedRow('topic/' + 't'.repeat(65_000), { body: new Uint8Array(0), expiresAt: 1 });
        await store.writeRows({ put: { sessions: [row], outq: [queue], retained: [retained] } });
        await reopen();
        expect(plain((await sessionOf(clientId))?.session)).toEqual(plain(row));
        expect(plain(await store.readQueue(session, 0, 10, megabyte))).toEqual([plain(queue)]);
        expect(plain(await store.readRetained(undefined, 10, megabyte))).toEqual([plain(retained)]);
      });

      it('are replaced only by what is later', async () => {
        const session = reference('c');
        await store.writeRows({ put: { sessions: [sessionRow('c')], subs: [subscriptionRow(session, 'f', { at: at(5) })] } });
        const write = (seq: number, qos: number, sessionEpoch = 0) =>
          store.writeRows({ put: { subs: [subscriptionRow(session, 'f', { qos, at: at(seq, sessionEpoch) })] } });
        const qos = async () => (await sessionOf('c'))?.subs[0].qos;
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
        const [retained] = await store.readRetained(undefined, 10, megabyte);
        expect([plain(retained.body), plain(retained.at)]).toEqual([messageBytes('later'), at(9)]);
        await store.writeRows({ put: { sessions: [sessionRow('c', { protocolVersion: 4, at: at(7) })] } });
        await store.writeRows({ put: { sessions: [sessionRow('c', { protocolVersion: 3, at: at(6) })] } });
        expect((await sessionOf('c'))?.session.protocolVersion).toBe(4);
        expect((await sessionOf('c'))?.subs).toHaveLength(1);
      });

      it('are removed only by what is not earlier; places in a queue by their key', async () => {
        const session = reference('c');
        const rows = { subs: [subscriptionRow(session, 'f', { at: at(5) })], inq2: [inboundRow(session, 3, { at: at(5) })] };
        const others = { wills: [willRow(session, { at: at(5) })], retained: [retainedRow('t', { at: at(5) })] };
        await store.writeRows({ put: { sessions: [sessionRow('c'), sessionRow('d', { at: at(5) })], ...rows, ...others } });
        const remove = (seq: number) =>
          store.writeRows({
            removed: {
              sessions: [{ sid: keyOfText('d'), at: at(seq) }],
              subs: [{ ...session, filterHash: keyOfText('f'), at: at(seq) }],
              inq2: [{ ...session, packetId: 3, at: at(seq) }],
              wills: [{ sid: session.sid, at: at(seq) }],
              retained: [{ topicHash: keyOfText('t'), at: at(seq) }],
            },
          });
        const left = async () => {
          const stored = await sessionOf('c');
          const retained = await store.readRetained(undefined, 10, megabyte);
          const d = await sessionOf('d');
          return [stored?.subs.length, stored?.inq2.length, stored?.will === undefined ? 0 : 1, retained.length, d === undefined ? 0 : 1];
        };
        await remove(4);
        expect(await left()).toEqual([1, 1, 1, 1, 1]);
        await remove(5);
        expect(await left()).toEqual([0, 0, 0, 0, 0]);
        await remove(6);
        const queue = [1, 2, 3].map((pos) => queueRow(session, pos));
        await store.writeRows({ put: { outq: queue, shareq: [shareQueueRow('g', 8), shareQueueRow('g', 9)] } });
        await store.writeRows({ removed: { outq: [queue[0], queue[2]], shareq: [shareQueueRow('g', 8)] } });
        expect(positions(await store.readQueue(session, 0, 10, megabyte))).toEqual([2]);
        expect(positions(await store.readShareQueue(keyOfText('g'), 0, 10, megabyte))).toEqual([9]);
      });

      it('of queues are removed in runs of places, of which nothing else goes', async () => {
        const [one, other] = [reference('c'), reference('d')];
        const earlier = reference('c', 4);
        const places = Array.from({ length: 9 }, (_, index) => index + 1);
        const rows = [one, other, earlier].flatMap((session) => places.map((pos) => queueRow(session, pos)));
        const waiting = ['g', 'h'].flatMap((group) => places.map((pos) => shareQueueRow(group, pos)));
        await store.writeRows({ put: { outq: rows, shareq: waiting } });
        const gone = [
          ...[2, 3, 4, 5].map((pos) => queueRow(one, pos)),
          ...[6, 7, 8, 1].map((pos) => queueRow(other, pos)),
          queueRow(other, 3),
        ];
        await store.writeRows({ removed: { outq: gone, shareq: [4, 5, 6].map((pos) => shareQueueRow('h', pos)) } });
        expect(positions(await store.readQueue(one, 0, 10, megabyte))).toEqual([1, 6, 7, 8, 9]);
        expect(positions(await store.readQueue(other, 0, 10, megabyte))).toEqual([2, 4, 5, 9]);
        expect(positions(await store.readQueue(earlier, 0, 10, megabyte))).toEqual(places);
        expect(positions(await store.readShareQueue(keyOfText('g'), 0, 10, megabyte))).toEqual(places);
        expect(positions(await store.readShareQueue(keyOfText('h'), 0, 10, megabyte))).toEqual([1, 2, 3, 7, 8, 9]);
      });

      it('of a queue go on without their body, later states only', async () => {
        const session = reference('c');
        const row = queueRow(session, 5, { qos: 2, at: at(3) });
        await store.writeRows({ put: { outq: [row] } });
        const goOn = (received: number, packetId: number, seq: number, pos = 5) =>
          store.writeRows({ queueStates: [{ ...session, pos, received, packetId, at: at(seq) }] });
        await goOn(0, 17, 4);
        await goOn(1, 17, 6);
        await goOn(0, 99, 5);
        await goOn(1, 1, 9, 6);
        expect(plain(await store.readQueue(session, 0, 10, megabyte))).toEqual([plain({ ...row, received: 1, packetId: 17, at: at(6) })]);
      });

      it('are written in any number', async () => {
        const session = reference('many');
        const rows = Array.from({ length: 1234 }, (_, index) => queueRow(session, index + 1));
        await append(1, 'many', { put: { outq: rows } });
        const states = rows.slice(0, 333).map(({ pos }) => ({ ...session, pos, received: 0, packetId: pos, at: at(8) }));
        await store.writeRows({ queueStates: states });
        expect((await store.statistics()).rows.outq).toBe(1234);
        expect((await store.readQueue(session, 0, 400, megabyte)).filter(({ packetId }) => packetId > 0)).toHaveLength(333);
        await store.writeRows({ removed: { outq: rows.slice(0, 1233) } }, first);
        expect(positions(await store.readQueue(session, 0, 2000, megabyte))).toEqual([1234]);
      });
    });

    describe('pages', () => {
      it('of a queue are in order of position, bounded by number and bytes', async () => {
        const [session, other] = [reference('a'), reference('a', 2)];
        const order = [3, 1, 2 ** 40, 2, 300];
        await store.writeRows({ put: { outq: order.map((pos) => queueRow(session, pos, { body: new Uint8Array(1000) })) } });
        await store.writeRows({ put: { outq: [queueRow(other, 4)] } });
        expect(positions(await store.readQueue(session, 0, 3, megabyte))).toEqual([1, 2, 3]);
        expect(positions(await store.readQueue(session, 3, 3, megabyte))).toEqual([300, 2 ** 40]);
        expect(positions(await store.readQueue(session, 0, 10, 2100))).toEqual([1, 2]);
        expect(positions(await store.readQueue(session, 2, 10, 10))).toEqual([3]);
        expect(await store.readQueue(session, 2 ** 40, 10, megabyte)).toEqual([]);
      });

      it('of sessions bring what belongs to them, and nothing of earlier incarnations', async () => {
        const clients = Array.from({ length: 7 }, (_, index) => `client ${index}`);
        const put = {
          sessions: clients.map((clientId) => sessionRow(clientId)),
          subs: clients.flatMap((clientId) => [subscriptionRow(reference(clientId), 'x'), subscriptionRow(reference(clientId), clientId)]),
          inq2: [inboundRow(reference('client 3'), 12)],
          wills: [willRow(reference('client 4'))],
          outq: [3, 5].flatMap((pos) => [queueRow(reference('client 5'), pos, { size: 7 }), queueRow(reference('client 5', 9), pos + 10)]),
        };
        await store.writeRows({ put });
        if (store.rowsWithRecord) await store.writeRows({ put: { subs: [subscriptionRow(reference('client 3', 9), 'other')] } });
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
        for (const { session, subs, inq2, will, queue } of all) {
          expect(subs.map(({ requested }) => requested).sort()).toEqual([session.clientId, 'x']);
          expect(inq2.map(({ packetId }) => packetId)).toEqual(session.clientId === 'client 3' ? [12] : []);
          expect(will === undefined).toBe(session.clientId !== 'client 4');
          expect(queue).toEqual(
            session.clientId === 'client 5' ? { messages: 2, bytes: 14, lastPos: 5 } : { messages: 0, bytes: 0, lastPos: 0 },
          );
        }
      });

      it('of retained messages are in order of their keys', async () => {
        const topics = Array.from({ length: 10 }, (_, index) => `t/${index}`);
        await store.writeRows({ put: { retained: topics.map((topic) => retainedRow(topic, { body: new Uint8Array(100) })) } });
        const one = await store.readRetained(undefined, 4, megabyte);
        const two = await store.readRetained(one[3].topicHash, 100, megabyte);
        expect([...one, ...two].map(({ topicName }) => topicName).sort()).toEqual(topics);
        expect(await store.readRetained(undefined, 100, 350)).toHaveLength(3);
      });

      it('of groups and of their queues are in order of their keys', async () => {
        const groups = Array.from({ length: 5 }, (_, index) => `$share/g${index}/a`);
        await store.writeRows({ put: { shareq: groups.flatMap((group) => [3, 1, 2].map((pos) => shareQueueRow(group, pos))) } });
        const one = await store.readGroups(undefined, 3);
        const two = await store.readGroups(one[2].groupHash, 3);
        expect([...one, ...two].map(({ sharedSubscription }) => sharedSubscription).sort()).toEqual(groups);
        expect(one[0]).toMatchObject({ messages: 3, bytes: 150, lastPos: 3 });
        const { groupHash } = one[0];
        expect(positions(await store.readShareQueue(groupHash, 0, 2, megabyte))).toEqual([1, 2]);
        expect(positions(await store.readShareQueue(groupHash, 2, 2, megabyte))).toEqual([3]);
        expect(positions(await store.readShareQueue(groupHash, 0, 9, 1))).toEqual([1]);
      });
    });

    describe('what has ended', () => {
      it('goes in batches, and the note of it last', async () => {
        const session = reference('c');
        const outq = Array.from({ length: 25 }, (_, index) => queueRow(session, index + 1));
        await store.writeRows({
          put: {
            sessions: [sessionRow('c'), sessionRow('other')],
            subs: [subscriptionRow(session, 'a'), subscriptionRow(session, 'b'), subscriptionRow(reference('other'), 'a')],
            inq2: [inboundRow(session, 1)],
            outq: [...outq, queueRow(reference('other'), 1)],
          },
        });
        await store.writeRows({
          put: { endings: [ending('c', EndingKind.session)] },
          removed: { sessions: [{ sid: session.sid, at: at(50) }] },
        });
        let calls = 1;
        for (;;) {
          const [left] = await store.readEndings(10);
          if (await store.removeEnded(left, 10)) break;
          await reopen();
          calls += 1;
        }
        expect(calls).toBeGreaterThan(2);
        expect(await store.readEndings(10)).toEqual([]);
        expect(await sessionOf('c')).toBeUndefined();
        expect(await store.readQueue(session, 0, 10, megabyte)).toEqual([]);
        expect((await sessionOf('other'))?.subs).toHaveLength(1);
        expect((await store.statistics()).rows).toMatchObject({ sessions: 1, subs: 1, outq: 1, inq2: 0, endings: 0 });
      });

      it('does not take the next session of the client with it', async () => {
        const [old, next] = [reference('c', 1), reference('c', 20)];
        await store.writeRows({ put: { sessions: [sessionRow('c')], subs: [subscriptionRow(old, 'a')], outq: [queueRow(old, 1)] } });
        await store.writeRows({
          put: { endings: [ending('c', EndingKind.session)], sessions: [sessionRow('c', { ...next, at: at(51) })] },
        });
        await store.writeRows({
          put: { subs: [subscriptionRow(next, 'b', { at: at(52) })], wills: [willRow(next, { at: at(52) })], outq: [queueRow(next, 2)] },
        });
        while (!(await store.removeEnded(ending('c', EndingKind.session), 1)));
        const stored = await sessionOf('c');
        expect(stored?.session.incarnation).toBe(20n);
        expect(stored?.subs.map(({ requested }) => requested)).toEqual(['b']);
        expect(stored?.will).toBeDefined();
        expect(await store.readQueue(old, 0, 10, megabyte)).toEqual([]);
        expect(await store.readQueue(next, 0, 10, megabyte)).toHaveLength(1);
      });

      it('may be a group: what came to it later stays', async () => {
        const rows = [1, 2, 3, 60].map((pos) => shareQueueRow('g', pos));
        await store.writeRows({ put: { shareq: [...rows, shareQueueRow('h', 1)], endings: [ending('g', EndingKind.group)] } });
        while (!(await store.removeEnded(ending('g', EndingKind.group), 2)));
        expect(positions(await store.readShareQueue(keyOfText('g'), 0, 10, megabyte))).toEqual([60]);
        expect(positions(await store.readShareQueue(keyOfText('h'), 0, 10, megabyte))).toEqual([1]);
        expect(await store.readEndings(10)).toEqual([]);
      });

      it('again: the later note stays when the earlier one is done', async () => {
        await store.writeRows({ put: { endings: [ending('g', EndingKind.group)] } });
        const later = { ...ending('g', EndingKind.group), at: at(70) };
        await store.writeRows({ put: { endings: [later] } });
        while (!(await store.removeEnded(ending('g', EndingKind.group), 2)));
        expect(plain(await store.readEndings(10))).toEqual([plain(later)]);
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
        const two = seatRow({ attempt: keyOfText('2'), epoch: 3, closed, beat: 7, floor: 5 });
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
        await store.writeRows({ removed: { outq: [queueRow(reference('c'), 1)] } }, position(9, 2));
        expect(await cursor()).toEqual([2, 9]);
        await store.writeRows({}, position(100, 1));
        expect(await cursor()).toEqual([2, 9]);
        await store.writeRows({}, position(0, 3));
        expect(await cursor()).toEqual([3, 0]);
        expect(await store.replaceSeat(seatRow().attempt, seatRow({ attempt: keyOfText('beat'), beat: 8 }))).toBe(true);
        expect(await cursor(), 'a beat does not know the cursor').toEqual([3, 0]);
      });
    });

    it('counts what it has, and has room', async () => {
      await append(1, 'one', { put: { sessions: [sessionRow('c')], retained: [retainedRow('a'), retainedRow('b')] } });
      await store.writeRows({ put: { shareq: [shareQueueRow('g', 1)], outq: [queueRow(reference('c'), 1)] } });
      const { rows, logRecords, databaseBytes } = await store.statistics();
      expect(rows).toEqual({ sessions: 1, subs: 0, outq: 1, inq2: 0, wills: 0, retained: 2, shareq: 1, endings: 0 });
      expect(logRecords).toBe(1);
      expect(databaseBytes).toBeGreaterThanOrEqual(0);
      expect(await store.hasRoom()).toBe(true);
    });

    it('measures itself: the log between its ends, and its bytes', async () => {
      expect(await store.measures(0, 1)).toMatchObject({ logRecords: 0 });
      for (const seq of [1, 2, 3, 4, 5]) await append(seq, 'a record');
      await store.collect(0, 1, 3, 10);
      const { logRecords, databaseBytes, diskFreeBytes = 1 } = await store.measures(0, 1);
      expect(logRecords).toBe(3);
      expect(databaseBytes).toBeGreaterThanOrEqual(0);
      expect(diskFreeBytes).toBeGreaterThan(0);
    });
  });
}
