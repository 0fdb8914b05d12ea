/** Deliveries that did not happen, by reason. Plain numbers that a metrics scrape reads. */
export class DropCounters {
  /** The session's queue was full (rejectNewest), or lost its oldest message (dropOldest). */
  queueFull = 0;
  /** Nothing was queued because the heap was above its limit. */
  overloaded = 0;
  /** QoS 0 for a client whose socket had not drained. */
  notDrained = 0;
  /** QoS 0 for a session that was offline. */
  offline = 0;
  /** Larger than the client's Maximum Packet Size [MQTT-3.1.2-25]. */
  tooLarge = 0;
  /** Message Expiry Interval passed while it waited [MQTT-3.3.2-5]. */
  expired = 0;
  /** The access rules withdrew the subscription, or the topic from it, while it waited. */
  notAllowed = 0;

  get total(): number {
    return this.queueFull + this.overloaded + this.notDrained + this.offline + this.tooLarge + this.expired + this.notAllowed;
  }
}
