import { type Connect } from '../target.js';
import { type HistoryEvent, type WillOfHistory } from './events.js';
import { Random } from './random.js';
import { HistoryRecorder } from './recorder.js';
import { WorkloadClient } from './workload-client.js';

export interface WorkloadOptions {
  /** Ways to the broker; of a cluster one for each node. Clients take any. */
  readonly connects: readonly Connect[];
  readonly seed: number;
  /** 3.1.1 (4) or 5.0, which the clients of a kind take in turns; default 5.0 for all. */
  readonly versions?: readonly (4 | 5)[];
  /** Begins every client id, topic and share name, so that workloads do not meet. */
  readonly prefix?: string;
  /** How many clients of each kind there are; default 3. */
  readonly clientsOfKind?: number;
}

/** Seconds. */
const delayMax = 1;

/**
 * Clients of a broker that do as they like, by a seed: publishers of all three QoS, subscribers whose sessions come and go, members of a shared
 * subscription, writers of retained messages and their readers, clients with wills. What they do and see is written down for `checkHistory`.
 *
 * Connections to a broker that is down are tried again; whoever kills one notes `crashed` in `recorder`, just before.
 */
export class Workload {
  readonly recorder: HistoryRecorder = new HistoryRecorder();
  private readonly options: Required<WorkloadOptions>;
  private readonly random: Random;
  private readonly clients = new Map<string, WorkloadClient>();
  private readonly sessions = new Set<WorkloadClient>();
  private readonly retained = new Set<string>();
  private readers = 0;
  private hasEnded = false;
  private isOver = false;

  constructor(options: WorkloadOptions) {
    this.options = { versions: [5], prefix: `w${options.seed}`, clientsOfKind: 3, ...options };
    this.random = new Random(options.seed);
  }

  get events(): readonly HistoryEvent[] {
    return this.recorder.events;
  }

  /** Every client takes that many steps, all at the same time. */
  async run(steps: number): Promise<void> {
    await this.start('watcher', 'will/#');
    const kinds = [this.publish, this.subscribe, this.share, this.retain, this.read, this.leaveWill];
    const numbers = Array.from({ length: this.options.clientsOfKind }, (_, index) => index);
    await Promise.all(
      kinds.flatMap((kind) =>
        numbers.map(async (number) => {
          const random = this.random.fork();
          for (let step = 0; step < steps && !this.hasEnded; step++) {
            await kind.call(this, number, random);
            if (random.oneIn(4)) await pause(random.below(4));
          }
        }),
      ),
    );
  }

  /** No client takes another step: `run` resolves soon. */
  end(): void {
    this.hasEnded = true;
  }

  /** Everybody whose session is kept comes back and takes what is his; readers ask for what is retained. Then nothing more is due. */
  async settle(): Promise<void> {
    for (const client of this.sessions) {
      if (!client.isConnected) await this.comeBack(client, { cleanStart: false });
      client.giveBack();
    }
    await pause(1000 * (delayMax + 1));
    await this.quiet();
    for (let n = 0; n < 2; n++) await this.newReader(`${this.prefixed('state')}/#`, n);
    await this.quiet();
    this.recorder.note({ note: 'quiesced' });
    const breach = [...this.clients.values()].find((client) => client.breach !== undefined)?.breach;
    if (breach !== undefined) throw breach;
  }

  /** Ends the sessions and removes the retained messages; belongs to the history no more. */
  async cleanUp(): Promise<void> {
    this.hasEnded = true;
    this.isOver = true;
    const recorder = new HistoryRecorder();
    for (const client of this.clients.values()) {
      const last = new WorkloadClient(client.name, client.version, recorder);
      if (!(await last.connect(this.options.connects[0], { cleanStart: true, keepsSession: false }))) continue;
      for (const topic of this.retained) await last.publish(topic, 1, { retain: true, deletes: true });
      this.retained.clear();
      await last.disconnect();
    }
    for (const client of this.clients.values()) client.cut();
  }

  // ——— what the kinds of clients do in one step ———

  private async publish(number: number, random: Random): Promise<void> {
    const client = await this.present(`publisher${number}`, random);
    const topic = this.prefixed(`${random.pick(['data', 'data', 'job'])}/${random.below(3)}`);
    const all: Promise<void>[] = [];
    for (let burst = random.below(6); burst >= 0 && client.unfinishedCount < 40; burst--) all.push(client.publish(topic, random.below(3)));
    if (random.oneIn(15)) client.cut();
    else if (random.oneIn(20)) await this.comeBack(client, { cleanStart: false });
    else if (random.oneIn(40)) await client.disconnect();
    else if (random.oneIn(2)) await Promise.race([Promise.all(all), pause(200)]);
  }

  private async subscribe(number: number, random: Random): Promise<void> {
    // One stays for good: of a session that ends, nobody knows what it would still have got.
    const isSteady = number === 1;
    const client = await this.present(`subscriber${number}`, random, !isSteady && random.oneIn(100));
    const filters = ['data/#', 'data/+', `data/${number % 3}`];
    const step = random.below(12);
    if (step < 5) await client.subscribe(this.prefixed(filters[number % 3]), 1 + random.below(2), true);
    else if (step === 5 && !isSteady && random.oneIn(8)) await client.unsubscribe(this.prefixed(filters[number % 3]));
    else if (step === 6) client.holdBack();
    else if (step === 7) client.giveBack();
    else if (step === 8) client.cut();
    else if (step === 9) await client.disconnect();
    else if (step === 10) await this.comeBack(client, { cleanStart: false });
    else await client.ping();
    await pause(random.below(20));
  }

  private async share(number: number, random: Random): Promise<void> {
    const client = await this.present(`member${number}`, random);
    // Before 5.0 a share name is a topic like any other.
    const filter = client.version === 5 ? `$share/${this.options.prefix}/${this.prefixed('job/#')}` : this.prefixed(`job/${number}`);
    const step = random.below(10);
    if (step < 4) await client.subscribe(filter, 1 + random.below(2), false);
    else if (step === 4) client.holdBack();
    else if (step === 5) client.giveBack();
    else if (step === 6) client.cut();
    else if (step === 7) await client.disconnect();
    else await client.ping();
    await pause(random.below(20));
  }

  private async retain(number: number, random: Random): Promise<void> {
    const client = await this.present(`writer${number}`, random);
    // One writer for a topic, so that its order is known.
    const topic = this.prefixed(`state/${number}/${random.below(2)}`);
    this.retained.add(topic);
    const written = client.publish(topic, 1 + random.below(2), { retain: true, deletes: random.oneIn(6) });
    if (random.oneIn(20)) client.cut();
    else await Promise.race([written, pause(200)]);
  }

  private async read(number: number, random: Random): Promise<void> {
    const client = await this.newReader(`${this.prefixed('state')}/${random.pick(['#', '+/+', `${number}/0`])}`, random.below(2));
    await pause(random.below(10));
    await client.ping();
    await client.disconnect();
  }

  private async leaveWill(number: number, random: Random): Promise<void> {
    const name = `mortal${number}`;
    const client = this.client(name);
    const topic = this.prefixed(`will/${name}`);
    const delaySeconds = client.version === 5 && random.oneIn(3) ? delayMax : 0;
    const qos = 1 + random.below(2);
    // Each attempt has a will of its own: one that was not answered may have been accepted.
    const will = () => ({ message: this.recorder.nextMessage(client.name, topic), topic, qos, retain: false, delaySeconds });
    await this.comeBack(client, { cleanStart: random.oneIn(3), keepsSession: random.oneIn(2), will });
    await pause(random.below(10));
    const step = random.below(4);
    if (step === 0) client.cut();
    else if (step === 1) await client.disconnect();
    await pause(random.oneIn(20) ? 1000 * delayMax + 300 : random.below(40));
  }

  // ——— clients ———

  private prefixed(topic: string): string {
    return `${this.options.prefix}/${topic}`;
  }

  private client(name: string): WorkloadClient {
    const known = this.clients.get(name);
    if (known !== undefined) return known;
    const { prefix, versions } = this.options;
    const number = Number(/\d*$/.exec(name)![0]);
    const client = new WorkloadClient(`${prefix}${name}`, versions[number % versions.length], this.recorder);
    this.clients.set(name, client);
    return client;
  }

  /** The client with a connection and a session that is kept; now and then with a new one. */
  private async present(name: string, random: Random, cleanStart: boolean = false): Promise<WorkloadClient> {
    const client = this.client(name);
    this.sessions.add(client);
    // Before 5.0 a session cannot be begun anew and be kept: it has to be ended first.
    if (cleanStart && client.version === 4) await this.comeBack(client, { cleanStart, keepsSession: false });
    if (cleanStart || !client.isConnected) await this.comeBack(client, { cleanStart }, random);
    return client;
  }

  private async start(name: string, filter: string): Promise<void> {
    const client = await this.present(name, this.random);
    await client.subscribe(this.prefixed(filter), 2, false);
  }

  /** Somebody who has never been there asks for what is retained. */
  private async newReader(filter: string, qos: number): Promise<WorkloadClient> {
    const client = this.client(`reader${++this.readers}`);
    await this.comeBack(client, { cleanStart: true, keepsSession: false });
    await client.subscribe(filter, qos, true);
    return client;
  }

  /** Connects, over any node; again and again if that cannot be reached. */
  private async comeBack(
    client: WorkloadClient,
    options: { readonly cleanStart: boolean; readonly keepsSession?: boolean; readonly will?: () => WillOfHistory },
    random: Random = this.random,
  ): Promise<void> {
    const { will, ...others } = options;
    for (let attempt = 0; !this.isOver; attempt++) {
      const connect = { keepsSession: true, ...others, ...(will === undefined ? {} : { will: will() }) };
      if (await client.connect(random.pick(this.options.connects), connect)) return;
      await pause(Math.min(20 * 2 ** attempt, 500));
    }
  }

  /** Until for two rounds nothing new comes to anybody. */
  private async quiet(): Promise<void> {
    for (let calm = 0; calm < 2; ) {
      const before = this.receivedCount();
      await pause(150);
      await Promise.all([...this.clients.values()].map((client) => client.ping()));
      const isUnfinished = [...this.sessions].some((client) => client.unfinishedCount > 0);
      calm = this.receivedCount() === before && !isUnfinished ? calm + 1 : 0;
    }
  }

  private receivedCount(): number {
    return this.recorder.events.reduce((count, event) => count + (event.type === 'note' && event.note.note === 'received' ? 1 : 0), 0);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
