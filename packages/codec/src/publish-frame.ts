/**
 * A whole PUBLISH packet as bytes that can go to any number of receivers: what differs between them (the flags of the first byte,
 * the packet identifier, the remaining expiry) is patched while it is copied. A decoded PUBLISH is one too, so that a message
 * whose receiver wants the layout in which it came in is never encoded at all.
 */
export interface PublishFrame {
  readonly bytes: Uint8Array;
  /** Offset of the fixed header. */
  readonly start: number;
  /** Offset of the payload, which reaches to `end`. */
  readonly payloadStart: number;
  readonly end: number;
  /** Offset of the two bytes of the packet identifier, or -1 in the layout of QoS 0. */
  readonly packetIdAt: number;
  /** Offset of the four bytes of the Message Expiry Interval, or -1. */
  readonly messageExpiryAt: number;
}
