import { Hub } from './client.js';
import { addFaults, type Faults, noFaults, SequenceCheck } from './integrity.js';
import { type TrafficLoad, topicFilter } from './load.js';
import { PayloadCheck } from './payload.js';
import { Publisher } from './publisher.js';
import { Subscriber } from './subscriber.js';
import { openAll, type Share } from './traffic.js';

/** After so long without a message those that have not come are lost. */
const SILENCE_SECONDS_MAX = 10;

/** One process's part of messages that are published to sessions whose clients are away, and fetched later: each publisher has a session of its own. */
export class Backlog {
  readonly #load: TrafficLoad;
  readonly #messagesEach: number;
  readonly #mine: readonly number[];
  readonly #payloads: PayloadCheck;
  readonly #hub: Hub;
  #goOn: () => void = () => undefined;

  constructor(load: TrafficLoad, messagesEach: number, { process, processes }: Share) {
    this.#load = load;
    this.#messagesEach = messagesEach;
    this.#mine = Array.from({ length: load.publishers }, (_, index) => index).filter((index) => index % processes === process);
    this.#payloads = new PayloadCheck(load.publishers, load.payloadBytes);
    this.#hub = new Hub(load, () => this.#goOn());
  }

  /** Makes the sessions and their subscriptions, and leaves them. */
  async open(): Promise<void> {
    const subscribers = this.#mine.map((index) => ({ index, client: this.#subscriber(index, () => undefined).client }));
    const { qos, sessionExpiryInterval } = this.#load;
    await openAll(subscribers, ({ index, client }) => client.open([[topicFilter(this.#load, index)]], qos, sessionExpiryInterval));
    await Promise.all(subscribers.map(({ client }) => client.close()));
  }

  /** Publishes, and waits for all acknowledgements. */
  async fill(): Promise<void> {
    const publishers = this.#mine.map((index) => new Publisher(this.#hub, this.#load, index));
    await openAll(publishers, (publisher) => publisher.open());
    await new Promise<void>((resolve, reject) => {
      this.#goOn = () => {
        if (this.#hub.failure !== undefined) return reject(this.#hub.failure);
        for (const publisher of publishers) while (publisher.publish(this.#messagesEach - publisher.published) > 0);
        if (publishers.every(({ published, inflight }) => published === this.#messagesEach && inflight === 0)) resolve();
      };
      this.#goOn();
    });
    await Promise.all(publishers.map((publisher) => publisher.close()));
  }

  /** The clients come back, and fetch what waits. */
  async drain(): Promise<Faults> {
    let missing = this.#mine.length * this.#messagesEach;
    let heardAt = performance.now();
    const subscribers = this.#mine.map((index) =>
      this.#subscriber(index, (forward) => {
        missing -= forward;
        heardAt = performance.now();
      }),
    );
    const { qos, sessionExpiryInterval } = this.#load;
    await openAll(subscribers, ({ client }) => client.open([], qos, sessionExpiryInterval));
    await new Promise<void>((resolve, reject) => {
      const timer = setInterval(() => this.#goOn(), 1000);
      this.#goOn = () => {
        const isSilent = performance.now() - heardAt > SILENCE_SECONDS_MAX * 1000;
        if (missing > 0 && this.#hub.failure === undefined && !isSilent) return;
        clearInterval(timer);
        this.#goOn = () => undefined;
        if (this.#hub.failure !== undefined) reject(this.#hub.failure);
        else resolve();
      };
      this.#goOn();
    });
    await Promise.all(subscribers.map(({ client }) => client.close()));
    const faults = noFaults();
    for (const { checks } of subscribers) addFaults(faults, checks.faults);
    faults.lost += Math.max(0, missing);
    return faults;
  }

  close(): void {
    this.#hub.close();
  }

  #subscriber(index: number, delivered: (forward: number) => void): { readonly client: Subscriber; readonly checks: SequenceCheck } {
    const checks = new SequenceCheck(1);
    const audience = { delivered: (_publisher: number, forward: number) => delivered(forward) };
    const role = { audience, payloads: this.#payloads, checks, firstPublisher: index };
    return { client: new Subscriber(this.#hub, `bench-sub-${index}`, role), checks };
  }
}
