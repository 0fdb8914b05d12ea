import { type Broker } from './broker.js';

export interface SysOptions {
  readonly enabled: boolean;
  readonly intervalSeconds: number;
}

const encoder = new TextEncoder();

/** Whether a topic name is of the tree that the server alone publishes to, or a topic filter can only match there. */
export function isSysTopic(name: string): boolean {
  return name.charCodeAt(0) === 0x24 && (name === '$SYS' || name.startsWith('$SYS/'));
}

/** `$SYS` is the server's, but a client may say there whether its own connection lives: bridges of mosquitto do, and have a will that does. */
export function isNameOfServer(topicName: string, clientId: string | undefined): boolean {
  return isSysTopic(topicName) && topicName !== `$SYS/broker/connection/${clientId}/state`;
}

/** The `$SYS/broker/…` topics: retained, published again in intervals, only where the value changed. */
export class SysTopics {
  private readonly broker: Broker;
  private readonly options: SysOptions;
  private readonly version: string | undefined;
  private readonly startedAt: number;
  private readonly last: Map<string, string> = new Map();
  private timer: NodeJS.Timeout | undefined;

  constructor(broker: Broker, options: SysOptions, version?: string) {
    this.broker = broker;
    this.version = version;
    this.options = options;
    this.startedAt = broker.parts.env.monotonic();
  }

  start(): void {
    if (!this.options.enabled) return;
    this.publish();
    this.timer = setInterval(() => this.publish(), this.options.intervalSeconds * 1000);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private publish(): void {
    const { broker } = this;
    const { counters, drops, clients } = broker;
    let connected = 0;
    for (const client of clients.values()) if (client.connection !== undefined) connected++;
    this.put('version', this.version === undefined ? 'si-mqtt' : `si-mqtt version ${this.version}`);
    this.put('uptime', `${Math.floor((broker.parts.env.monotonic() - this.startedAt) / 1000)} seconds`);
    this.put('clients/connected', connected);
    this.put('clients/disconnected', clients.size - connected);
    this.put('clients/total', clients.size);
    this.put('clients/expired', counters.sessionsExpired);
    this.put('messages/received', counters.packetsReceived);
    this.put('publish/messages/received', counters.publishReceived);
    this.put('publish/messages/sent', counters.publishSent);
    this.put('publish/messages/dropped', drops.total);
    this.put('bytes/received', counters.bytesReceived);
    this.put('bytes/sent', counters.bytesSent);
    this.put('subscriptions/count', broker.routing.subscriptions);
    this.put('shared_subscriptions/count', broker.routing.sharedGroups);
    this.put('retained/messages/count', broker.parts.retained.messages);
  }

  private put(name: string, value: string | number): void {
    const text = String(value);
    if (this.last.get(name) === text) return;
    this.last.set(name, text);
    this.broker.publishSys(`$SYS/broker/${name}`, encoder.encode(text));
  }
}
