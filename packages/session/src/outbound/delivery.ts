import { type QoS } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type QueuePosition } from '../ports/journal.js';
import { type SharedGroup } from '../shared-group.js';

/** One message on its way to one session: waiting in the queue, or in flight under a packet identifier. */
export class Delivery {
  readonly message: Message;
  /** Already lowered to what was granted. 0 only while it waits for a session that queues QoS 0. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** The shared subscription that chose this session; another member may get the message when this one goes away. */
  readonly group: SharedGroup | undefined;
  /** 0 until it was sent for the first time. */
  packetId: number;
  /** 0: the journal does not have it. */
  position: QueuePosition;

  constructor(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    group: SharedGroup | undefined,
  ) {
    this.message = message;
    this.qos = qos;
    this.retain = retain;
    this.subscriptionIdentifiers = subscriptionIdentifiers;
    this.group = group;
    this.packetId = 0;
    this.position = 0;
  }

  get sharedSubscription(): string | undefined {
    return this.group?.requested;
  }
}
