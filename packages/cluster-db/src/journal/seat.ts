import { randomBytes } from 'node:crypto';
import { type Env } from '@si-mqtt/session';
import { type LogStore, StoreUnusable } from '../log-store.js';
import { compareBytes, keyLength } from '../position.js';
import { type SeatRow } from '../rows.js';
import { replay } from './replay.js';

/** The largest epoch of which positions in queues are still safe integers. */
const epochMax = 2 ** 20 - 1;
const collectedAtOnce = 1000;
const lateBeatsMax = 3;

export interface SeatSettings {
  readonly watchMilliseconds: number;
  readonly beatMilliseconds: number;
}

/** Whoever writes to the log of the seat. */
export interface SeatHolder {
  /** A replay needs no record below. */
  readonly floor: number;
  /** Resolves when the store may be used. */
  confirm(): Promise<void>;
  noteFailure(error: unknown): void;
  /** The seat is lost. */
  fence(reason: string): void;
}

/**
 * This node's place in the store: one row, taken by compare-and-set with a new epoch at every start. The log of the epoch before is sealed before
 * anything else happens, so that a process which still believes in it cannot acknowledge any more.
 */
export class Seat {
  readonly number = 0;
  private readonly store: LogStore;
  private readonly env: Env;
  private readonly settings: SeatSettings;
  private row: SeatRow | undefined;
  /** An attempt whose answer was lost. */
  private unsure: SeatRow | undefined;
  private ended!: () => void;
  private readonly end: Promise<void> = new Promise((resolve) => {
    this.ended = resolve;
  });
  private beating: Promise<void> | undefined;
  private isEnded = false;

  constructor(store: LogStore, env: Env, settings: SeatSettings) {
    this.store = store;
    this.env = env;
    this.settings = settings;
  }

  /** Returns the epoch. Rejects with StoreUnusable if another broker lives in the store. */
  async take(attemptsLeft: number = lateBeatsMax): Promise<number> {
    const { store } = this;
    const known = await store.readSeat(this.number);
    if (known !== undefined) await this.watch(known);
    const epoch = (known?.epoch ?? 0) + 1;
    if (epoch > epochMax) throw new StoreUnusable(`the store has been started ${epochMax} times: export its content into a new one`);
    const holder = randomBytes(keyLength);
    const taken: SeatRow = {
      seat: this.number,
      epoch,
      holder,
      attempt: randomBytes(keyLength),
      beat: 1,
      closed: known?.closed ?? [],
      floorEpoch: known?.floorEpoch ?? epoch,
      floor: known?.floor ?? 1,
      derivedEpoch: known?.derivedEpoch ?? epoch,
      derived: known?.derived ?? 0,
    };
    if (!(await store.replaceSeat(known?.attempt, taken))) {
      // A last beat of a process that has ended may still have been under way: then the epoch is the same.
      const now = await store.readSeat(this.number);
      if (now?.epoch === known?.epoch && attemptsLeft > 0) return this.take(attemptsLeft - 1);
      throw new StoreUnusable('another broker has just taken this store', { mayPass: true });
    }
    this.row = taken;
    if (known === undefined) return epoch;
    // A start that did not come to its end may have left more than one epoch behind.
    for (let old = known.derivedEpoch; old <= known.epoch; old++) await this.closeEpoch(known, old);
    await this.keep({ floorEpoch: epoch, floor: 1, closed: [] });
    return epoch;
  }

  /** Confirms the seat again and again, and removes records that nobody will read any more. */
  hold(holder: SeatHolder): void {
    this.beating = this.beat(holder);
  }

  /** The next start need not watch whether somebody is here. */
  async release(): Promise<void> {
    this.isEnded = true;
    this.ended();
    await this.beating;
    try {
      await this.replace({ beat: 0 });
    } catch {
      // The next start will have to watch.
    }
  }

  private async watch(known: SeatRow): Promise<void> {
    if (known.beat === 0 || this.settings.watchMilliseconds === 0) return;
    await this.env.sleep(this.settings.watchMilliseconds);
    const again = await this.store.readSeat(this.number);
    if (again === undefined || compareBytes(again.attempt, known.attempt) !== 0) {
      throw new StoreUnusable('another broker uses this store: end it, or give this one a database of its own', { mayPass: true });
    }
  }

  /**
   * Nobody writes to this epoch any more, and all that it says is in the tables. The floor is durable before a record is removed: a start that ends
   * halfway must not let the next one look for what is not there any more.
   */
  private async closeEpoch(known: SeatRow, epoch: number): Promise<void> {
    const { store, number: seat } = this;
    const closedAt = await store.seal(seat, epoch, known.floorEpoch === epoch ? known.floor : 1);
    await replay(store, seat, epoch, known.derivedEpoch === epoch ? known.derived : 0);
    await this.keep({ floorEpoch: epoch, floor: closedAt });
    while ((await store.collect(seat, epoch, closedAt, collectedAtOnce)) === collectedAtOnce);
    await store.writeRows({}, { seat, epoch: epoch + 1, seq: 0 });
  }

  /** As `replace`, while nobody else may have the seat. */
  private async keep(change: Partial<SeatRow>): Promise<void> {
    if (!(await this.replace(change))) throw new StoreUnusable('another broker has just taken this store', { mayPass: true });
  }

  private async beat(holder: SeatHolder): Promise<void> {
    const { store, number: seat } = this;
    while (!this.isEnded) {
      await this.env.sleep(this.settings.beatMilliseconds, this.end);
      if (this.isEnded) return;
      try {
        await holder.confirm();
        const { floor } = holder;
        if (!(await this.replace({ beat: this.row!.beat + 1, floor })) && !(await this.takeBack())) {
          holder.fence('another broker owns the store: its seat is held by another one');
          return;
        }
        while (!this.isEnded && (await store.collect(seat, this.row!.epoch, floor, collectedAtOnce)) === collectedAtOnce);
      } catch (error) {
        holder.noteFailure(error);
      }
    }
  }

  /** After a failover the row may be an earlier one of this same holder, who goes on from there. */
  private async takeBack(): Promise<boolean> {
    const now = await this.store.readSeat(this.number);
    if (now === undefined || now.epoch !== this.row!.epoch || compareBytes(now.holder, this.row!.holder) !== 0) return false;
    this.row = now;
    this.unsure = undefined;
    return true;
  }

  private async replace(change: Partial<SeatRow>): Promise<boolean> {
    // Whether an earlier attempt arrived must be known first.
    if (this.unsure !== undefined && !(await this.attempt(this.unsure))) return false;
    return this.attempt({ ...this.row!, ...change, attempt: randomBytes(keyLength) });
  }

  private async attempt(next: SeatRow): Promise<boolean> {
    this.unsure = next;
    const replaced = await this.store.replaceSeat(this.row!.attempt, next);
    this.unsure = undefined;
    if (replaced) this.row = next;
    return replaced;
  }
}
