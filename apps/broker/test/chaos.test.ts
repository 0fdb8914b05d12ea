import { randomInt } from 'node:crypto';
import { type Judgement, overTcp, Workload } from '@si-mqtt/conformance';
import { createServer, type Server, type ServerOptions } from '@si-mqtt/server';
import { describe, it } from 'vitest';
import { type Counted, judged, note } from './judged.js';
import { type MortalJournal, type Storage, slowDatabase, slowMemory } from './slow-stores.js';

/**
 * Brokers in this process live under a random workload while their store takes random time for everything, hands out queues in tiny pages, and
 * loses its broker now and then; what the clients saw is judged. Unlike `kills.test.ts` it reaches states that last for a millisecond only with a real
 * database: nearly every turn of the event loop finds something uncommitted.
 *
 * `SI_CRASHES`: how often each broker ends; `pnpm chaos` asks for many. `SI_SEED`: the choices of an earlier run. Time is real, so that the same seed
 * gives the same choices at other moments.
 */
const crashes = Number(process.env['SI_CRASHES'] ?? 3);
const seed = Number(process.env['SI_SEED'] ?? randomInt(2 ** 31));

const stores: Readonly<Record<string, (random: () => number) => Storage>> = {
  memory: slowMemory,
  SQL: (random) => slowDatabase(random, true, false),
  'SQL, lazy': (random) => slowDatabase(random, true, true),
  MongoDB: (random) => slowDatabase(random, false, false),
  'MongoDB, lazy': (random) => slowDatabase(random, false, true),
};

const unbounded: ServerOptions = { limits: { inflightOutMax: 3 } };
const short: ServerOptions = {
  limits: { inflightOutMax: 3, queueMessagesMax: 5 },
  queue: { overflow: 'dropOldest', queueQos0Messages: false },
};
const runs = [
  ...Object.keys(stores).map((store) => ({ store, queues: 'long queues', options: unbounded })),
  ...['memory', 'SQL, lazy'].map((store) => ({ store, queues: 'queues of five', options: short })),
];

/** A broker that ends and comes back. */
class Lives {
  private readonly storage: Storage;
  private readonly options: ServerOptions;
  /** Of this life, or of the last. */
  port = 0;
  private server!: Server;
  private life!: MortalJournal;

  constructor(storage: Storage, options: ServerOptions) {
    this.storage = storage;
    this.options = options;
  }

  /** Messages that did not fit into a queue, of this life. */
  counted(): Counted {
    return { dropped: this.server.broker.drops.queueFull };
  }

  async begin(): Promise<void> {
    this.life = this.storage.open();
    const quiet = { admin: { enabled: false, host: '127.0.0.1', port: 0 }, sys: { enabled: false, intervalSeconds: 10 } };
    const listeners = [{ type: 'tcp', name: 'tcp', port: 0 }] as const;
    this.server = await createServer({ listeners, ...quiet, ...this.options }, { journal: this.life.journal });
    await this.server.start();
    this.port = Number(new URL(this.server.addresses()[0].url).port);
  }

  async crash(): Promise<void> {
    this.life.kill();
    for (const connection of [...this.server.broker.connections]) connection.stream.destroy();
    await this.server.stop();
  }

  end(): Promise<void> {
    return this.server.stop();
  }
}

async function live(lives: Lives, random: () => number): Promise<Judgement['judged']> {
  await lives.begin();
  const workload = new Workload({ connects: [() => overTcp(lives.port)()], seed, versions: [4, 5] });
  const work = workload.run(Infinity);
  for (let count = 0; count < crashes; count++) {
    await new Promise((resolve) => setTimeout(resolve, 300 + random() * 1500));
    workload.recorder.note({ note: 'crashed' });
    await lives.crash();
    note(workload, lives.counted());
    await lives.begin();
  }
  try {
    return await judged(workload, work, lives);
  } finally {
    await workload.cleanUp();
    await lives.end();
  }
}

describe.concurrent(`clients of brokers that end and begin again, seed ${seed}`, { timeout: 60_000 + crashes * 20_000 }, () => {
  for (const { store, queues, options } of runs) {
    const name = `on ${store}, with ${queues}`;
    it(name, async ({ expect }) => {
      const random = seededRandom(seed);
      const lives = new Lives(stores[store](random), options);
      const { plain } = await live(lives, random);
      expect(plain).toBeGreaterThan(20);
    });
  }
});

/** mulberry32 */
function seededRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
