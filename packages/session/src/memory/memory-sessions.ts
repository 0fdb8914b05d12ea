import { type Env } from '../ports/env.js';
import { type AcquireRequest, type Position, type SessionLease, type SessionStore, type StoredSession } from '../ports/session-store.js';

function counter(): () => Position {
  let position = 0n;
  return () => ++position;
}

/** One session; `lease` is its present holder's. */
interface Entry {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly incarnation: Position;
  expiresAt: number;
  lease: MemoryLease | undefined;
}

/**
 * The in-memory reference of SessionStore, which is all that one node needs: with a journal, what the journal has kept is restored here.
 */
export class MemorySessions implements SessionStore {
  private readonly entries: Map<string, Entry> = new Map();
  private readonly env: Env;
  private readonly nextIncarnation: () => Position;

  /** With a journal, incarnations come from there: they must be new in all runs of the node. */
  constructor(env: Env, nextIncarnation: () => Position = counter()) {
    this.env = env;
    this.nextIncarnation = nextIncarnation;
  }

  /** A session of an earlier run of the node; nobody is connected. */
  restore({ clientId, userName, incarnation, expiresAt }: Omit<StoredSession, 'connected'>): SessionLease {
    const entry = { clientId, userName, incarnation, expiresAt, lease: undefined };
    this.entries.set(clientId, entry);
    return new MemoryLease(this, entry, true);
  }

  acquire(request: AcquireRequest): Promise<SessionLease> {
    let entry = this.live(request.clientId);
    entry?.lease?.lose(request.cleanStart ? 'ended' : 'takenOver');
    const sessionPresent = entry !== undefined && !request.cleanStart;
    if (entry === undefined || !sessionPresent) {
      entry = {
        clientId: request.clientId,
        userName: request.userName,
        incarnation: this.nextIncarnation(),
        expiresAt: Infinity,
        lease: undefined,
      };
      this.entries.set(request.clientId, entry);
    }
    entry.expiresAt = Infinity;
    const lease = new MemoryLease(this, entry, sessionPresent);
    entry.lease = lease;
    return Promise.resolve(lease);
  }

  list(after: string, limit: number): Promise<readonly StoredSession[]> {
    const clientIds = [...this.entries.keys()].filter((clientId) => clientId > after && this.live(clientId) !== undefined).sort();
    return Promise.resolve(
      clientIds.slice(0, limit).map((clientId) => {
        const entry = this.entries.get(clientId)!;
        return {
          clientId,
          userName: entry.userName,
          incarnation: entry.incarnation,
          connected: entry.lease !== undefined,
          expiresAt: entry.expiresAt,
        };
      }),
    );
  }

  now(): number {
    return this.env.now();
  }

  remove(entry: Entry): void {
    if (this.entries.get(entry.clientId) === entry) this.entries.delete(entry.clientId);
  }

  /** The entry, unless it has expired: then it goes now. */
  private live(clientId: string): Entry | undefined {
    const entry = this.entries.get(clientId);
    if (entry === undefined || entry.expiresAt > this.env.now()) return entry;
    this.entries.delete(clientId);
    return undefined;
  }
}

class MemoryLease implements SessionLease {
  readonly sessionPresent: boolean;
  private readonly store: MemorySessions;
  private readonly entry: Entry;
  private lostBy: 'takenOver' | 'ended' | undefined = undefined;
  /** Made when somebody asks. */
  private loss: { readonly promise: Promise<'takenOver' | 'ended'>; readonly settle: (reason: 'takenOver' | 'ended') => void } | undefined =
    undefined;

  constructor(store: MemorySessions, entry: Entry, sessionPresent: boolean) {
    this.store = store;
    this.entry = entry;
    this.sessionPresent = sessionPresent;
  }

  get lost(): Promise<'takenOver' | 'ended'> {
    if (this.loss === undefined) {
      let settle!: (reason: 'takenOver' | 'ended') => void;
      const promise = new Promise<'takenOver' | 'ended'>((resolve) => {
        settle = resolve;
      });
      this.loss = { promise, settle };
      if (this.lostBy !== undefined) settle(this.lostBy);
    }
    return this.loss.promise;
  }

  private settle(reason: 'takenOver' | 'ended'): void {
    this.lostBy ??= reason;
    this.loss?.settle(reason);
  }

  get clientId(): string {
    return this.entry.clientId;
  }

  get incarnation(): Position {
    return this.entry.incarnation;
  }

  lose(reason: 'takenOver' | 'ended'): void {
    if (this.entry.lease === this) this.entry.lease = undefined;
    this.settle(reason);
  }

  detach(sessionExpiryInterval: number): Promise<'committed' | 'fenced'> {
    if (this.entry.lease !== this) return Promise.resolve('fenced');
    this.entry.lease = undefined;
    this.entry.expiresAt = this.store.now() + sessionExpiryInterval * 1000;
    if (sessionExpiryInterval === 0) {
      this.store.remove(this.entry);
      this.settle('ended');
    }
    return Promise.resolve('committed');
  }

  end(): Promise<void> {
    const holder = this.entry.lease;
    // A lease that another one has replaced can end nothing; one that was detached still can.
    if (holder === undefined || holder === this) {
      this.store.remove(this.entry);
      this.lose('ended');
    }
    return Promise.resolve();
  }
}
