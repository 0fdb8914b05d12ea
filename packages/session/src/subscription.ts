import { type QoS } from '@si-mqtt/codec';

/** One subscription of one session, as it was granted. */
export interface Subscription {
  /** As the client wrote it, `$share/…` included: UNSUBSCRIBE compares it character by character [MQTT-3.10.4-1]. */
  readonly requested: string;
  /** Without the share name. */
  readonly topicFilter: string;
  readonly shareName: string | undefined;
  /** The maximum QoS that was granted. */
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0: none. */
  readonly subscriptionIdentifier: number;
  /** Asked for each topic when only part of what the filter matches is allowed; cached by whoever gives it. */
  readonly mayReceive: ((topicName: string) => boolean) | undefined;
}
