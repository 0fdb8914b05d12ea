import { type QoS } from '@si-mqtt/codec';

export type QueueOverflow = 'rejectNewest' | 'dropOldest' | 'endSession';

/** What one session may use. Every number is at least 1; docs/configuration.md explains each. */
export interface SessionLimits {
  /** Bytes of a whole packet that the server accepts; announced as Maximum Packet Size. */
  readonly maximumPacketSize: number;
  /** QoS 1 and 2 publications that a 5.0 client may have unfinished; announced as Receive Maximum. 3.x clients may have 65,535. */
  readonly receiveMaximum: number;
  /** QoS 1 and 2 deliveries unfinished towards one client, whatever its own Receive Maximum. */
  readonly inflightOutMax: number;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly queueOverflow: QueueOverflow;
  /** Whether QoS 0 waits for an offline session, too. */
  readonly queueQos0Messages: boolean;
  readonly topicAliasMaximumIn: number;
  readonly topicAliasMaximumOut: number;
  readonly subscriptionsPerClientMax: number;
  /** Seconds; a longer wish is shortened, and the client is told. */
  readonly sessionExpirySecondsMax: number;
  /** Seconds that a 3.x session with Clean Session 0 is kept. */
  readonly persistentSessionExpirySeconds: number;
  /** Seconds; messages without an expiry, or with a longer one, get this one. Infinity: left alone. */
  readonly messageExpirySecondsMax: number;
}

/** What a listener offers, announced in CONNACK. */
export interface Capabilities {
  readonly maximumQos: QoS;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly subscriptionIdentifiersAvailable: boolean;
  /** Seconds; a client that asks for more, or for none, gets this one as Server Keep Alive. 0: the client's wish stands. */
  readonly serverKeepAliveSecondsMax: number;
}

/** Broker.md's defaults. */
export const defaultSessionLimits: SessionLimits = {
  maximumPacketSize: 1024 * 1024,
  receiveMaximum: 100,
  inflightOutMax: 100,
  queueMessagesMax: 10_000,
  queueBytesMax: 16 * 1024 * 1024,
  queueOverflow: 'rejectNewest',
  queueQos0Messages: false,
  topicAliasMaximumIn: 16,
  topicAliasMaximumOut: 16,
  subscriptionsPerClientMax: 1000,
  sessionExpirySecondsMax: 30 * 86_400,
  persistentSessionExpirySeconds: 7 * 86_400,
  messageExpirySecondsMax: Infinity,
};

export const fullCapabilities: Capabilities = {
  maximumQos: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  sharedSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  serverKeepAliveSecondsMax: 0,
};
