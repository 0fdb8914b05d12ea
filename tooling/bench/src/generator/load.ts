/** Who sends what to whom. */
export type Pattern =
  /** Publisher i sends to subscriber i. */
  | 'p2p'
  /** Every subscriber gets what every publisher sends. */
  | 'fan-in'
  /** The same as fan-in, with few publishers and many subscribers. */
  | 'fan-out'
  /** The subscribers share one subscription: each message reaches one of them. */
  | 'shared';

/** One closed loop of traffic through a broker. */
export interface TrafficLoad {
  readonly host: string;
  readonly port: number;
  readonly protocolVersion: 4 | 5;
  readonly pattern: Pattern;
  readonly publishers: number;
  /** As many as publishers for p2p. */
  readonly subscribers: number;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
  /** Messages in one write. */
  readonly burst: number;
  /** Messages per publisher that may be published and not yet delivered, taken over all publishers together; above QoS 0 also what one publisher may have unacknowledged. */
  readonly window: number;
  /** Seconds for which the subscribers' sessions outlive their connections; 0 if absent. */
  readonly sessionExpiryInterval?: number;
  /** At least 16. */
  readonly payloadBytes: number;
  /** MQTT 5 properties in each PUBLISH, as an application would send them. */
  readonly properties: boolean;
  /** All publishers together; as many as the broker takes if absent. */
  readonly messagesPerSecond?: number;
  /** Topics that each publisher uses in turn; 1 if absent. */
  readonly topicsPerPublisher?: number;
  /** Subscribers beside the others that subscribe to the same and never read. Their deliveries are not counted. */
  readonly stalledSubscribers?: number;
  /** Subscriptions beside the others that match nothing that is published, held by as many connections as needed. */
  readonly otherSubscriptions?: number;
}

/** What a broker is to hold. */
export interface HoldingLoad {
  readonly host: string;
  readonly port: number;
  readonly protocolVersion: 4 | 5;
  /** That stay open. */
  readonly connections: number;
  /** Subscriptions of each connection, all different. */
  readonly subscriptionsEach: number;
  /** Retained messages that each connection publishes, all to different topics; then there are no subscriptions. */
  readonly retainedEach: number;
}

const FILTERS_PER_SUBSCRIBE = 100;

/** So many different filters, as lists for one SUBSCRIBE each. */
export function subscribesOf(prefix: string, count: number): string[][] {
  const subscribes: string[][] = [];
  for (let number = 0; number < count; number++) {
    if (number % FILTERS_PER_SUBSCRIBE === 0) subscribes.push([]);
    subscribes[subscribes.length - 1].push(`${prefix}/${number}/state`);
  }
  return subscribes;
}

/** How many subscribers one message reaches. */
export function fanOf(load: TrafficLoad): number {
  return load.pattern === 'fan-in' || load.pattern === 'fan-out' ? load.subscribers : 1;
}

const TOPIC_DIGITS = 7;

/** The topic of a publisher's messages; with several topics, the number of one of them is the last level. */
export function topicName(load: TrafficLoad, publisher: number, topic = 0): string {
  const name = `bench/dev/${publisher}/up`;
  return (load.topicsPerPublisher ?? 1) > 1 ? `${name}/${String(topic).padStart(TOPIC_DIGITS, '0')}` : name;
}

/** What subscriber `index` asks for. */
export function topicFilter(load: TrafficLoad, index: number): string {
  switch (load.pattern) {
    case 'p2p':
      return (load.topicsPerPublisher ?? 1) > 1 ? `bench/dev/${index}/up/+` : topicName(load, index);
    case 'fan-in':
    case 'fan-out':
      return 'bench/#';
    case 'shared':
      return '$share/bench/bench/#';
  }
}
