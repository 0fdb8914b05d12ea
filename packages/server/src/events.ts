import { EventEmitter } from 'node:events';
import { type JournalCondition } from '@si-mqtt/session';

/** What happens to connections, sessions and subscriptions; never per message. */
export interface BrokerEventMap {
  connected: [
    {
      clientId: string;
      userName: string | undefined;
      protocolVersion: 3 | 4 | 5;
      listenerName: string;
      remoteAddress: string | undefined;
      sessionPresent: boolean;
    },
  ];
  disconnected: [{ clientId: string; reasonCode: number; reason: string }];
  /** `clientId`: undefined if no CONNECT could be read. */
  connectionRefused: [
    {
      clientId: string | undefined;
      userName: string | undefined;
      listenerName: string;
      remoteAddress: string | undefined;
      reasonCode: number;
      reason: string;
    },
  ];
  subscribed: [{ clientId: string; topicFilter: string; qos: number }];
  unsubscribed: [{ clientId: string; topicFilter: string }];
  sessionEnded: [{ clientId: string }];
  /** `queue.overflow` is `endSession`, and a session's queue was full: it ends with all that it held. */
  queueOverflowed: [{ clientId: string }];
  /** The store takes everything again (`ready`), or not; `lastError` is of its last attempt that failed, if one did. */
  storeCondition: [{ condition: JournalCondition; lastError: string | undefined }];
  /** Something outside of any one connection went wrong; the broker goes on. */
  error: [Error];
}

export type BrokerEvents = EventEmitter<BrokerEventMap>;

export function brokerEvents(): BrokerEvents {
  const events: BrokerEvents = new EventEmitter<BrokerEventMap>();
  // Without a listener an `error` event would be thrown into whoever emitted it.
  events.on('error', () => undefined);
  return events;
}
