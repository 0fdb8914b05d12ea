import { type Env, type JournalCondition, type JournalHost, type JournalWork } from '@si-mqtt/session';
import { type LogRecord, type LogStore, StoreRefusal } from '../log-store.js';
import { atOf, type LogPosition } from '../position.js';
import { type EncodedMessage, type Entry } from '../record/entries.js';
import { RecordWriter } from '../record/record.js';
import { type RowChanges } from '../rows.js';
import { Changes } from './changes.js';

/** A record grows up to here, unless a single unit is larger. */
const recordBytesMax = 1024 * 1024;
const recordRowsMax = 1000;
/** Deletions that are worth a commit of their own at once. */
const removalsMax = 500;
const retryMilliseconds = { first: 20, last: 2000 } as const;
const lookMilliseconds = 500;
const stopMilliseconds = 5000;
const endingsAtOnce = 20;
const rowsAtOnce = 1000;
/** `at` has two bytes for the index of an entry. */
const unitEntriesMax = 60_000;
/** Milliseconds. */
const commitBounds: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

type Removal = Extract<Entry, { kind: 'finished' | 'groupFinished' }>;

export interface CommitLoopSettings {
  /** Bytes that may wait for the store before publishers are not read any more. */
  readonly pendingBytesMax: number;
  /** After that long without a commit what is new is refused. */
  readonly refuseAfterSeconds: number;
  /** Deliveries that have ended are removed from the store within this time. */
  readonly removeAfterMilliseconds: number;
}

/** What only makes sense together: it goes into one record. */
interface Unit {
  readonly entries: Entry[];
  bytes: number;
}

/**
 * Brings what was recorded to the store, one record after the other: while one is under way the next batch grows, so that the work of the store
 * adapts to the load without a timer. Whatever the store answers, position n + 1 is never written before n is known to be there.
 */
export class CommitLoop implements JournalWork {
  openBatch = 1;
  committedBatch = 0;
  /** Position of the last record of this run. */
  committedSeq = 0;
  /** Bytes and operations that are recorded and not committed. */
  pendingBytes = 0;
  pendingOperations = 0;
  condition: JournalCondition = 'ready';
  /** For metrics: records, seconds, bytes; and how many took at most each of `commitBounds`, the last one longer. */
  commits = 0;
  commitSeconds = 0;
  commitBytes = 0;
  readonly commitBounds: readonly number[] = commitBounds;
  readonly commitCounts: number[] = new Array<number>(commitBounds.length + 1).fill(0);
  retries = 0;
  lastError: string | undefined;
  private readonly store: LogStore;
  private readonly env: Env;
  private readonly settings: CommitLoopSettings;
  private host: JournalHost | undefined;
  private seat = 0;
  private epoch = 0;
  private units: Unit[] = [];
  private isDivided = true;
  private running: Promise<void> | undefined;
  /** Ends of deliveries that came while nothing else was recorded. */
  private removals: Removal[] = [];
  private removalsPlanned = false;
  private removalsDue = false;
  private isFull = false;
  private isAway = false;
  private busySince: number | undefined;
  private hasEndings = true;
  private isFenced = false;
  private isStopping = false;
  private stopped!: () => void;
  private readonly end: Promise<void> = new Promise((resolve) => {
    this.stopped = resolve;
  });

  constructor(store: LogStore, env: Env, settings: CommitLoopSettings) {
    this.store = store;
    this.env = env;
    this.settings = settings;
  }

  get commitMilliseconds(): number {
    return this.busySince === undefined ? 0 : this.env.monotonic() - this.busySince;
  }

  /** `isFull`: as it was found, so that at first only what makes room is taken. */
  start(host: JournalHost, { seat, epoch, isFull }: { readonly seat: number; readonly epoch: number; readonly isFull: boolean }): void {
    this.host = host;
    this.seat = seat;
    this.epoch = epoch;
    this.isFull = isFull;
    this.judge();
    void this.look();
  }

  /** True: it is the first of an open batch that was empty. */
  add(entry: Entry, bytes: number): boolean {
    const isFirst = this.units.length === 0;
    if (isFirst && isRemoval(entry)) {
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
    this.pendingOperations++;
    this.pendingBytes += bytes;
    return isFirst;
  }

  divide(): void {
    this.isDivided = true;
  }

  endTurn(): void {
    this.isDivided = true;
    if (this.pendingBytes > this.settings.pendingBytesMax) this.judge();
    this.run();
  }

  /** Another node has the seat. */
  fence(reason: string): void {
    if (this.isFenced) return;
    this.isFenced = true;
    this.host?.fenced(reason);
  }

  /** Commits what is recorded, if the store takes it within a few seconds. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.removalsDue = true;
    this.run();
    await this.running;
    this.stopped();
  }

  /** A call that changes nothing: again and again until it is answered. */
  async retried<Result>(call: () => Promise<Result>): Promise<Result> {
    for (let wait: number = retryMilliseconds.first; ; wait = Math.min(wait * 2, retryMilliseconds.last)) {
      try {
        return await call();
      } catch (error) {
        this.failed(error);
        await this.pause(wait);
      }
    }
  }

  // ——— committing ———

  private run(): void {
    if (this.running !== undefined || this.isFenced || !this.hasWork()) return;
    this.running = this.work().then(
      () => {
        this.running = undefined;
      },
      (error: unknown) => {
        this.running = undefined;
        this.lastError = textOf(error);
        if (!this.isFenced) this.fence(this.lastError);
      },
    );
  }

  private hasWork(): boolean {
    return this.units.length > 0 || (this.removals.length > 0 && (this.removalsDue || this.removals.length >= removalsMax));
  }

  private async work(): Promise<void> {
    while (this.hasWork() && !this.isFenced) {
      this.busySince = this.env.monotonic();
      const { removals, units } = this;
      this.removals = [];
      this.removalsDue = this.isStopping;
      if (units.length > 0) await this.commit(units, removals);
      else await this.remove(removals);
      this.busySince = undefined;
      this.isAway = false;
      this.judge();
    }
  }

  private async commit(units: readonly Unit[], removals: readonly Removal[]): Promise<void> {
    const batch = this.openBatch++;
    this.units = [];
    this.isDivided = true;
    for (let from = 0; from < units.length; ) {
      let to = from;
      let bytes = 0;
      let entries = 0;
      do {
        bytes += units[to].bytes;
        entries += units[to].entries.length;
        to++;
      } while (to < units.length && bytes + units[to].bytes <= recordBytesMax && entries + units[to].entries.length <= recordRowsMax);
      // With the last record: what ends here may live on elsewhere, by an entry of any of them.
      await this.commitUnits(units.slice(from, to), to === units.length ? removals : []);
      from = to;
    }
    for (const { entries, bytes } of units) {
      this.pendingOperations -= entries.length;
      this.pendingBytes -= bytes;
    }
    this.committedBatch = batch;
    this.host!.committed();
  }

  /** One record; or several, where the store does not take what is in it. */
  private async commitUnits(units: readonly Unit[], removals: readonly Removal[]): Promise<void> {
    const position: LogPosition = { seat: this.seat, epoch: this.epoch, seq: this.committedSeq + 1 };
    const writer = new RecordWriter();
    const changes = new Changes();
    // With the rows in the same commit, the end of a delivery that was there before needs no word in the log. Where they follow, a replay must find it.
    const { rowsWithRecord } = this.store;
    for (const removal of removals) if (finish(changes, removal) || !rowsWithRecord) writer.add(removal);
    for (const { entries } of units) {
      for (const entry of entries) {
        if (isRemoval(entry) && !finish(changes, entry) && rowsWithRecord) continue;
        const index = writer.add(entry);
        if (!isRemoval(entry)) changes.add(entry, atOf(0, position, index));
        if (entry.kind === 'ended' || entry.kind === 'groupEnded') this.hasEndings = true;
      }
    }
    const rows = changes.toRowChanges();
    if (writer.entries === 0) {
      await this.writeRows(rows);
      return;
    }
    const record = { body: writer.finish(), messages: writer.messages, writtenAt: this.env.now(), derived: position.seq - 1 };
    try {
      await this.append(position, record, rows);
    } catch (error) {
      if (!isContentRefusal(error)) throw error;
      await this.commitWithout(units, removals, error);
      return;
    }
    this.committedSeq = position.seq;
  }

  /** The guilty message is looked for by halving; what is left is committed. */
  private async commitWithout(units: readonly Unit[], removals: readonly Removal[], error: StoreRefusal): Promise<void> {
    if (units.length > 1) {
      const half = units.length >> 1;
      await this.commitUnits(units.slice(0, half), []);
      await this.commitUnits(units.slice(half), removals);
      return;
    }
    const refused = new Set<EncodedMessage>();
    for (const entry of units[0].entries) if ('message' in entry) refused.add(entry.message);
    if (refused.size === 0) throw error;
    this.lastError = error.message;
    for (const { source } of refused) if (source !== undefined) this.host!.refused(source);
    const entries = units[0].entries.filter((entry) => !('message' in entry));
    await this.commitUnits([{ entries, bytes: 0 }], removals);
  }

  private async append(position: LogPosition, record: LogRecord, rows: RowChanges): Promise<void> {
    for (let wait: number = retryMilliseconds.first; ; wait = Math.min(wait * 2, retryMilliseconds.last)) {
      const begun = this.env.monotonic();
      try {
        const outcome = await this.store.append(position, record, rows);
        if (outcome === 'fenced') {
          this.fence('its log is sealed');
          throw new Error('fenced');
        }
        this.measure(this.env.monotonic() - begun, record.body.length);
        return;
      } catch (error) {
        if (this.isFenced || isContentRefusal(error)) throw error;
        this.failed(error);
        await this.pause(wait);
      }
    }
  }

  private async writeRows(rows: RowChanges): Promise<void> {
    const derived = { seat: this.seat, epoch: this.epoch, seq: this.committedSeq };
    await this.retried(() => this.store.writeRows(rows, derived));
  }

  private async remove(removals: readonly Removal[]): Promise<void> {
    const changes = new Changes();
    for (const removal of removals) finish(changes, removal);
    await this.writeRows(changes.toRowChanges());
  }

  private planRemovals(): void {
    if (this.removals.length >= removalsMax) this.run();
    if (this.removalsPlanned) return;
    this.removalsPlanned = true;
    void this.env.sleep(this.settings.removeAfterMilliseconds, this.end).then(() => {
      this.removalsPlanned = false;
      this.removalsDue = true;
      this.run();
    });
  }

  // ——— trouble ———

  private failed(error: unknown): void {
    this.retries++;
    this.lastError = textOf(error);
    if (error instanceof StoreRefusal && error.reason === 'full') this.isFull = true;
    this.judge();
    if (this.isStopping && this.env.monotonic() - (this.busySince ?? 0) > stopMilliseconds) {
      throw new Error(`the store did not take what was recorded: ${this.lastError}`, { cause: error });
    }
  }

  private async pause(milliseconds: number): Promise<void> {
    await this.env.sleep(milliseconds * (0.5 + this.env.random()));
    if (this.isFenced) throw new Error('fenced');
  }

  /** Now and then: is a commit under way for too long, is there room again, has something ended? */
  private async look(): Promise<void> {
    for (;;) {
      await this.env.sleep(lookMilliseconds, this.end);
      if (this.isStopping || this.isFenced) return;
      const { busySince } = this;
      this.isAway = busySince !== undefined && this.env.monotonic() - busySince > this.settings.refuseAfterSeconds * 1000;
      this.judge();
      try {
        if (this.isFull && (await this.store.hasRoom())) {
          this.isFull = false;
          this.judge();
        }
        if (this.hasEndings) await this.sweep();
      } catch (error) {
        this.lastError = textOf(error);
      }
    }
  }

  /** Removes what belonged to sessions and groups that have ended. */
  async sweep(): Promise<void> {
    this.hasEndings = false;
    for (;;) {
      const endings = await this.store.readEndings(endingsAtOnce);
      for (const ending of endings) {
        while (!(await this.store.removeEnded(ending, rowsAtOnce))) if (this.isStopping) return;
      }
      if (endings.length < endingsAtOnce) return;
    }
  }

  private judge(): void {
    const { pendingBytesMax } = this.settings;
    const isCongested = this.pendingBytes > (this.condition === 'congested' ? pendingBytesMax / 2 : pendingBytesMax);
    const next = this.isAway ? 'unavailable' : this.isFull ? 'full' : isCongested ? 'congested' : 'ready';
    if (next === this.condition) return;
    this.condition = next;
    this.host?.conditionChanged();
  }

  private measure(milliseconds: number, bytes: number): void {
    this.commits++;
    this.commitSeconds += milliseconds / 1000;
    this.commitBytes += bytes;
    const bucket = commitBounds.findIndex((bound) => milliseconds <= bound);
    this.commitCounts[bucket < 0 ? commitBounds.length : bucket]++;
  }
}

function isRemoval(entry: Entry): entry is Removal {
  return entry.kind === 'finished' || entry.kind === 'groupFinished';
}

function finish(changes: Changes, removal: Removal): boolean {
  return removal.kind === 'finished'
    ? changes.finish(removal.session, removal.position)
    : changes.finishInGroup(removal.sharedSubscription, removal.position);
}

function isContentRefusal(error: unknown): error is StoreRefusal {
  return error instanceof StoreRefusal && error.reason === 'content';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
