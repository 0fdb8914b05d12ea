import { keyOfText } from '../position.js';
import { type EnqueuedEntry, type Entry, type GroupEnqueuedEntry, type SessionEntry } from '../record/entries.js';
import { packNumbers } from '../record/record.js';
import {
  EndingKind,
  type EndingRow,
  type InboundRow,
  QueueFlag,
  type QueueKey,
  type QueueRow,
  type QueueStateRow,
  type RetainedRow,
  type RowChanges,
  type RowsRemoved,
  type SessionReference,
  type SessionRow,
  type ShareQueueKey,
  type ShareQueueRow,
  SubscriptionFlag,
  type SubscriptionRow,
  type WillRow,
} from '../rows.js';
import { UnwrittenDelivery } from './unwritten.js';

type Removed<List> = List extends readonly (infer Row)[] ? Row : never;
type Removal<Table extends keyof RowsRemoved> = Removed<NonNullable<RowsRemoved[Table]>>;
type Change<Row, Gone> = { readonly put: Row } | { readonly removed: Gone };
type QueueChange = Change<QueueRow, QueueKey> | { readonly state: QueueStateRow } | UnwrittenDelivery;

/** What the entries of one record change in one session's tables. */
interface SessionChanges {
  readonly subs: Map<string, Change<SubscriptionRow, Removal<'subs'>>>;
  readonly outq: Map<number, QueueChange>;
  readonly inq2: Map<number, Change<InboundRow, Removal<'inq2'>>>;
}

/**
 * What a record comes to: its entries are added in their order, and each key keeps its last state only. A session is one and the same object in all of them. The same entries at the same positions
 * give the same rows, whether they are recorded or read back from the log.
 */
export class Changes {
  private readonly sessions: Map<string, Change<SessionRow, Removal<'sessions'>>> = new Map();
  private readonly wills: Map<string, Change<WillRow, Removal<'wills'>>> = new Map();
  private readonly bySession: Map<SessionReference, SessionChanges> = new Map();
  private readonly retained: Map<string, Change<RetainedRow, Removal<'retained'>>> = new Map();
  private readonly groups: Map<string, Map<number, Change<ShareQueueRow, ShareQueueKey>>> = new Map();
  private readonly endings: Map<string, EndingRow> = new Map();

  /** Keys that have changed, more or less. */
  rows = 0;
  private hasUnwritten = false;

  /** @param at of the entry, from its position and its index in the record */
  add(entry: Entry, at: Uint8Array): void {
    this.rows++;
    switch (entry.kind) {
      case 'session':
        this.addSession(entry, at);
        return;
      case 'willEnded':
        this.wills.set(nameOf(entry.session.sid), { removed: { sid: entry.session.sid, at } });
        return;
      case 'ended':
        this.addEnd(entry.session, at);
        return;
      case 'subscribed': {
        const { requested, qos, noLocal, retainAsPublished, subscriptionIdentifier } = entry.subscription;
        const flags = (noLocal ? SubscriptionFlag.noLocal : 0) | (retainAsPublished ? SubscriptionFlag.retainAsPublished : 0);
        const row = { ...entry.session, filterHash: keyOfText(requested), requested, qos, flags, subscriptionIdentifier, at };
        this.of(entry.session).subs.set(requested, { put: row });
        return;
      }
      case 'unsubscribed': {
        const { requested } = entry;
        this.of(entry.session).subs.set(requested, { removed: { ...entry.session, filterHash: keyOfText(requested), at } });
        return;
      }
      case 'enqueued':
      case 'enqueuedLazily':
        this.of(entry.session).outq.set(entry.position, { put: queueRow(entry, at) });
        return;
      case 'wentOn': {
        const { outq } = this.of(entry.session);
        const known = outq.get(entry.position);
        const state = { packetId: entry.packetId, received: entry.received ? 1 : 0, at };
        if (known !== undefined && 'put' in known) outq.set(entry.position, { put: { ...known.put, ...state } });
        else if (known === undefined || 'state' in known) outq.set(entry.position, { state: { ...keyOf(entry), ...state } });
        return;
      }
      case 'finished':
        this.finish(entry.session, entry.position);
        return;
      case 'inboundReceived':
        this.of(entry.session).inq2.set(entry.packetId, { put: { ...entry.session, packetId: entry.packetId, at } });
        return;
      case 'inboundReleased':
        this.of(entry.session).inq2.set(entry.packetId, { removed: { ...entry.session, packetId: entry.packetId, at } });
        return;
      case 'retained': {
        const { topicName, isEmpty, expiresAt, bytes } = entry.message;
        const topicHash = keyOfText(topicName);
        const change = isEmpty ? { removed: { topicHash, at } } : { put: { topicHash, topicName, expiresAt, body: bytes, at } };
        this.retained.set(topicName, change);
        return;
      }
      case 'groupEnqueued':
        this.groupOf(entry.sharedSubscription).set(entry.position, { put: shareQueueRow(entry, at) });
        return;
      case 'groupFinished':
        this.finishInGroup(entry.sharedSubscription, entry.position);
        return;
      case 'groupEnded': {
        this.groups.delete(entry.sharedSubscription);
        const sid = keyOfText(entry.sharedSubscription);
        this.endings.set(`group ${entry.sharedSubscription}`, { sid, incarnation: 0n, kind: EndingKind.group, at });
        return;
      }
    }
  }

  /** A delivery that is not to be a row yet. */
  addLazily(delivery: UnwrittenDelivery): void {
    const { session, position } = delivery.entry!;
    this.hasUnwritten = true;
    this.of(session).outq.set(position, delivery);
  }

  /** Those of `addLazily` that are not over, a session's in their order. */
  unwritten(): UnwrittenDelivery[] {
    const found: UnwrittenDelivery[] = [];
    if (!this.hasUnwritten) return found;
    for (const { outq } of this.bySession.values()) {
      for (const change of outq.values()) if (change instanceof UnwrittenDelivery) found.push(change);
    }
    return found;
  }

  /** A delivery is over. True: it began in these very changes, so that its record must say that it ended, too. */
  finish(session: SessionReference, position: number): boolean {
    const { outq } = this.of(session);
    const known = outq.get(position);
    if (known instanceof UnwrittenDelivery || (known !== undefined && 'put' in known)) {
      outq.delete(position);
      return true;
    }
    this.rows++;
    outq.set(position, { removed: { sid: session.sid, incarnation: session.incarnation, pos: position } });
    return false;
  }

  /** The same for what waited for a shared subscription. */
  finishInGroup(sharedSubscription: string, position: number): boolean {
    const group = this.groupOf(sharedSubscription);
    const known = group.get(position);
    if (known !== undefined && 'put' in known) {
      group.delete(position);
      return true;
    }
    group.set(position, { removed: { groupHash: keyOfText(sharedSubscription), pos: position } });
    return false;
  }

  toRowChanges(): RowChanges {
    const subs = new Split<SubscriptionRow, Removal<'subs'>>();
    const inq2 = new Split<InboundRow, Removal<'inq2'>>();
    const outq = new Split<QueueRow, QueueKey>();
    const shareq = new Split<ShareQueueRow, ShareQueueKey>();
    const queueStates: QueueStateRow[] = [];
    for (const changes of this.bySession.values()) {
      for (const change of changes.subs.values()) subs.add(change);
      for (const change of changes.inq2.values()) inq2.add(change);
      for (const change of changes.outq.values()) {
        if (change instanceof UnwrittenDelivery) continue;
        if ('state' in change) queueStates.push(change.state);
        else outq.add(change);
      }
    }
    for (const group of this.groups.values()) for (const change of group.values()) shareq.add(change);
    const sessions = Split.of(this.sessions);
    const wills = Split.of(this.wills);
    const retained = Split.of(this.retained);
    return {
      put: {
        sessions: sessions.put,
        subs: subs.put,
        outq: outq.put,
        inq2: inq2.put,
        wills: wills.put,
        retained: retained.put,
        shareq: shareq.put,
        endings: [...this.endings.values()],
      },
      queueStates,
      removed: {
        sessions: sessions.removed,
        subs: subs.removed,
        outq: outq.removed,
        inq2: inq2.removed,
        wills: wills.removed,
        retained: retained.removed,
        shareq: shareq.removed,
      },
    };
  }

  private addSession(entry: SessionEntry, at: Uint8Array): void {
    const { sid, incarnation } = entry.session;
    const { clientId, userName, protocolVersion, connected, sessionExpiryInterval, expiresAt, will, willDueAt } = entry;
    const row: SessionRow = {
      sid,
      incarnation,
      clientId,
      userName: userName ?? null,
      protocolVersion,
      connected: connected ? 1 : 0,
      expirySeconds: sessionExpiryInterval === Infinity ? null : sessionExpiryInterval,
      expiresAt: expiresAt === Infinity ? null : expiresAt,
      at,
    };
    const name = nameOf(sid);
    this.sessions.set(name, { put: row });
    const change: Change<WillRow, Removal<'wills'>> = will === undefined
      ? { removed: { sid, at } }
      : { put: { sid, incarnation, delaySeconds: will.delaySeconds, dueAt: willDueAt ?? null, body: will.message, at } };
    this.wills.set(name, change);
  }

  /** What the record did to the session before is not worth writing; what earlier ones did is removed by and by. */
  private addEnd(session: SessionReference, at: Uint8Array): void {
    const { sid, incarnation } = session;
    const name = nameOf(sid);
    this.sessions.set(name, { removed: { sid, at } });
    this.wills.set(name, { removed: { sid, at } });
    this.bySession.delete(session);
    this.endings.set(name + incarnation.toString(), { sid, incarnation, kind: EndingKind.session, at });
  }

  private of(session: SessionReference): SessionChanges {
    let changes = this.bySession.get(session);
    if (changes === undefined) this.bySession.set(session, (changes = { subs: new Map(), outq: new Map(), inq2: new Map() }));
    return changes;
  }

  private groupOf(sharedSubscription: string): Map<number, Change<ShareQueueRow, ShareQueueKey>> {
    let group = this.groups.get(sharedSubscription);
    if (group === undefined) this.groups.set(sharedSubscription, (group = new Map()));
    return group;
  }
}

/** Changes of one table, as a store takes them. */
class Split<Row, Gone> {
  readonly put: Row[] = [];
  readonly removed: Gone[] = [];

  static of<Row, Gone>(changes: ReadonlyMap<string, Change<Row, Gone>>): Split<Row, Gone> {
    const split = new Split<Row, Gone>();
    for (const change of changes.values()) split.add(change);
    return split;
  }

  add(change: Change<Row, Gone>): void {
    if ('put' in change) this.put.push(change.put);
    else this.removed.push(change.removed);
  }
}

/** Bytes as the key of a Map. */
export function nameOf(sid: Uint8Array): string {
  return Buffer.from(sid.buffer, sid.byteOffset, sid.length).toString('latin1');
}

/** Entries of one record, as `Changes` wants them: with one object for each session. */
export function withOneReference(entries: readonly Entry[]): Entry[] {
  const known = new Map<string, SessionReference>();
  return entries.map((entry) => {
    if (!('session' in entry)) return entry;
    const name = nameOf(entry.session.sid) + entry.session.incarnation.toString();
    const session = known.get(name) ?? entry.session;
    known.set(name, session);
    return { ...entry, session };
  });
}

function keyOf({ session: { sid, incarnation }, position }: { session: SessionReference; position: number }): QueueKey {
  return { sid, incarnation, pos: position };
}

export function queueRow(entry: EnqueuedEntry, at: Uint8Array): QueueRow {
  const { session, message, qos, retain, subscriptionIdentifiers, sharedSubscription, packetId } = entry;
  return {
    sid: session.sid,
    incarnation: session.incarnation,
    pos: entry.position,
    packetId,
    received: 0,
    qos,
    flags: retain ? QueueFlag.retain : 0,
    subscriptionIdentifiers: packNumbers(subscriptionIdentifiers),
    sharedSubscription: sharedSubscription ?? null,
    expiresAt: message.expiresAt,
    size: message.size,
    body: message.bytes,
    at,
  };
}

function shareQueueRow({ sharedSubscription, position, message }: GroupEnqueuedEntry, at: Uint8Array): ShareQueueRow {
  const { expiresAt, size, bytes } = message;
  return { groupHash: keyOfText(sharedSubscription), pos: position, sharedSubscription, expiresAt, size, body: bytes, at };
}
