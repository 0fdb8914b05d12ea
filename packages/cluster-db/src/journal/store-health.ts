import { type Env, type JournalCondition } from '@si-mqtt/session';
import { type LogStore } from '../log-store.js';
import { type LogPosition } from '../position.js';
import { ReadBack } from './read-back.js';
import { isContentRefusal, isFullRefusal } from './refusals.js';
import { type CommitWork } from './work.js';

const retryMilliseconds = { first: 20, last: 2000 } as const;

export interface StoreHealthSettings {
  /** Bytes that may wait for the store before publishers are not read any more. */
  readonly pendingBytesMax: number;
  /** After that long without a commit what is new is refused. */
  readonly refuseAfterSeconds: number;
}

/** Whoever commits to the store. */
export interface Committer {
  readonly work: CommitWork;
  /** Position of the last record that the store has confirmed. */
  readonly last: LogPosition;
  readonly isFenced: boolean;
  readonly hasStopped: boolean;
  conditionChanged(): void;
}

/** How it is with a store, as its answers and failures show; and calls of it that outlast its failures. */
export class StoreHealth {
  condition: JournalCondition = 'ready';
  /** It takes only what makes room. */
  isFull = false;
  private isAway = false;
  private readonly store: LogStore;
  private readonly env: Env;
  private readonly settings: StoreHealthSettings;
  private readonly committer: Committer;
  private readonly readBack: ReadBack;

  constructor(store: LogStore, env: Env, settings: StoreHealthSettings, committer: Committer) {
    this.store = store;
    this.env = env;
    this.settings = settings;
    this.committer = committer;
    this.readBack = new ReadBack(store);
  }

  /** `isFull`: as it was found, so that at first only what makes room is taken. */
  start(isFull: boolean): void {
    this.isFull = isFull;
    this.judge();
  }

  /** Resolves when the store may be used: after a failure it has to show what it had confirmed. */
  async confirm(): Promise<void> {
    try {
      await this.readBack.confirm(this.committer.last);
    } catch (error) {
      this.noteFailure(error);
      throw error;
    } finally {
      this.judge();
    }
  }

  /** Of a call that is not made again. */
  noteFailure(error: unknown): void {
    this.readBack.failed();
    this.committer.work.noteError(error);
  }

  /** Of a call that will be made again. */
  failed(error: unknown): void {
    this.committer.work.retries++;
    this.noteFailure(error);
    if (isFullRefusal(error)) this.isFull = true;
    this.judge();
  }

  /**
   * A call that may be made twice: again and again until it is answered, or has failed as nothing but `isFinal` says. `makeRoom`: what can be done about a
   * store that is full for it.
   */
  async retried<Result>(
    call: () => Promise<Result>,
    isFinal?: (error: unknown) => boolean,
    makeRoom?: () => Promise<void>,
  ): Promise<Result> {
    for (let wait: number = retryMilliseconds.first; ; wait = Math.min(wait * 2, retryMilliseconds.last)) {
      try {
        await this.confirm();
        return await call();
      } catch (error) {
        if (isContentRefusal(error) || isFinal?.(error) === true || this.committer.hasStopped) throw error;
        this.failed(error);
        if (isFullRefusal(error)) await makeRoom?.();
        await this.env.sleep(wait * (0.5 + this.env.random()));
        if (this.committer.isFenced) throw new Error('fenced');
      }
    }
  }

  /** All that was to be committed is. */
  answered(): void {
    this.isAway = false;
    this.judge();
  }

  /** Is a commit under way for too long? */
  look(): void {
    this.isAway = this.committer.work.commitMilliseconds > this.settings.refuseAfterSeconds * 1000;
    this.judge();
  }

  /** Is there room again? */
  async lookForRoom(): Promise<void> {
    await this.confirm();
    if (!this.isFull || !(await this.store.hasRoom())) return;
    this.isFull = false;
    this.judge();
  }

  /** Says what follows from all this, and from how much waits. */
  judge(): void {
    const { pendingBytesMax } = this.settings;
    const { pendingBytes } = this.committer.work;
    const isCongested = pendingBytes > (this.condition === 'congested' ? pendingBytesMax / 2 : pendingBytesMax);
    const waits = this.isFull ? 'full' : isCongested ? 'congested' : 'ready';
    const next = this.readBack.isMissing ? 'behind' : this.isAway ? 'unavailable' : waits;
    if (next === this.condition) return;
    this.condition = next;
    this.committer.conditionChanged();
  }
}
