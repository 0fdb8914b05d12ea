/** What a history can break. The letters are those of the invariants that a cluster has to keep, too. */
export type Rule =
  /** An acknowledged message did not reach a session that should have it (I1). */
  | 'lost'
  /** A message came more often than its QoS allows (I2). */
  | 'duplicated'
  /** Messages of one publisher, topic and QoS came in another order (I3). */
  | 'reordered'
  /** Two were served under one client id (I4). */
  | 'twoOwners'
  /** More than one member of a group got a message (I5). */
  | 'sharedTwice'
  /** A member that was away was chosen while another one was there (I5). */
  | 'sharedToAbsent'
  /** A retained message came that had been replaced or removed (I6). */
  | 'retainedStale'
  /** A subscription did not get the retained message of its topic (I6). */
  | 'retainedMissing'
  | 'willMissing'
  | 'willTwice'
  /** A will came before its delay had passed, or though it had been dropped or cancelled (I7). */
  | 'willWrong'
  /** A session that nothing had ended was gone (I11). */
  | 'sessionLost'
  /** A session went on that had ended (I11). */
  | 'sessionKept'
  /** Nobody published what came, or not under that topic. */
  | 'invented'
  /** No subscription asked for it. */
  | 'unasked';

export interface Violation {
  readonly rule: Rule;
  readonly text: string;
  /** Indexes of events of the history that show it. */
  readonly places: readonly number[];
}
