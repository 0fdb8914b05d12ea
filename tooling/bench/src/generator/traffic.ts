import { monotonicMilliseconds } from '../clock.js';
import { Hub } from './client.js';
import { CreditLinks } from './credit-links.js';
import { addFaults, type Faults, type GroupTally, MemberCheck, noFaults, SequenceCheck } from './integrity.js';
import { Latencies, type LatencyCounts } from './latencies.js';
import { fanOf, subscribesOf, type TrafficLoad, topicFilter } from './load.js';
import { MachineSpeed } from './machine-speed.js';
import { PayloadCheck } from './payload.js';
import { Publisher } from './publisher.js';
import { type Audience, Holder, Subscriber } from './subscriber.js';

/** What one process has done since it began to measure. */
export interface TrafficSnapshot {
  readonly deliveries: number;
  readonly published: number;
  readonly milliseconds: number;
  /** User and system time of this process, in seconds. */
  readonly cpuSeconds: number;
}

/** What one process knows when everything is over. */
export interface TrafficResult {
  readonly latency: LatencyCounts;
  /** Of this process's subscribers; without what was sent and never came. */
  readonly faults: Faults;
  /** By publisher, 0 for those of other processes. */
  readonly published: readonly number[];
  /** By publisher: how far its messages have come, over all subscribers of this process. */
  readonly settled: readonly number[];
  readonly groups: readonly GroupTally[];
}

/** Which of several processes this is. */
export interface Share {
  readonly process: number;
  readonly processes: number;
}

const DRAIN_SECONDS_MAX = 3;
/** A window that stays full so long is full of messages that the broker has dropped: of QoS 0 it may, of others only after a database has been waited for. */
const WRITE_OFF_SECONDS = { mayDrop: 1, mustKeep: 10 } as const;
const OPENING_MAX = 64;
const SUBSCRIPTIONS_PER_CONNECTION = 1000;

/** A closed loop: as much as the broker takes, or as many messages a second as asked for, with a bounded number under way. */
export class Traffic implements Audience {
  readonly links: CreditLinks;
  readonly #load: TrafficLoad;
  readonly #share: Share;
  readonly #fan: number;
  readonly #writeOffMilliseconds: number;
  readonly #hub: Hub;
  readonly #publishers: Publisher[] = [];
  readonly #checks: (SequenceCheck | MemberCheck)[] = [];
  readonly #latencies = new Latencies();
  /** Watched at a given pace only: whoever sends as much as the broker takes has no time to spare, and its latencies are those of its queue. */
  readonly #machineSpeed: MachineSpeed | undefined;
  readonly #settledOf: Float64Array;
  readonly #groups: GroupTally[];
  #published = 0;
  #deliveries = 0;
  /** Of the deliveries that this process's publishers wait for, those that need not be waited for any more. */
  #settled = 0;
  /** The publisher that wrote last; each begins where the one before has ended, so that none is always without room. */
  #next = 0;
  #pacedFrom = 0;
  #pacedSent = 0;
  #settledBefore = 0;
  #settledAt = 0;
  #running = false;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(load: TrafficLoad, share: Share) {
    this.#load = load;
    this.#share = share;
    const { mayDrop, mustKeep } = WRITE_OFF_SECONDS;
    this.#writeOffMilliseconds = (load.qos === 0 ? mayDrop : mustKeep) * 1000;
    this.#machineSpeed = load.messagesPerSecond === undefined ? undefined : new MachineSpeed();
    this.#fan = fanOf(load);
    this.#hub = new Hub(load, () => this.#wake());
    this.links = new CreditLinks((count) => {
      this.#settled += count;
      this.#wake();
    });
    this.#settledOf = new Float64Array(load.publishers);
    const groups = load.pattern === 'shared' ? load.publishers : 0;
    this.#groups = Array.from({ length: groups }, () => ({ received: 0, sum: 0 }));
  }

  /** Opens this process's part of the connections: those whose number leaves the process's number as remainder. */
  async open(): Promise<void> {
    const load = this.#load;
    const payloads = new PayloadCheck(load.publishers, load.payloadBytes);
    const others = Math.ceil((load.otherSubscriptions ?? 0) / SUBSCRIPTIONS_PER_CONNECTION);
    await openAll(this.#mine(others), (index) => this.#openHolder(index));
    await openAll(this.#mine(load.subscribers), (index) => this.#openSubscriber(index, payloads));
    await openAll(this.#mine(load.stalledSubscribers ?? 0), (index) => this.#openStalled(index));
    await openAll(this.#mine(load.publishers), (index) => {
      const publisher = new Publisher(this.#hub, load, index);
      this.#publishers.push(publisher);
      return publisher.open();
    });
  }

  /** @returns a promise that is rejected when a connection fails */
  start(): Promise<never> {
    this.#running = true;
    this.#pacedFrom = performance.now();
    this.#timer = setInterval(() => this.#tick(), 1);
    this.#wake();
    return new Promise((_resolve, reject) => (this.#failed = reject));
  }

  /** Latencies count from now on. */
  snapshot(): TrafficSnapshot {
    this.#latencies.clear();
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    return { deliveries: this.#deliveries, published: this.#published, milliseconds: monotonicMilliseconds(), cpuSeconds };
  }

  /** Latencies up to now. */
  latency(): LatencyCounts {
    return this.#latencies.toCounts();
  }

  /** Publishes no more, and waits for what is under way. */
  async stop(latency: LatencyCounts): Promise<TrafficResult> {
    this.#running = false;
    const end = performance.now() + Math.max(DRAIN_SECONDS_MAX * 1000, this.#writeOffMilliseconds);
    // Deliveries of other processes' messages are awaited by quiet: nobody here knows how many there will be.
    for (let before = -1; performance.now() < end && (this.#outstanding() > 0 || before !== this.#deliveries); ) {
      before = this.#deliveries;
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (this.#hub.failure !== undefined) throw this.#hub.failure;
    }
    clearInterval(this.#timer);
    const faults = noFaults();
    for (const checks of this.#checks) addFaults(faults, checks.faults);
    const published = new Array<number>(this.#load.publishers).fill(0);
    for (const publisher of this.#publishers) published[publisher.index] = publisher.published;
    return { latency, faults, published, settled: Array.from(this.#settledOf), groups: this.#groups };
  }

  close(): void {
    clearInterval(this.#timer);
    this.links.close();
    this.#hub.close();
  }

  delivered(publisher: number, forward: number, sentAt: number): void {
    this.#deliveries += 1;
    this.#settledOf[publisher] += forward;
    const process = publisher % this.#share.processes;
    if (process === this.#share.process) this.#settled += forward;
    else this.links.credit(process, forward);
    this.#latencies.record(this.#hub.readAt - sentAt);
  }

  #wake(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /**
   * Every publisher writes one burst, as long as the window has room; then what has arrived meanwhile is read, and so on. Without room it sleeps
   * until something arrives.
   */
  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#hub.failure !== undefined) return this.#fail(this.#hub.failure);
    if (!this.#running) return;
    const sent = this.#publish(Math.floor(this.#room() / this.#fan));
    this.#published += sent;
    this.#pacedSent += sent;
    if (sent > 0) this.#wake();
  };

  /** @returns how many messages were written, at most `room` */
  #publish(room: number): number {
    const publishers = this.#publishers;
    let sent = 0;
    for (let turns = publishers.length; turns > 0 && sent < room; turns--) {
      this.#next = (this.#next + 1) % publishers.length;
      sent += publishers[this.#next].publish(room - sent);
    }
    return sent;
  }

  /** How many deliveries may still be caused now. */
  #room(): number {
    const { window, messagesPerSecond } = this.#load;
    const free = window * this.#publishers.length * this.#fan - this.#outstanding();
    if (messagesPerSecond === undefined) return free;
    const own = (messagesPerSecond * this.#publishers.length) / this.#load.publishers;
    const due = ((performance.now() - this.#pacedFrom) / 1000) * own - this.#pacedSent;
    return Math.min(free, Math.floor(due) * this.#fan);
  }

  #outstanding(): number {
    return this.#published * this.#fan - this.#settled;
  }

  #tick(): void {
    const now = performance.now();
    if (this.#machineSpeed !== undefined) this.#latencies.tick(now, this.#machineSpeed.isSlow());
    if (this.#settled !== this.#settledBefore || this.#outstanding() <= 0) {
      this.#settledBefore = this.#settled;
      this.#settledAt = now;
    } else if (now - this.#settledAt > this.#writeOffMilliseconds) {
      this.#settled += this.#outstanding();
    }
    this.#wake();
  }

  #fail(error: Error): void {
    this.#running = false;
    this.#failed?.(error);
  }

  /** The numbers below `count` that are this process's. */
  #mine(count: number): number[] {
    const { process, processes } = this.#share;
    return Array.from({ length: count }, (_, index) => index).filter((index) => index % processes === process);
  }

  #openSubscriber(index: number, payloads: PayloadCheck): Promise<void> {
    const load = this.#load;
    const alone = load.pattern === 'p2p';
    const checks = load.pattern === 'shared' ? new MemberCheck(this.#groups) : new SequenceCheck(alone ? 1 : load.publishers);
    const client = new Subscriber(this.#hub, `bench-sub-${index}`, { audience: this, payloads, checks, firstPublisher: alone ? index : 0 });
    this.#checks.push(checks);
    return client.open([[topicFilter(load, index)]], load.qos, load.sessionExpiryInterval);
  }

  async #openStalled(index: number): Promise<void> {
    const client = new Holder(this.#hub, `bench-stalled-${index}`);
    await client.open([[topicFilter(this.#load, index)]], this.#load.qos);
    client.stall();
  }

  #openHolder(index: number): Promise<void> {
    const rest = (this.#load.otherSubscriptions ?? 0) - index * SUBSCRIPTIONS_PER_CONNECTION;
    const subscribes = subscribesOf(`other/${index}`, Math.min(SUBSCRIPTIONS_PER_CONNECTION, rest));
    return new Holder(this.#hub, `bench-other-${index}`).open(subscribes);
  }
}

/** Opens one connection for each item, a limited number of them at a time. */
export async function openAll<Item>(items: readonly Item[], open: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const lane = async (): Promise<void> => {
    for (const item of waiting) await open(item);
  };
  await Promise.all(Array.from({ length: OPENING_MAX }, lane));
}
