import { type LogPosition, type LogRecord, type RowChanges, type SessionReference, StoreJournal } from '@si-mqtt/cluster-db';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '@si-mqtt/cluster-db/simulated';
import { NodeEnv } from '@si-mqtt/server';
import { type Journal, MemoryJournal, MemoryJournalState, type RestoredDelivery, type SessionKey } from '@si-mqtt/session';

/** A journal of one run of the broker, which ends as a process that is killed. */
export interface MortalJournal {
  readonly journal: Journal;
  /** Nothing more is committed; what is under way may have been or not, and nobody will know. */
  kill(): void;
}

/** Where the state outlives the runs. */
export interface Storage {
  open(): MortalJournal;
}

const never = new Promise<never>(() => undefined);
const slowestMilliseconds = 40;
const pauseMilliseconds = 200;

/** Waits of random length, most of them short, for what a database does in no time; once it is dead, without end. */
class Slowness {
  isDead = false;
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  async wait(): Promise<void> {
    const share = this.random();
    const milliseconds = share < 0.03 ? pauseMilliseconds : share * slowestMilliseconds;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    if (this.isDead) await never;
  }

  /** Pages of one to four deliveries, so that a backlog takes many of them. */
  async page<Page>(limit: number, read: (limit: number) => Promise<Page>): Promise<Page> {
    await this.wait();
    const page = await read(Math.min(limit, 1 + Math.floor(this.random() * 4)));
    await this.wait();
    return page;
  }
}

class SlowMemoryJournal extends MemoryJournal {
  private readonly slowness: Slowness;

  constructor(state: MemoryJournalState, slowness: Slowness) {
    super(state, () => slowness.wait());
    this.slowness = slowness;
  }

  override page(session: SessionKey, after: number, limit: number): Promise<readonly RestoredDelivery[]> {
    return this.slowness.page(limit, (some) => super.page(session, after, some));
  }

  override pageGroup(shared: string, after: number, limit: number): Promise<readonly RestoredDelivery[]> {
    return this.slowness.page(limit, (some) => super.pageGroup(shared, after, some));
  }
}

class SlowLogStore extends SimulatedLogStore {
  private readonly slowness: Slowness;

  constructor(database: SimulatedDatabase, slowness: Slowness, rowsWithRecord: boolean) {
    super(database, new NoFaults(), rowsWithRecord);
    this.slowness = slowness;
  }

  override async append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    await this.slowness.wait();
    const outcome = await super.append(position, record, changes);
    await this.slowness.wait();
    return outcome;
  }

  override async replaceSeat(...seats: Parameters<SimulatedLogStore['replaceSeat']>): Promise<boolean> {
    return this.slowness.isDead ? never : super.replaceSeat(...seats);
  }

  override async writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    await this.slowness.wait();
    await super.writeRows(changes, derived);
    await this.slowness.wait();
  }

  override readQueue(session: SessionReference, after: number, limit: number, bytes: number) {
    return this.slowness.page(limit, (some) => super.readQueue(session, after, some, bytes));
  }

  override readShareQueue(hash: Uint8Array, after: number, limit: number, bytes: number) {
    return this.slowness.page(limit, (some) => super.readShareQueue(hash, after, some, bytes));
  }
}

function mortal(journal: Journal, slowness: Slowness): MortalJournal {
  const kill = () => {
    slowness.isDead = true;
    journal.endTurn = () => undefined;
    journal.stop = () => Promise.resolve();
  };
  return { journal, kill };
}

/** The reference of Journal. */
export function slowMemory(random: () => number): Storage {
  const state = new MemoryJournalState();
  return {
    open: () => {
      const slowness = new Slowness(random);
      return mortal(new SlowMemoryJournal(state, slowness), slowness);
    },
  };
}

/** The journal of a database. `rowsWithRecord`: as SQL databases do it; without, as MongoDB. */
export function slowDatabase(random: () => number, rowsWithRecord: boolean, lazy: boolean): Storage {
  const database = new SimulatedDatabase();
  const settings = { watchMilliseconds: 0, beatMilliseconds: 300, removeAfterMilliseconds: 20, writeAfterMilliseconds: 200, lazy };
  return {
    open: () => {
      const slowness = new Slowness(random);
      return mortal(new StoreJournal(new SlowLogStore(database, slowness, rowsWithRecord), new NodeEnv(), settings), slowness);
    },
  };
}
