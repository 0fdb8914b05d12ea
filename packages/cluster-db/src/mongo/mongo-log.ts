import { type Binary, type Collection, type Document, type Filter } from 'mongodb';
import { type LogRecord, type StoredRecord, StoreUnusable } from '../log-store.js';
import { compareBytes, type LogPosition } from '../position.js';
import { duplicatesOf, isDuplicate } from './mongo-errors.js';
import { highest, idOf, type KeyPart, lowest } from './mongo-keys.js';
import { pageOf } from './mongo-tables.js';

/** A record or, with an empty body, a fill. */
interface LogDocument extends Document {
  readonly _id: Binary;
  readonly seq: number;
  readonly derived: number;
  readonly messages: number;
  readonly writtenAt: number;
  readonly isFill: boolean;
  readonly body: Uint8Array;
}

/** Positions that a seal fills at once: more than a writer that is not known to be dead can take meanwhile. */
const fillsAtOnce = 64;
const sealTurnsMax = 3;

/** The log in a collection. A document is written as a whole or not at all: it is the commit point. */
export class MongoLog {
  private readonly collection: Collection<LogDocument>;
  /** Reads see only what a majority has: false where the server has no majority. */
  private readonly linearizable: boolean;

  constructor(collection: Collection<LogDocument>, linearizable: boolean) {
    this.collection = collection;
    this.linearizable = linearizable;
  }

  async append({ seat, epoch, seq }: LogPosition, record: LogRecord): Promise<'committed' | 'fenced'> {
    const { derived, messages, writtenAt, body } = record;
    const _id = idOf(seat, epoch, seq);
    try {
      await this.collection.insertOne({ _id, seq, derived, messages, writtenAt, isFill: false, body });
      return 'committed';
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    // That there is a document does not say that a majority has it; a linearizable read does.
    const options = this.linearizable ? ({ readConcern: { level: 'linearizable' }, maxTimeMS: 10_000 } as const) : {};
    const stored = await this.collection.findOne({ _id }, options);
    if (stored === null) throw new Error('the record was there, and is not any more');
    return compareBytes(stored.body, body) === 0 ? 'committed' : 'fenced';
  }

  async read(after: LogPosition, limit: number, bytesMax: number): Promise<readonly StoredRecord[]> {
    const { seat, epoch } = after;
    const filter = { ...between([seat, epoch, after.seq + 1], [seat, epoch, highest]), isFill: false } as Filter<LogDocument>;
    const documents = await pageOf(this.collection, filter, limit, bytesMax);
    return documents.map(({ seq, derived, messages, writtenAt, body }) => ({
      position: { seat, epoch, seq },
      derived,
      messages,
      writtenAt,
      body,
    }));
  }

  async last(seat: number, epoch: number): Promise<{ seq: number; derived: number } | undefined> {
    const filter = { ...between([seat, epoch, lowest], [seat, epoch, highest]), isFill: false } as Filter<LogDocument>;
    const [found] = await this.collection
      .find(filter, { projection: { seq: 1, derived: 1 } })
      .sort({ _id: -1 })
      .limit(1)
      .toArray();
    return found === undefined ? undefined : { seq: found.seq, derived: found.derived };
  }

  async seal(seat: number, epoch: number, floor: number): Promise<number> {
    const filter = between([seat, epoch, floor], [seat, epoch, highest]) as Filter<LogDocument>;
    for (let turns = 0; ; turns++) {
      let next = floor;
      let last = floor - 1;
      for await (const { seq, isFill } of this.collection.find(filter, { projection: { seq: 1, isFill: 1 } }).sort({ _id: 1 })) {
        if (isFill && seq === next) return seq;
        if (seq === next) next += 1;
        last = seq;
      }
      // What is missing below others is not written any more: to fill it would be to lose what stands behind it.
      if (turns > sealTurnsMax) throw new StoreUnusable(`records of epoch ${epoch} are missing behind position ${next - 1}`);
      const fills = Array.from({ length: fillsAtOnce }, (_, index) => {
        const seq = last + 1 + index;
        return { _id: idOf(seat, epoch, seq), seq, derived: 0, messages: 0, writtenAt: 0, isFill: true, body: new Uint8Array(0) };
      });
      try {
        await this.collection.insertMany(fills, { ordered: false });
      } catch (error) {
        duplicatesOf(error);
      }
    }
  }

  async collect(seat: number, epoch: number, below: number, limit: number): Promise<number> {
    if (below <= 0) return 0;
    const filter = { ...between([seat, epoch, lowest], [seat, epoch, below - 1]), isFill: false } as Filter<LogDocument>;
    const found = await this.collection
      .find(filter, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    if (found.length > 0) await this.collection.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } });
    return found.length;
  }

  /** Of the records that are there; undefined: there are none. */
  async ends(seat: number, epoch: number): Promise<{ first: number; last: number } | undefined> {
    const filter = between([seat, epoch, lowest], [seat, epoch, highest]) as Filter<LogDocument>;
    const end = (direction: 1 | -1) => this.collection.findOne(filter, { projection: { seq: 1 }, sort: { _id: direction } });
    const [first, last] = await Promise.all([end(1), end(-1)]);
    return first === null || last === null ? undefined : { first: Number(first.seq), last: Number(last.seq) };
  }

  records(): Promise<number> {
    return this.collection.countDocuments({});
  }
}

/** Documents from one key to another, both included. */
export function between(from: readonly KeyPart[], to: readonly KeyPart[]): { _id: { $gte: Binary; $lte: Binary } } {
  return { _id: { $gte: idOf(...from), $lte: idOf(...to) } };
}
