/** Whom a session belongs to. */
export interface AcquireRequest {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly cleanStart: boolean;
}

/** Position in a log; in memory a counter. Never used twice. */
export type Position = bigint;

export interface StoredSession {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly incarnation: Position;
  readonly connected: boolean;
  /** Wall clock, milliseconds; Infinity while connected or when it never expires. */
  readonly expiresAt: number;
}

/**
 * Ownership of one client id. At most one lease per client id is valid; a newer one makes all operations of the older answer 'fenced',
 * without effect. Operations of one lease take effect in the order of the calls.
 */
export interface SessionLease {
  readonly clientId: string;
  /** The session's birth: a session that was begun anew under the same client id has another one. */
  readonly incarnation: Position;
  readonly sessionPresent: boolean;
  /** Settles once, when the session is this holder's no more. */
  readonly lost: Promise<'takenOver' | 'ended'>;
  /** The connection ended. The session expires by itself unless it is acquired again; with an interval of 0 it ends now. */
  detach(sessionExpiryInterval: number): Promise<'committed' | 'fenced'>;
  /** The session ends. Idempotent. */
  end(): Promise<void>;
}

/** Who owns which session; what is in a session is the journal's. */
export interface SessionStore {
  /** Makes the caller the owner, fences whoever was it before; a clean start ends what was there. 'unavailable': not now, for a reason of the store's. */
  acquire(request: AcquireRequest): Promise<SessionLease | 'unavailable'>;
  /** Sessions in the order of their client ids, for administration. */
  list(after: string, limit: number): Promise<readonly StoredSession[]>;
}
