import {
  type Collection,
  type Db,
  type Document,
  type Filter,
  MongoClient,
  type MongoClientOptions,
  MongoServerSelectionError,
} from 'mongodb';
import {
  type GroupTotals,
  type LogRecord,
  type LogStore,
  type QueueTotals,
  type SessionRows,
  type StoreDurability,
  type StoredRecord,
  type StoreMeasures,
  type StoreReader,
  StoreRefusal,
  type StoreStatistics,
} from '../log-store.js';
import { compareBytes, type LogPosition } from '../position.js';
import {
  EndingKind,
  type EndingRow,
  type QueueRow,
  type RetainedRow,
  type RowChanges,
  type SeatRow,
  type SessionReference,
  type ShareQueueRow,
  tableNames,
} from '../rows.js';
import { type SchemaVersions } from '../schema-versions.js';
import { type ServerTls } from '../server-tls.js';
import { mongoDurability, mongoFacts } from './mongo-durability.js';
import { isDuplicate, translated } from './mongo-errors.js';
import { highest, idOf, lowest } from './mongo-keys.js';
import { between, MongoLog } from './mongo-log.js';
import { checkSchema, type MetaDocument, migrate } from './mongo-migrations.js';
import { MongoTables, type RowDocument } from './mongo-tables.js';

export interface MongoOptions {
  /** `mongodb://…/database`. */
  readonly url: string;
  /** At most, beside those that watch the members of a replica set. */
  readonly connections?: number;
  readonly tls?: ServerTls;
}

interface SeatDocument extends Document, Omit<SeatRow, 'seat'> {
  readonly _id: number;
}

/** Below the server's limit for a document, for the fields beside the body. */
const bodyMax = 16 * 1000 * 1000;
/** For what else is in a record with the message. */
const messageReserve = 65_536;
const defaultConnections = 4;
const selectionMilliseconds = 5000;
const socketMilliseconds = 30_000;
export const mongoClientOptions: MongoClientOptions = {
  writeConcern: { w: 'majority', journal: true },
  readPreference: 'primary',
  // The driver would not know whether the first attempt had an effect; we do.
  retryWrites: false,
  serverSelectionTimeoutMS: selectionMilliseconds,
  socketTimeoutMS: socketMilliseconds,
  promoteBuffers: true,
  useBigInt64: true,
};
const noQueue: QueueTotals = { messages: 0, bytes: 0, lastPos: 0 };

export async function openMongoLogStore(options: MongoOptions): Promise<LogStore> {
  return opened(
    () => newClient(options, mongoClientOptions),
    (meta) => migrate(meta),
  );
}

export async function migrateMongoStore(options: MongoOptions): Promise<SchemaVersions> {
  const client = newClient(options, mongoClientOptions);
  try {
    return await migrate(client.db().collection<MetaDocument>('meta'));
  } catch (error) {
    throw translated(error);
  } finally {
    await client.close();
  }
}

export async function readMongoStore(options: MongoOptions): Promise<StoreReader> {
  const { readPreference: _readPreference, ...settings } = mongoClientOptions;
  return opened(() => newClient(options, settings), checkSchema);
}

async function opened(connect: () => MongoClient, prepare: (meta: Collection<MetaDocument>) => Promise<unknown>): Promise<LogStore> {
  const client = connect();
  try {
    const database = client.db();
    await prepare(database.collection<MetaDocument>('meta'));
    return new MongoLogStore(connect, client, await isReplicaSet(database));
  } catch (error) {
    await client.close();
    throw translated(error);
  }
}

function newClient({ url, connections = defaultConnections, tls }: MongoOptions, settings: MongoClientOptions): MongoClient {
  return new MongoClient(url, { ...settings, maxPoolSize: connections, ...(tls === undefined ? {} : { tls: true, ...tls }) });
}

/** Only then are there linearizable reads, and anything to lose without them. */
async function isReplicaSet(database: Db): Promise<boolean> {
  const { setName } = await database.command({ hello: 1 });
  return setName !== undefined;
}

export class MongoLogStore implements LogStore {
  readonly rowsWithRecord: boolean = false;
  private readonly connect: () => MongoClient;
  private readonly isReplicaSet: boolean;
  private client: MongoClient;
  private database!: Db;
  private log!: MongoLog;
  private tables!: MongoTables;
  private seats!: Collection<SeatDocument>;
  private isFull = false;
  /** A server was lost, or another one has become the primary. */
  private hasBroken = false;
  private isClosed = false;

  /** @param connect gives another client like the first */
  constructor(connect: () => MongoClient, client: MongoClient, isReplicaSet: boolean) {
    this.connect = connect;
    this.isReplicaSet = isReplicaSet;
    this.client = client;
    this.use(client);
  }

  private use(client: MongoClient): void {
    client.on('connectionPoolCleared', () => {
      this.hasBroken = true;
    });
    const database = client.db();
    this.client = client;
    this.database = database;
    this.log = new MongoLog(database.collection('wlog'), this.isReplicaSet);
    this.tables = new MongoTables(database);
    this.seats = database.collection<SeatDocument>('seats');
  }

  /**
   * What watches the servers in the driver (7.9) may wait for ever for one that broke off while it was being asked, or for half a minute for one that says nothing: then
   * the driver finds no server, although there is one. A new client asks again.
   */
  private replace(client: MongoClient): void {
    if (this.isClosed || client !== this.client) return;
    this.use(this.connect());
    this.hasBroken = true;
    // The call that found no server says what is wrong; how the client ends that nobody uses any more changes nothing.
    client.close().catch(() => undefined);
  }

  append(position: LogPosition, record: LogRecord, changes: RowChanges): Promise<'committed' | 'fenced'> {
    return this.known(async () => {
      this.refuseBroken();
      if (record.body.length > bodyMax)
        throw new StoreRefusal('content', `a record of ${record.body.length} bytes is larger than a document may be`);
      const outcome = await this.log.append(position, record);
      if (outcome === 'committed') await this.tables.write(changes);
      this.isFull = false;
      return outcome;
    });
  }

  readLog(after: LogPosition, limit: number, bytesMax: number): Promise<readonly StoredRecord[]> {
    return this.known(() => this.log.read(after, limit, bytesMax));
  }

  lastRecord(seat: number, epoch: number): Promise<{ seq: number; derived: number } | undefined> {
    return this.known(() => this.log.last(seat, epoch));
  }

  seal(seat: number, epoch: number, floor: number): Promise<number> {
    return this.known(() => this.log.seal(seat, epoch, floor));
  }

  collect(seat: number, epoch: number, below: number, limit: number): Promise<number> {
    return this.known(() => this.log.collect(seat, epoch, below, limit));
  }

  writeRows(changes: RowChanges, derived?: LogPosition): Promise<void> {
    return this.known(async () => {
      this.refuseBroken();
      if (derived !== undefined) {
        const { seat, epoch, seq } = derived;
        const isEarlier = { $or: [{ derivedEpoch: { $lt: epoch } }, { derivedEpoch: epoch, derived: { $lt: seq } }] };
        await this.seats.updateOne({ _id: seat, ...isEarlier }, { $set: { derivedEpoch: epoch, derived: seq } });
      }
      await this.tables.write(changes);
    });
  }

  readSessions(after: Uint8Array | undefined, limit: number): Promise<readonly SessionRows[]> {
    return this.known(async () => {
      const { tables } = this;
      const filter = after === undefined ? {} : { _id: { $gt: idOf(after) } };
      const sessions = await tables.select('sessions', filter, limit);
      if (sessions.length === 0) return [];
      const [first, last] = [sessions[0].sid, sessions[sessions.length - 1].sid];
      const [subs, inq2, wills, queues] = await Promise.all([
        tables.select('subs', between([first, lowest, new Uint8Array(16)], [last, highest, new Uint8Array(16).fill(0xff)])),
        tables.select('inq2', between([first, lowest, lowest], [last, highest, highest])),
        tables.select('wills', between([first], [last])),
        this.totals('outq', between([first, lowest, lowest], [last, highest, highest]), { sid: '$sid', incarnation: '$incarnation' }),
      ]);
      const belongsTo = (session: SessionReference) => (row: SessionReference) => {
        return row.incarnation === session.incarnation && compareBytes(row.sid, session.sid) === 0;
      };
      const bySid = new Map(
        sessions.map((session) => [
          nameOf(session.sid),
          { session, parts: { subs: [] as typeof subs, inq2: [] as typeof inq2, will: undefined as SessionRows['will'], queue: noQueue } },
        ]),
      );
      const partsOf = (row: SessionReference) => {
        const found = bySid.get(nameOf(row.sid));
        // What belongs to earlier incarnations is on its way out.
        return found !== undefined && belongsTo(found.session)(row) ? found.parts : undefined;
      };
      for (const row of subs) partsOf(row)?.subs.push(row);
      for (const row of inq2) partsOf(row)?.inq2.push(row);
      for (const row of wills) {
        const parts = partsOf(row);
        if (parts !== undefined) parts.will = row;
      }
      for (const { _id, ...totals } of queues) {
        const parts = partsOf({ sid: _id['sid'] as Uint8Array, incarnation: BigInt(_id['incarnation'] as bigint) });
        if (parts !== undefined) parts.queue = totals;
      }
      return [...bySid.values()].map(({ session, parts }) => ({ session, ...parts }));
    });
  }

  readQueue({ sid, incarnation }: SessionReference, after: number, limit: number, bytesMax: number): Promise<readonly QueueRow[]> {
    const range = between([sid, incarnation, after + 1], [sid, incarnation, highest]);
    return this.known(() => this.tables.page('outq', range, limit, bytesMax));
  }

  readGroups(after: Uint8Array | undefined, limit: number): Promise<readonly GroupTotals[]> {
    return this.known(async () => {
      const filter = after === undefined ? {} : { _id: { $gt: idOf(after, highest) } };
      const groups = await this.totals('shareq', filter, { groupHash: '$groupHash', sharedSubscription: '$sharedSubscription' });
      const list = groups.map(({ _id, ...totals }) => {
        return { groupHash: _id['groupHash'] as Uint8Array, sharedSubscription: _id['sharedSubscription'] as string, ...totals };
      });
      return list.sort((a, b) => compareBytes(a.groupHash, b.groupHash)).slice(0, limit);
    });
  }

  readShareQueue(groupHash: Uint8Array, after: number, limit: number, bytesMax: number): Promise<readonly ShareQueueRow[]> {
    return this.known(() => this.tables.page('shareq', between([groupHash, after + 1], [groupHash, highest]), limit, bytesMax));
  }

  readRetained(after: Uint8Array | undefined, limit: number, bytesMax: number): Promise<readonly RetainedRow[]> {
    const filter = after === undefined ? {} : { _id: { $gt: idOf(after) } };
    return this.known(() => this.tables.page('retained', filter as Filter<RowDocument>, limit, bytesMax));
  }

  readEndings(limit: number): Promise<readonly EndingRow[]> {
    return this.known(() => this.tables.select('endings', {}, limit));
  }

  removeEnded({ sid, incarnation, kind, at }: EndingRow, limit: number): Promise<boolean> {
    return this.known(async () => {
      const { tables } = this;
      const whole = between([sid, incarnation, lowest], [sid, incarnation, highest]);
      const subs = between([sid, incarnation, new Uint8Array(16)], [sid, incarnation, new Uint8Array(16).fill(0xff)]);
      const removals: (readonly ['outq' | 'inq2' | 'subs' | 'shareq', Filter<RowDocument>])[] =
        kind === EndingKind.group
          ? [['shareq', { ...between([sid, lowest], [sid, highest]), at: { $lte: at } }]]
          : [
              ['outq', whole],
              ['inq2', whole],
              ['subs', subs],
            ];
      let left = limit;
      for (const [table, filter] of removals) {
        left -= await tables.removeSome(table, filter, left);
        if (left <= 0) return false;
      }
      await tables.collection('endings').deleteOne({ _id: idOf(sid, incarnation), at: { $lte: at } });
      return true;
    });
  }

  readSeat(seat: number): Promise<SeatRow | undefined> {
    return this.known(async () => {
      const found = await this.seats.findOne({ _id: seat });
      if (found === null) return undefined;
      const { _id, ...row } = found;
      return { seat: _id, ...row };
    });
  }

  replaceSeat(attempt: Uint8Array | undefined, { seat, ...next }: SeatRow): Promise<boolean> {
    return this.known(async () => {
      if (attempt === undefined) {
        await this.seats.insertOne({ _id: seat, ...next }).catch((error: unknown) => {
          if (!isDuplicate(error)) throw error;
        });
      } else {
        const { derivedEpoch: _derivedEpoch, derived: _derived, ...row } = next;
        await this.seats.updateOne({ _id: seat, attempt }, { $set: row as Partial<SeatDocument> });
      }
      const stored = await this.seats.findOne({ _id: seat });
      return stored !== null && compareBytes(stored.attempt, next.attempt) === 0;
    });
  }

  hasRoom(): Promise<boolean> {
    return Promise.resolve(!this.isFull);
  }

  maximumMessageBytes(): Promise<number> {
    return this.known(async () => {
      const { maxBsonObjectSize } = await this.database.command({ hello: 1 });
      return Math.min(Number(maxBsonObjectSize ?? bodyMax), bodyMax) - messageReserve;
    });
  }

  durability(): Promise<StoreDurability> {
    return this.known(async () => mongoDurability(await mongoFacts(this.database)));
  }

  statistics(): Promise<StoreStatistics> {
    return this.known(async () => {
      const counts: [string, number][] = [];
      for (const table of tableNames) counts.push([table, await this.tables.collection(table).countDocuments({})]);
      const { storageSize = 0 } = await this.database.stats();
      return {
        rows: Object.fromEntries(counts) as StoreStatistics['rows'],
        logRecords: await this.log.records(),
        databaseBytes: Number(storageSize),
      };
    });
  }

  measures(seat: number, epoch: number): Promise<StoreMeasures> {
    return this.known(async () => {
      const [ends, { storageSize = 0, fsTotalSize, fsUsedSize }] = await Promise.all([this.log.ends(seat, epoch), this.database.stats()]);
      return {
        logRecords: ends === undefined ? 0 : ends.last - ends.first + 1,
        databaseBytes: Number(storageSize),
        diskFreeBytes: fsTotalSize === undefined ? undefined : Number(fsTotalSize) - Number(fsUsedSize),
      };
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return this.client.close();
  }

  /** Once, so that the caller looks at what is there before it writes on. */
  private refuseBroken(): void {
    if (!this.hasBroken) return;
    this.hasBroken = false;
    throw new StoreRefusal('unavailable', 'the connection to the database broke');
  }

  private async totals(table: 'outq' | 'shareq', filter: Document, by: Document): Promise<(QueueTotals & { _id: Document })[]> {
    const sums = { messages: { $sum: 1 }, bytes: { $sum: '$size' }, lastPos: { $max: '$pos' } };
    const groups = await this.tables
      .collection(table)
      .aggregate([{ $match: filter }, { $group: { _id: by, ...sums } }])
      .toArray();
    return groups.map(({ _id, messages, bytes, lastPos }) => {
      return { _id: _id as Document, messages: Number(messages), bytes: Number(bytes), lastPos: Number(lastPos) };
    });
  }

  private async known<Result>(call: () => Promise<Result>): Promise<Result> {
    const { client } = this;
    try {
      return await call();
    } catch (error) {
      if (error instanceof MongoServerSelectionError) this.replace(client);
      const known = translated(error);
      if (known instanceof StoreRefusal && known.reason === 'full') this.isFull = true;
      throw known;
    }
  }
}

function nameOf(sid: Uint8Array): string {
  return Buffer.from(sid.buffer, sid.byteOffset, sid.length).toString('latin1');
}
