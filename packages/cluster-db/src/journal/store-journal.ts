import {
  type ConnectedState,
  type DisconnectedState,
  type Env,
  type Journal,
  type JournalCondition,
  type JournaledDelivery,
  type JournalHost,
  type JournalMeasures,
  type JournalWork,
  type Message,
  type Position,
  type QueuePosition,
  type RestoredDelivery,
  type SessionKey,
  type Subscription,
} from '@si-mqtt/session';
import { type LogStore } from '../log-store.js';
import { keyOfText } from '../position.js';
import { type EncodedMessage, type Entry, encodedMessage, type SessionEntry } from '../record/entries.js';
import { entryBytes } from '../record/record.js';
import { encodeWill } from '../record/stored-message.js';
import { type SessionReference } from '../rows.js';
import { CommitLoop, type CommitLoopSettings } from './commit-loop.js';
import { restore } from './restore.js';
import { restoredDelivery, restoredFromGroup } from './restored.js';
import { Seat } from './seat.js';
import { within } from './within.js';

/** Positions that one run can give in each session. */
const positionsPerRun = 2 ** 33;
const incarnationBits = 40n;
/** For letting go of a store that does not answer. */
const closeMilliseconds = 500;
/** Bytes of bodies that one page of a queue reads at most, unless a single one is larger. */
const pageBytesMax = 1024 * 1024;

export interface StoreJournalSettings extends CommitLoopSettings {
  /** How long to watch whether another broker holds the store before it is taken; 0 where the store itself keeps others out. */
  readonly watchMilliseconds: number;
  /** How often the seat is confirmed and old records are removed. */
  readonly beatMilliseconds: number;
  /**
   * QoS 1 that is sent at once gets a row only if its client does not acknowledge it soon. After a crash what was acknowledged in the last moments may
   * come again.
   */
  readonly lazy: boolean;
  /** As the store says. */
  readonly maximumMessageBytes: number;
}

export const defaultStoreJournalSettings: StoreJournalSettings = {
  watchMilliseconds: 3000,
  beatMilliseconds: 1000,
  pendingBytesMax: 64 * 1024 * 1024,
  refuseAfterSeconds: 30,
  removeAfterMilliseconds: 50,
  writeAfterMilliseconds: 500,
  unwrittenBytesMax: 16 * 1024 * 1024,
  lazy: false,
  maximumMessageBytes: Infinity,
};

/** A session as the journal knows it while it lives: what is recorded for an earlier incarnation has no effect. */
interface LiveSession {
  readonly incarnation: Position;
  readonly reference: SessionReference;
  state: SessionEntry;
}

/** A Journal on a LogStore: what one turn records becomes one record of the log, and the rows that follow from it. */
export class StoreJournal implements Journal {
  firstPosition = 0;
  operations = 0;
  private readonly store: LogStore;
  private readonly env: Env;
  private readonly settings: StoreJournalSettings;
  private readonly sessions: Map<string, LiveSession> = new Map();
  private readonly seat: Seat;
  private readonly loop: CommitLoop;
  private host: JournalHost | undefined;
  private epoch = 0;
  private incarnations = 0n;
  private lastMessage: Message | undefined;
  private lastEncoded: EncodedMessage | undefined;

  constructor(store: LogStore, env: Env, settings: Partial<StoreJournalSettings> = {}) {
    this.store = store;
    this.env = env;
    this.settings = { ...defaultStoreJournalSettings, ...settings };
    this.seat = new Seat(store, env, this.settings);
    this.loop = new CommitLoop(store, env, this.settings);
  }

  get maximumMessageBytes(): number {
    return this.settings.maximumMessageBytes;
  }

  get openBatch(): number {
    return this.loop.openBatch;
  }

  get committedBatch(): number {
    return this.loop.committedBatch;
  }

  get condition(): JournalCondition {
    return this.loop.condition;
  }

  get work(): JournalWork {
    return this.loop.work;
  }

  async start(host: JournalHost): Promise<void> {
    this.host = host;
    this.epoch = await this.seat.take();
    this.firstPosition = this.epoch * positionsPerRun + 1;
    // What waited for a group that ended must not come to one that began anew under its name.
    await this.loop.sweep();
    await restore(this.store, this.env, host, (entry) => this.adopt(entry));
    const isFull = !(await this.store.hasRoom());
    this.loop.start(host, { seat: this.seat.number, epoch: this.epoch, isFull });
    this.seat.hold(this.loop);
  }

  async stop(): Promise<void> {
    const isAnswering = await this.loop.stop();
    const close = this.seat.release().then(() => this.store.close());
    await (isAnswering ? close : within(this.env, closeMilliseconds, close));
  }

  endTurn(): void {
    this.lastMessage = undefined;
    this.lastEncoded = undefined;
    this.loop.endTurn();
  }

  divide(): void {
    this.loop.divide();
  }

  measure(): Promise<JournalMeasures> {
    return this.store.measures(this.seat.number, this.epoch);
  }

  nextIncarnation(): Position {
    return (BigInt(this.epoch) << incarnationBits) | ++this.incarnations;
  }

  connected({ clientId, incarnation }: SessionKey, connected: ConnectedState): void {
    const { userName, protocolVersion, sessionExpiryInterval, will } = connected;
    const known = this.sessions.get(clientId);
    const reference = known?.incarnation === incarnation ? known.reference : { sid: keyOfText(clientId), incarnation };
    const state: SessionEntry = {
      kind: 'session',
      session: reference,
      clientId,
      userName,
      protocolVersion,
      connected: true,
      sessionExpiryInterval,
      expiresAt: Infinity,
      will: will === undefined ? undefined : encodeWill(will, { clientId, userName }, this.env.now()),
      willDueAt: undefined,
    };
    this.sessions.set(clientId, { incarnation, reference, state });
    this.record(state);
  }

  disconnected(session: SessionKey, { expiresAt, delayedWill }: DisconnectedState): void {
    const live = this.live(session);
    if (live === undefined) return;
    const { clientId, userName } = live.state;
    const will = delayedWill === undefined ? undefined : encodeWill(delayedWill.will, { clientId, userName }, this.env.now());
    live.state = { ...live.state, connected: false, expiresAt, will, willDueAt: delayedWill?.publishAt };
    this.record(live.state);
  }

  willEnded(session: SessionKey): void {
    const live = this.live(session);
    if (live === undefined) return;
    live.state = { ...live.state, will: undefined, willDueAt: undefined };
    this.record({ kind: 'willEnded', session: live.reference });
  }

  ended(session: SessionKey): void {
    const live = this.live(session);
    if (live === undefined) return;
    this.sessions.delete(session.clientId);
    this.record({ kind: 'ended', session: live.reference });
  }

  subscribed(session: SessionKey, { mayReceive: _mayReceive, ...subscription }: Subscription): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'subscribed', session: reference, subscription });
  }

  unsubscribed(session: SessionKey, requested: string): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'unsubscribed', session: reference, requested });
  }

  enqueued(session: SessionKey, delivery: JournaledDelivery): void {
    const reference = this.live(session)?.reference;
    if (reference === undefined) return;
    const { position, qos, retain, subscriptionIdentifiers, sharedSubscription, packetId } = delivery;
    // Another member may get what a shared subscription chose this session for: that must not come again here.
    const isLazy = this.settings.lazy && qos === 1 && packetId !== 0 && sharedSubscription === undefined;
    this.record({
      kind: isLazy ? 'enqueuedLazily' : 'enqueued',
      session: reference,
      position,
      message: this.encoded(delivery.message),
      qos,
      retain,
      subscriptionIdentifiers,
      sharedSubscription,
      packetId,
    });
  }

  sent(session: SessionKey, { position, packetId }: JournaledDelivery): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'wentOn', session: reference, position, packetId, received: false });
  }

  received(session: SessionKey, position: QueuePosition, packetId: number): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'wentOn', session: reference, position, packetId, received: true });
  }

  finished(session: SessionKey, position: QueuePosition, isAwaited: boolean = false): void {
    const reference = this.live(session)?.reference;
    if (reference === undefined || this.loop.finishUnwritten(reference, position)) return;
    this.record({ kind: 'finished', session: reference, position }, isAwaited);
  }

  inboundReceived(session: SessionKey, packetId: number): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'inboundReceived', session: reference, packetId });
  }

  inboundReleased(session: SessionKey, packetId: number): void {
    const reference = this.live(session)?.reference;
    if (reference !== undefined) this.record({ kind: 'inboundReleased', session: reference, packetId });
  }

  retained(message: Message): void {
    this.record({ kind: 'retained', message: this.encoded(message) });
  }

  groupEnqueued(sharedSubscription: string, position: QueuePosition, message: Message): void {
    this.record({ kind: 'groupEnqueued', sharedSubscription, position, message: this.encoded(message) });
  }

  groupFinished(sharedSubscription: string, position: QueuePosition, isAwaited: boolean = false): void {
    this.record({ kind: 'groupFinished', sharedSubscription, position }, isAwaited);
  }

  groupEnded(sharedSubscription: string): void {
    this.record({ kind: 'groupEnded', sharedSubscription });
  }

  async page({ clientId, incarnation }: SessionKey, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    const reference = { sid: keyOfText(clientId), incarnation };
    const rows = await this.loop.retried(() => this.store.readQueue(reference, after, limit, pageBytesMax));
    return rows.map(restoredDelivery);
  }

  async pageGroup(sharedSubscription: string, after: QueuePosition, limit: number): Promise<readonly RestoredDelivery[]> {
    const hash = keyOfText(sharedSubscription);
    const rows = await this.loop.retried(() => this.store.readShareQueue(hash, after, limit, pageBytesMax));
    return rows.map(restoredFromGroup);
  }

  private live({ clientId, incarnation }: SessionKey): LiveSession | undefined {
    const live = this.sessions.get(clientId);
    return live?.incarnation === incarnation ? live : undefined;
  }

  private adopt(state: SessionEntry): void {
    const reference = state.session;
    this.sessions.set(state.clientId, { incarnation: reference.incarnation, reference, state });
  }

  /** Most messages go to several sessions one after the other. */
  private encoded(message: Message): EncodedMessage {
    if (message !== this.lastMessage) {
      this.lastMessage = message;
      this.lastEncoded = encodedMessage(message);
    }
    return this.lastEncoded!;
  }

  private record(entry: Entry, isAwaited: boolean = true): void {
    if (isAwaited) this.operations++;
    if (this.loop.add(entry, entryBytes(entry), isAwaited)) this.host!.turnBegan();
  }
}
