import { Hub } from './client.js';
import { addFaults, type Faults, noFaults, SequenceCheck } from './integrity.js';
import { type TrafficLoad, topicFilter } from './load.js';
import { PayloadCheck } from './payload.js';
import { Publisher } from './publisher.js';
import { Subscriber } from './subscriber.js';
import { openAll, type Share } from './traffic.js';

/** After so long without a byte of the broker nothing more is awaited: what has not come is lost. */
const SILENCE_SECONDS_MAX = 60;

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
    const isDone = await this.#until(() => {
      for (const publisher of publishers) while (publisher.publish(this.#messagesEach - publisher.published) > 0);
      return publishers.every(({ published, inflight }) => published === this.#messagesEach && inflight === 0);
    });
    if (!isDone) throw new Error(`the broker acknowledged nothing for ${SILENCE_SECONDS_MAX} s`);
    await Promise.all(publishers.map((publisher) => publisher.close()));
  }

  /** The clients come back, and fetch what waits. */
  async drain(): Promise<Faults> {
    let missing = this.#mine.length * this.#messagesEach;
    const subscribers = this.#mine.map((index) => this.#subscriber(index, (forward) => (missing -= forward)));
    const { qos, sessionExpiryInterval } = this.#load;
    await openAll(subscribers, ({ client }) => client.open([], qos, sessionExpiryInterval));
    await this.#until(() => missing <= 0);
    await Promise.all(subscribers.map(({ client }) => client.close()));
    const faults = noFaults();
    for (const { checks } of subscribers) addFaults(faults, checks.faults);
    faults.lost += Math.max(0, missing);
    return faults;
  }

  close(): void {
    this.#hub.close();
  }

  /** Asks again after each chunk. @returns false when the broker has been silent for too long */
  async #until(isDone: () => boolean): Promise<boolean> {
    let heardAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.#goOn = () => {
          heardAt = performance.now();
          if (this.#hub.failure !== undefined) reject(this.#hub.failure);
          else if (isDone()) resolve(true);
        };
        timer = setInterval(() => performance.now() - heardAt > SILENCE_SECONDS_MAX * 1000 && resolve(false), 1000);
        this.#goOn();
      });
    } finally {
      clearInterval(timer);
      this.#goOn = () => undefined;
    }
  }

  #subscriber(index: number, delivered: (forward: number) => void): { readonly client: Subscriber; readonly checks: SequenceCheck } {
    const checks = new SequenceCheck(1);
    const audience = { delivered: (_publisher: number, forward: number) => delivered(forward) };
    const role = { audience, payloads: this.#payloads, checks, firstPublisher: index };
    return { client: new Subscriber(this.#hub, `bench-sub-${index}`, role), checks };
  }
}
