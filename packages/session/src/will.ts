import { type Will } from '@si-mqtt/codec';

/** How a network connection came to its end, as far as the will is concerned (section 3.1.2.5). */
export type ConnectionEnd =
  /** DISCONNECT with reason 0x00: the will is dropped [MQTT-3.14.4-3]. */
  | 'disconnected'
  /** DISCONNECT with reason 0x04, a closed socket, an error, a keep alive that ran out, the server's own DISCONNECT. */
  | 'lost'
  /** Another connection took the session over and continues it. */
  | 'takenOver'
  /** Another connection with Clean Start ended the session. */
  | 'replaced'
  /** The server is going down and gives every client its DISCONNECT 0x8B. */
  | 'shutdown';

/** `publishAt` is wall clock milliseconds for a delayed will. */
export type WillAction = { readonly action: 'none' | 'publish' } | { readonly action: 'delay'; readonly publishAt: number };

const none: WillAction = { action: 'none' };
const publish: WillAction = { action: 'publish' };

/**
 * What becomes of a will when its connection ends. The delay never outlasts the session [MQTT-3.1.2-8]; a session that ends with
 * the connection has its will published at once; a connection that comes in time cancels a delayed one [MQTT-3.1.3-9].
 */
export function willAction(will: Will | undefined, end: ConnectionEnd, sessionExpiryInterval: number, now: number): WillAction {
  if (will === undefined || end === 'disconnected') return none;
  const delay = Math.min(will.properties?.willDelayInterval ?? 0, sessionExpiryInterval);
  if (delay === 0 || end === 'replaced') return publish;
  if (end === 'takenOver') return none;
  return { action: 'delay', publishAt: now + delay * 1000 };
}
