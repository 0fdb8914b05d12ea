import { type DropCounters } from '../drop-counters.js';
import { type SessionLimits } from '../limits.js';
import { type Env } from '../ports/env.js';
import { type Journal } from '../ports/journal.js';
import { type Session } from '../session.js';
import { type SharedGroup } from '../shared-group.js';

/** What all sessions of a server share. */
export interface SessionSurroundings {
  readonly env: Env;
  /** Replaced when the configuration is read again. */
  limits: SessionLimits;
  readonly drops: DropCounters;
  /** A delivery did not fit into the session's queue, and the policy is endSession. */
  overflowed?: (session: Session) => void;
  /** Memory is short: nothing more is queued until it is not. */
  isOverloaded?: boolean;
  /** Absent: nothing outlives the process. */
  readonly journal?: Journal;
  /** A shared subscription of this node, as clients write it; for deliveries that come back from the journal. */
  readonly groupOf?: (sharedSubscription: string) => SharedGroup | undefined;
  /** A delivery could not be fetched from the journal. */
  readonly failed?: (error: unknown) => void;
}
