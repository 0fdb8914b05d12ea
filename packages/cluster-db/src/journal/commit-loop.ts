import { type Env, type JournalCondition, type JournalHost } from '@si-mqtt/session';
import { type LogRecord, type LogStore, type StoreRefusal } from '../log-store.js';
import { atOf, type LogPosition } from '../position.js';
import { type Entry } from '../record/entries.js';
import { type QueueRow, type RowChanges, type SessionReference } from '../rows.js';
import { Changes, queueRow } from './changes.js';
import { Draft } from './draft.js';
import { earlyRemovals, type Uncommitted } from './early-removals.js';
import { removeEndings } from './endings.js';
import { inParts, isContentRefusal, isFullRefusal } from './refusals.js';
import { type Committer, StoreHealth, type StoreHealthSettings } from './store-health.js';
import { endOfRecord, finish, halves, isRemoval, messagesOf, type Removal, type Unit, withoutMessages } from './units.js';
import { UnwrittenDeliveries, type UnwrittenDelivery, type UnwrittenSettings } from './unwritten.js';
import { within } from './within.js';
import { CommitWork } from './work.js';

/** Deletions that are worth a commit of their own at once. */
const removalsWorthwhile = 500;
/** With what a unit may hold they stay below the 65,536 entries of a record. */
const removalsAtOnce = 5000;
const lookMilliseconds = 500;
const stopMilliseconds = 5000;
/** `at` has two bytes for the index of an entry. */
const unitEntriesMax = 60_000;
const nothing: Uncommitted = { units: [], removals: [] };

export interface CommitLoopSettings extends StoreHealthSettings, UnwrittenSettings {
  /** Deliveries that have ended are removed from the store within this time. */
  readonly removeAfterMilliseconds: number;
}

/**
 * Brings what was recorded to the store, one record after the other: while one is under way the next batch grows, so that the work of the store
 * adapts to the load without a timer. Whatever the store answers, position n + 1 is never written before n is known to be there.
 */
export class CommitLoop implements Committer {
  openBatch = 1;
  committedBatch = 0;
  /** Position of the last record of this run. */
  committedSeq = 0;
  /** Of the last record. */
  private derived = 0;
  readonly work: CommitWork;
  isFenced = false;
  hasStopped = false;
  private readonly store: LogStore;
  private readonly env: Env;
  private readonly settings: CommitLoopSettings;
  private host: JournalHost | undefined;
  private seat = 0;
  private epoch = 0;
  private units: Unit[] = [];
  /** What is being committed. */
  private underWay: Uncommitted = nothing;
  private isDivided = true;
  private running: Promise<void> | undefined;
  /** Ends of deliveries that came while nothing else was recorded. */
  private removals: Removal[] = [];
  private removalsPlanned = false;
  private removalsDue = false;
  private readonly unwritten: UnwrittenDeliveries;
  private settlingDue = false;
  private readonly health: StoreHealth;
  private hasEndings = true;
  private isStopping = false;
  private tending: Promise<void> | undefined;
  private stopped!: () => void;
  private readonly end: Promise<void> = new Promise((resolve) => {
    this.stopped = resolve;
  });

  constructor(store: LogStore, env: Env, settings: CommitLoopSettings) {
    this.store = store;
    this.env = env;
    this.settings = settings;
    this.work = new CommitWork(env);
    this.unwritten = new UnwrittenDeliveries(settings);
    this.health = new StoreHealth(store, env, settings, this);
  }

  get condition(): JournalCondition {
    return this.health.condition;
  }

  get last(): LogPosition {
    return { seat: this.seat, epoch: this.epoch, seq: this.committedSeq };
  }

  /** A replay needs no record below, and finds out by the last one where to begin. */
  get floor(): number {
    return this.derived + 1;
  }

  /**
   * What was recorded before waits until now: only the epoch gives it its positions. `isFull`: as it was found, so that at first only what makes room is
   * taken.
   */
  start(host: JournalHost, { seat, epoch, isFull }: { readonly seat: number; readonly epoch: number; readonly isFull: boolean }): void {
    this.host = host;
    this.seat = seat;
    this.epoch = epoch;
    this.health.start(isFull);
    this.run();
    void this.look();
  }

  /** True: it is the first of an open batch that was empty. What nobody awaits, the end of a delivery, makes no batch of its own. */
  add(entry: Entry, bytes: number, isAwaited: boolean): boolean {
    if (this.isFenced) return false;
    const isFirst = this.units.length === 0;
    if (isFirst && !isAwaited && isRemoval(entry)) {
      this.removals.push(entry);
      this.planRemovals();
      return false;
    }
    let unit = this.units.at(-1);
    if (unit === undefined || this.isDivided || unit.entries.length >= unitEntriesMax) {
      unit = { entries: [], bytes: 0 };
      this.units.push(unit);
      this.isDivided = false;
    }
    unit.entries.push(entry);
    unit.bytes += bytes;
    this.work.pendingOperations++;
    this.work.pendingBytes += bytes;
    // At once: a single connection may bring megabytes in one turn.
    if (this.work.pendingBytes > this.settings.pendingBytesMax && this.health.condition === 'ready') this.health.judge();
    return isFirst;
  }

  /** The delivery is over. True: the store need not know. */
  finishUnwritten(session: SessionReference, position: number): boolean {
    return this.unwritten.finish(session, position);
  }

  divide(): void {
    this.isDivided = true;
  }

  endTurn(): void {
    this.isDivided = true;
    this.run();
  }

  /** Nothing is committed any more: another node has the seat, or the reason says what else. */
  fence(reason: string): void {
    if (this.isFenced) return;
    this.isFenced = true;
    this.units = [];
    this.removals = [];
    this.tell((host) => host.fenced(reason));
  }

  /** Commits what is recorded, if the store takes it within a few seconds. False: it does not answer. */
  async stop(): Promise<boolean> {
    this.isStopping = true;
    this.removalsDue = true;
    this.settlingDue = true;
    this.run();
    const isDone = this.running === undefined || (await within(this.env, stopMilliseconds, this.running));
    if (!isDone)
      this.fence(`the store did not take what was recorded within ${stopMilliseconds / 1000} s: ${this.work.lastError ?? 'no answer'}`);
    this.hasStopped = true;
    this.stopped();
    return isDone;
  }

  /** Resolves when the store may be used. */
  confirm(): Promise<void> {
    return this.health.confirm();
  }

  /** For whoever asks the store beside this. */
  noteFailure(error: unknown): void {
    this.health.noteFailure(error);
  }

  /** A call that may be made twice, until it is answered. */
  retried<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.health.retried(call);
  }

  conditionChanged(): void {
    this.tell((host) => host.conditionChanged());
  }

  // ——— committing ———

  private run(): void {
    if (this.host === undefined || this.running !== undefined || this.isFenced || this.hasStopped || !this.hasWork()) return;
    this.running = this.commitAll().then(
      () => {
        this.running = undefined;
      },
      (error: unknown) => {
        this.running = undefined;
        if (this.isFenced) return;
        this.work.noteError(error);
        this.fence(`the journal cannot go on: ${this.work.lastError}`);
      },
    );
  }

  private hasWork(): boolean {
    if (this.units.length > 0 || this.isToSettle()) return true;
    return this.removals.length > 0 && (this.removalsDue || this.removals.length >= removalsWorthwhile);
  }

  /** Not into a full store: what makes room there would wait behind. */
  private isToSettle(): boolean {
    return !this.health.isFull && (this.settlingDue || this.unwritten.isDue(this.env.monotonic()));
  }

  private async commitAll(): Promise<void> {
    while (this.hasWork() && !this.isFenced) {
      this.work.begin();
      const { units } = this;
      const removals = this.removals.splice(0, units.length > 0 ? this.removals.length : removalsAtOnce);
      this.removalsDue = this.isStopping || this.removals.length > 0;
      if (units.length > 0) await this.commit(units, removals);
      else if (removals.length > 0) await this.remove(removals);
      if (this.isToSettle()) await this.settle();
      this.work.end();
      this.health.answered();
    }
  }

  private async commit(units: readonly Unit[], removals: readonly Removal[]): Promise<void> {
    const batch = this.openBatch++;
    this.units = [];
    this.isDivided = true;
    this.underWay = { units, removals };
    for (let from = 0; from < units.length; ) {
      const to = endOfRecord(units, from);
      // With the last record: what ends here may live on elsewhere, by an entry of any of them.
      await this.commitUnits(units.slice(from, to), to === units.length ? removals.slice(0, removalsAtOnce) : []);
      from = to;
    }
    // A packet identifier may be in use again: once that is known, the delivery that had it before must not come back.
    for (let from = removalsAtOnce; from < removals.length; from += removalsAtOnce)
      await this.remove(removals.slice(from, from + removalsAtOnce));
    for (const { entries, bytes } of units) {
      this.work.pendingOperations -= entries.length;
      this.work.pendingBytes -= bytes;
    }
    this.underWay = nothing;
    this.committedBatch = batch;
    this.tell((host) => host.committed());
  }

  /** One record; or several, where the store does not take what is in it. */
  private async commitUnits(units: readonly Unit[], removals: readonly Removal[]): Promise<void> {
    const position: LogPosition = { seat: this.seat, epoch: this.epoch, seq: this.committedSeq + 1 };
    const draft = new Draft(position, this.store.rowsWithRecord, this.unwritten);
    for (const removal of removals) draft.add(removal);
    for (const { entries } of units) for (const entry of entries) draft.add(entry);
    try {
      if (draft.isEmpty) await this.writeRows(draft.rows());
      else await this.commitDraft(position, draft);
    } catch (error) {
      if (!isContentRefusal(error)) throw error;
      await this.commitWithout(units, removals, error);
    }
  }

  private async commitDraft(position: LogPosition, draft: Draft): Promise<void> {
    const record = draft.record(this.env.now());
    await this.append(position, record, draft.rows());
    this.committedSeq = position.seq;
    this.derived = record.derived;
    draft.committed(this.env.monotonic());
    // Not before: whoever looks while this is under way finds nothing.
    if (draft.hasEndings) this.hasEndings = true;
  }

  /** What is guilty is looked for by halving; what is left is committed. A message is dropped with its unit's other messages. */
  private async commitWithout(units: readonly Unit[], removals: readonly Removal[], error: StoreRefusal): Promise<void> {
    if (units.length > 1) {
      const [first, second] = halves(units);
      await this.commitUnits(first, []);
      await this.commitUnits(second, removals);
      return;
    }
    if (units.length > 0 && removals.length > 0) {
      await this.commitUnits(units, []);
      await this.commitUnits([], removals);
      return;
    }
    const unit: Unit = units.length > 0 ? units[0] : { entries: [...removals], bytes: 0 };
    const refused = messagesOf(unit);
    if (refused.size === 0) {
      await this.commitParts(unit.entries, error);
      return;
    }
    this.work.noteError(error);
    for (const { source } of refused) if (source !== undefined) this.tell((host) => host.refused(source));
    await this.commitUnits([withoutMessages(unit)], []);
  }

  /** A client's own state is too large: the rest need not go with it. */
  private async commitParts(entries: readonly Entry[], error: StoreRefusal): Promise<void> {
    if (entries.length <= 1) {
      this.work.dropped(entries, error);
      return;
    }
    for (const part of halves(entries)) await this.commitUnits([{ entries: part, bytes: 0 }], []);
  }

  private async append(position: LogPosition, record: LogRecord, rows: RowChanges): Promise<void> {
    const write = async () => {
      const begun = this.env.monotonic();
      const outcome = await this.store.append(position, record, rows);
      if (outcome === 'fenced') {
        this.fence('another broker owns the store: its log is sealed');
        throw new Error('fenced');
      }
      this.work.committed(this.env.monotonic() - begun, record.body.length);
    };
    await this.health.retried(
      write,
      () => this.isFenced,
      () => this.makeRoom(),
    );
  }

  /** A store that is full for a record must not keep what makes room waiting behind it. The record, or a later one, has it once more. */
  private async makeRoom(): Promise<void> {
    const { units, removals } = this;
    const early = earlyRemovals([this.underWay, { units, removals }]).slice(0, removalsAtOnce);
    const changes = new Changes();
    for (const removal of early) finish(changes, removal);
    try {
      if (early.length === 0) return;
      await this.health.confirm();
      await this.store.writeRows(changes.toRowChanges(), this.last);
    } catch (error) {
      this.health.noteFailure(error);
    }
  }

  private async writeRows(rows: RowChanges, isFinal?: (error: unknown) => boolean): Promise<void> {
    const { last } = this;
    await this.health.retried(() => this.store.writeRows(rows, last), isFinal);
  }

  private async remove(removals: readonly Removal[]): Promise<void> {
    const left = removals.filter((removal) => removal.kind !== 'finished' || !this.unwritten.finish(removal.session, removal.position));
    const write = (some: readonly Removal[]) => {
      const changes = new Changes();
      for (const removal of some) finish(changes, removal);
      return this.writeRows(changes.toRowChanges());
    };
    await inParts(left, write, (removal, error) => this.work.dropped([removal], error));
  }

  /** What was not acknowledged soon becomes rows; and if no other record says that a replay need not begin so early, an empty one does. */
  private async settle(): Promise<void> {
    const { unwritten } = this;
    const now = this.isStopping ? Infinity : this.env.monotonic();
    const due = unwritten.take(now);
    const write = (some: readonly UnwrittenDelivery[]) => this.writeRows({ put: { outq: some.map(rowOf) } }, isFullRefusal);
    try {
      await inParts(due, write, ({ entry }, error) => this.work.dropped([entry!], error));
    } catch (error) {
      if (!isFullRefusal(error)) throw error;
      this.health.failed(error);
      unwritten.giveBack(due);
      return;
    }
    unwritten.written(due);
    this.settlingDue = unwritten.isDue(now);
    if (this.settlingDue || !unwritten.isAhead(this.derived)) return;
    const position = { seat: this.seat, epoch: this.epoch, seq: this.committedSeq + 1 };
    await this.commitDraft(position, new Draft(position, this.store.rowsWithRecord, unwritten));
  }

  private planRemovals(): void {
    if (this.removals.length >= removalsWorthwhile) this.run();
    if (this.removalsPlanned) return;
    this.removalsPlanned = true;
    void this.env.sleep(this.settings.removeAfterMilliseconds, this.end).then(() => {
      this.removalsPlanned = false;
      this.removalsDue = true;
      this.run();
    });
  }

  // ——— looking after the store ———

  /** Now and then: is a commit under way for too long, is there room again, has something ended? */
  private async look(): Promise<void> {
    for (;;) {
      await this.env.sleep(lookMilliseconds, this.end);
      if (this.isStopping || this.isFenced) return;
      this.health.look();
      this.settlingDue ||= this.unwritten.isAhead(this.derived);
      // A batch that is open and not under way has its turn to wait for.
      if (this.units.length === 0) this.run();
      // Beside: a call that hangs must not hide that the store is away.
      this.tending ??= this.tend().finally(() => {
        this.tending = undefined;
      });
    }
  }

  private async tend(): Promise<void> {
    try {
      await this.health.lookForRoom();
      if (this.hasEndings) await this.sweep();
    } catch (error) {
      this.hasEndings = true;
      this.health.noteFailure(error);
    }
  }

  /** Removes what belonged to sessions and groups that have ended. */
  async sweep(): Promise<void> {
    this.hasEndings = false;
    await removeEndings(this.store, () => this.isStopping);
  }

  /** What the node makes of it is not a matter of the store. */
  private tell(call: (host: JournalHost) => void): void {
    if (this.host === undefined) return;
    try {
      call(this.host);
    } catch (error) {
      this.work.noteError(error);
    }
  }
}

function rowOf({ entry, at, index }: UnwrittenDelivery): QueueRow {
  return queueRow(entry!, atOf(0, at, index));
}
