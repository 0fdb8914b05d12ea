import { type PublishProperties } from '@si-mqtt/codec';
import { type Broker } from './broker.js';

export interface ClientSummary {
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly connected: boolean;
  readonly protocolVersion: 3 | 4 | 5;
  readonly listenerName: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly subscriptions: number;
  readonly queued: number;
  readonly inflight: number;
}

export interface RetainedSummary {
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly properties: PublishProperties | undefined;
}

export interface RetainedPageSummary {
  messages: RetainedSummary[];
  after: string | undefined;
}

export interface SubscriptionSummary {
  readonly topicFilter: string;
  readonly qos: number;
}

export function clientSummaries({ clients }: Broker): ClientSummary[] {
  return [...clients.values()].map(({ session, connection }) => ({
    clientId: session.clientId,
    userName: session.userName,
    connected: connection !== undefined,
    protocolVersion: session.agreement.protocolVersion,
    listenerName: connection?.stream.listener.name,
    remoteAddress: connection?.stream.remoteAddress,
    subscriptions: session.subscriptions.size,
    queued: session.queuedCount,
    inflight: session.inflightCount,
  }));
}

export function subscriptionSummaries({ clients }: Broker, clientId: string): SubscriptionSummary[] {
  const client = clients.get(clientId);
  return client === undefined
    ? []
    : [...client.session.subscriptions.values()].map(({ requested, qos }) => ({ topicFilter: requested, qos }));
}

export async function retainedSummaries(
  broker: Broker,
  topicFilter: string,
  after: string | undefined,
  limit: number,
): Promise<RetainedPageSummary> {
  const page = await broker.retainedAt(topicFilter).match(topicFilter, after, limit);
  return {
    messages: page.messages.map(({ topicName, payload, qos, properties }) => ({ topicName, payload, qos, properties })),
    after: page.after,
  };
}
