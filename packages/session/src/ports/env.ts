/**
 * Time, randomness and sockets: everything that a seed has to replay enters through here (architecture.md §3).
 * Implementations: the server's on Node, and simulated ones in tests.
 */
export interface Env {
  /** Wall clock, milliseconds since 1970; for expiry and receive times. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back; for keep alive and timeouts. */
  monotonic(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  /** Resolves after the time has passed, or as soon as `cancelled` does. */
  sleep(milliseconds: number, cancelled?: Promise<void>): Promise<void>;
}
