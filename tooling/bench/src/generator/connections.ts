import { Hub } from './client.js';
import { type ConnectionsLoad } from './load.js';
import { Holder } from './subscriber.js';
import { openAll, type Share } from './traffic.js';

/** One process's part of many connections that stay open and quiet. */
export class Connections {
  readonly #load: ConnectionsLoad;
  readonly #share: Share;
  readonly #hub: Hub;

  constructor(load: ConnectionsLoad, share: Share) {
    this.#load = load;
    this.#share = share;
    this.#hub = new Hub(load, () => undefined);
  }

  async open(): Promise<void> {
    const { connections, subscribe } = this.#load;
    const mine = Array.from({ length: connections }, (_, index) => index).filter(
      (index) => index % this.#share.processes === this.#share.process,
    );
    await openAll(mine, (index) => new Holder(this.#hub, `bench-idle-${index}`).open(subscribe ? [[`bench/dev/${index}/up`]] : []));
    if (this.#hub.failure !== undefined) throw this.#hub.failure;
  }

  close(): void {
    this.#hub.close();
  }
}
