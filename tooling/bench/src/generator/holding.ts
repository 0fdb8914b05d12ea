import { Hub } from './client.js';
import { type HoldingLoad, subscribesOf, type TrafficLoad } from './load.js';
import { Publisher } from './publisher.js';
import { Holder } from './subscriber.js';
import { openAll, type Share } from './traffic.js';

const RETAINED_BYTES = 64;
const WINDOW = 100;

/** One process's part of what a broker is to hold: connections that stay open, their subscriptions, the messages that they leave. */
export class Holding {
  readonly #load: HoldingLoad;
  readonly #share: Share;
  readonly #hub: Hub;
  #goOn: () => void = () => undefined;

  constructor(load: HoldingLoad, share: Share) {
    this.#load = load;
    this.#share = share;
    this.#hub = new Hub(load, () => this.#goOn());
  }

  async open(): Promise<void> {
    const { connections, subscriptionsEach, retainedEach } = this.#load;
    const mine = Array.from({ length: connections }, (_, index) => index).filter(
      (index) => index % this.#share.processes === this.#share.process,
    );
    if (retainedEach > 0) await this.#retain(mine);
    else {
      const open = (index: number): Promise<void> =>
        new Holder(this.#hub, `bench-idle-${index}`).open(subscribesOf(`bench/dev/${index}`, subscriptionsEach));
      await openAll(mine, open);
    }
    if (this.#hub.failure !== undefined) throw this.#hub.failure;
  }

  close(): void {
    this.#hub.close();
  }

  /** Each connection publishes its retained messages with QoS 1, each to a topic of its own, and waits for all acknowledgements. */
  async #retain(mine: readonly number[]): Promise<void> {
    const { connections, retainedEach } = this.#load;
    const load: TrafficLoad = {
      ...this.#load,
      pattern: 'p2p',
      publishers: connections,
      subscribers: 0,
      qos: 1,
      retain: true,
      burst: WINDOW,
      window: WINDOW,
      payloadBytes: RETAINED_BYTES,
      properties: false,
      topicsPerPublisher: retainedEach,
    };
    const publishers = mine.map((index) => new Publisher(this.#hub, load, index));
    await openAll(publishers, (publisher) => publisher.open());
    await new Promise<void>((resolve, reject) => {
      this.#goOn = () => {
        if (this.#hub.failure !== undefined) return reject(this.#hub.failure);
        for (const publisher of publishers) publisher.publish(retainedEach - publisher.published);
        if (publishers.every(({ published, inflight }) => published === retainedEach && inflight === 0)) resolve();
      };
      this.#goOn();
    });
  }
}
