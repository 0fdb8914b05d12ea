import { RawClient } from './raw-client.js';

const topicName = 'bystander';
const intervalMilliseconds = 5;

/** A publisher and a subscriber that do no harm: what they notice of an attack is what everybody would. */
export class Bystanders {
  private readonly publisher: RawClient;
  private readonly subscriber: RawClient;
  /** By the number of the message: when it was sent, and after how many milliseconds it was there. */
  private readonly sentAt: number[] = [];
  private readonly latencies: number[] = [];
  private readonly received: Promise<void>;
  private readonly timer: NodeJS.Timeout;
  private isOver = false;

  private constructor(publisher: RawClient, subscriber: RawClient) {
    this.publisher = publisher;
    this.subscriber = subscriber;
    publisher.socket.resume();
    this.received = this.receive();
    this.received.catch(() => undefined);
    this.timer = setInterval(() => this.publish(), intervalMilliseconds);
  }

  static async start(url: string): Promise<Bystanders> {
    const subscriber = await RawClient.connected(url, { clientId: 'bystander-subscriber' });
    await subscriber.subscribed(topicName, 1);
    return new Bystanders(await RawClient.connected(url, { clientId: 'bystander-publisher' }), subscriber);
  }

  /** Ends their traffic. `lost` and `latency99` (milliseconds) are of all messages since the start. */
  async stop(): Promise<{ sent: number; lost: number; latency99: number }> {
    clearInterval(this.timer);
    this.isOver = true;
    this.publish();
    await this.received;
    this.abandon();
    const latencies = this.latencies.toSorted((a, b) => a - b);
    return {
      sent: this.sentAt.length,
      lost: this.sentAt.length - latencies.length,
      latency99: latencies[Math.ceil(latencies.length * 0.99) - 1],
    };
  }

  /** Ends them as they are. */
  abandon(): void {
    clearInterval(this.timer);
    this.publisher.cut();
    this.subscriber.cut();
  }

  private publish(): void {
    const number = this.sentAt.push(performance.now()) - 1;
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, number);
    this.publisher.send({ type: 'publish', dup: false, qos: 1, retain: false, topicName, packetId: (number % 65_535) + 1, payload });
  }

  private async receive(): Promise<void> {
    for (;;) {
      const { payload, packetId } = await this.subscriber.next('publish');
      const number = Buffer.from(payload).readUInt32BE();
      if (number < this.latencies.length) throw new Error(`message ${number} came twice or too late`);
      this.latencies.push(performance.now() - this.sentAt[number]);
      this.subscriber.send({ type: 'puback', packetId, reasonCode: 0 });
      if (this.isOver && number === this.sentAt.length - 1) return;
    }
  }
}
