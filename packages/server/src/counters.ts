/** What the hot path counts: plain numbers that a metrics scrape and the `$SYS` topics read. */
export class Counters {
  bytesReceived = 0;
  bytesSent = 0;
  packetsReceived = 0;
  publishReceived = 0;
  publishSent = 0;
  publishRefused = 0;
  /** Publications that no subscription matched. */
  publishUnmatched = 0;
  connectionsAccepted = 0;
  connectionsRefused = 0;
  authenticationsRefused = 0;
  subscribesRefused = 0;
  protocolErrors = 0;
  keepAliveTimeouts = 0;
  takeovers = 0;
  willsPublished = 0;
  willsRefused = 0;
  sessionsExpired = 0;
  sessionsRefused = 0;
  queueOverflowEnds = 0;
  /** CONNECTs refused because the heap was above its limit. */
  overloadRefused = 0;
  /** Connections closed because acknowledgements and control packets alone exceeded their bound. */
  slowConnectionsClosed = 0;
  retainedRefused = 0;
  /** Publications, subscriptions and connections that were refused because the store takes nothing new. */
  storeRefusing = 0;
  /** Messages that the store takes at no time, too large for it, say. */
  storeRefused = 0;
}
