/** What a broker process says of itself. Bytes, and plain numbers. */
export interface BrokerReport {
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
  /** JavaScript objects and the buffers that belong to them. */
  readonly heapBytes: number;
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
}

/** What the bystanders saw. Milliseconds. */
export interface BystanderReport {
  readonly sent: number;
  readonly lost: number;
  readonly latency99: number;
}

export type AttackKind = 'silent' | 'halfConnect' | 'slowConnect' | 'halfFrame' | 'halfFrameInPieces' | 'neverReads' | 'subscribes';

/** What attackers do, to which URL of the broker. What `count` counts is told beside each attack. */
export interface Attack {
  readonly kind: AttackKind;
  readonly url: string;
  readonly count: number;
}
