import { type QoS } from '@si-mqtt/codec';
import { type ConnectionEnd, type Subscription } from '@si-mqtt/session';
import { type StoredWill } from './stored-message.js';

/** One life of the session of a client identifier. */
export interface SessionKey {
  /** `keyOfText(clientId)`. */
  readonly sid: Uint8Array;
  /** Origin of the CONNECT entry that created the session. */
  readonly incarnation: Uint8Array;
}

/** How far a delivery to a subscriber is. */
export const DeliveryState = {
  /** Waits, never sent. */
  queued: 0,
  /** Sent under its packet identifier, which it keeps. */
  sent: 1,
  /** PUBREC came, PUBCOMP is awaited (QoS 2). */
  received: 2,
} as const;
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState];

/** A message for one session. */
export interface Delivery {
  readonly session: SessionKey;
  /** Place in the session's queue: generation (23 bits), counter (40 bits). Never used twice in an incarnation. */
  readonly pos: bigint;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly state: DeliveryState;
  /** 0: none yet. */
  readonly packetId: number;
  /** The group that it was chosen from; undefined: not shared. */
  readonly group: Uint8Array | undefined;
}

/** A message for a group that has no member online: it waits in the group's own queue. */
export interface WaitingDelivery {
  /** `keyOfText('$share/{ShareName}/{filter}')`. */
  readonly group: Uint8Array;
  readonly qos: QoS;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
}

/** A message was published: by a PUBLISH, by a will, or by the broker itself. */
export interface PublishEntry {
  readonly kind: 'publish';
  /** Made by `encodeMessage`; also the body of the rows that follow from the entry. */
  readonly message: Uint8Array;
  /** The QoS 2 PUBLISH that brought it: its packet identifier must not publish again. */
  readonly inbound: { readonly session: SessionKey; readonly packetId: number } | undefined;
  /** The will that fired: whose, and of which connection. */
  readonly will: { readonly session: SessionKey; readonly connection: number } | undefined;
  /** It replaces, or with an empty payload removes, the retained message of its topic. */
  readonly retained: boolean;
  readonly deliveries: readonly Delivery[];
  readonly waiting: readonly WaitingDelivery[];
}

export interface ConnectEntry {
  readonly kind: 'connect';
  readonly session: SessionKey;
  readonly clientId: string;
  readonly userName: string | undefined;
  /** Counts the connections of the session. */
  readonly connection: number;
  /** Infinity: the session never expires. */
  readonly sessionExpiryInterval: number;
  readonly will: StoredWill | undefined;
  /** Incarnation that this connection ended by Clean Start. */
  readonly ended: Uint8Array | undefined;
}

/** DISCONNECT, or the connection was lost. */
export interface DisconnectEntry {
  readonly kind: 'disconnect';
  readonly session: SessionKey;
  readonly connection: number;
  readonly end: ConnectionEnd;
  readonly sessionExpiryInterval: number;
  /** Wall clock, milliseconds; Infinity: never. */
  readonly expiresAt: number;
  /** When the will is due; undefined: there is none any more. */
  readonly willDueAt: number | undefined;
}

export type StoredSubscription = Omit<Subscription, 'mayReceive'>;

export interface SubscribeEntry {
  readonly kind: 'subscribe';
  readonly session: SessionKey;
  readonly subscriptions: readonly StoredSubscription[];
}

export interface UnsubscribeEntry {
  readonly kind: 'unsubscribe';
  readonly session: SessionKey;
  /** As the client wrote them in SUBSCRIBE. */
  readonly requested: readonly string[];
}

/** PUBREL came: the packet identifiers may publish again. */
export interface ReleaseInboundEntry {
  readonly kind: 'releaseInbound';
  readonly session: SessionKey;
  readonly packetIds: readonly number[];
}

/** Deliveries went on: they got their packet identifier, or PUBREC came. */
export interface OutboundEntry {
  readonly kind: 'outbound';
  readonly session: SessionKey;
  readonly states: readonly { readonly pos: bigint; readonly packetId: number; readonly state: DeliveryState }[];
}

/** Deliveries are finished; needed where a replay must not bring them back. */
export interface FinishedEntry {
  readonly kind: 'finished';
  readonly session: SessionKey;
  readonly positions: readonly bigint[];
}

export interface SessionEndEntry {
  readonly kind: 'sessionEnd';
  readonly session: SessionKey;
}

/** A message of a group's queue went to a member. */
export interface ShareMoveEntry {
  readonly kind: 'shareMove';
  readonly group: Uint8Array;
  readonly origin: Uint8Array;
  readonly message: Uint8Array;
  readonly delivery: Delivery;
}

/** Messages left a group's queue: expired, over the limit, or the group is no more. */
export interface ShareRemoveEntry {
  readonly kind: 'shareRemove';
  readonly group: Uint8Array;
  readonly origins: readonly Uint8Array[];
}

export type Entry =
  | PublishEntry
  | ConnectEntry
  | DisconnectEntry
  | SubscribeEntry
  | UnsubscribeEntry
  | ReleaseInboundEntry
  | OutboundEntry
  | FinishedEntry
  | SessionEndEntry
  | ShareMoveEntry
  | ShareRemoveEntry;
