import { type AnyBulkWriteOperation, type Binary, type Collection, type Db, type Document, type Filter } from 'mongodb';
import { type RowChanges, removedByKeyAlone, type TableName, type TableRows, tableNames } from '../rows.js';
import { duplicatesOf } from './mongo-errors.js';
import { idOfRow } from './mongo-keys.js';

export type RowDocument = Document & { readonly _id: Binary; readonly at: Uint8Array };
type Operation = AnyBulkWriteOperation<RowDocument>;

/** The bytes of bodies that one answer of the server may hold, more or less. */
const batchDocuments = 100;

/** The tables as collections, one document for each row; `_id` is its key. */
export class MongoTables {
  private readonly database: Db;

  constructor(database: Db) {
    this.database = database;
  }

  collection(table: TableName): Collection<RowDocument> {
    return this.database.collection<RowDocument>(table);
  }

  /** Row by row: what a crash leaves undone is done again from the log. */
  async write({ put = {}, queueStates = [], removed = {} }: RowChanges): Promise<void> {
    for (const table of tableNames) {
      const rows = put[table];
      if (rows !== undefined && rows.length > 0) await this.put(table, rows);
    }
    if (queueStates.length > 0) {
      const operations = queueStates.map(({ packetId, received, at, ...key }): Operation => {
        return { updateOne: { filter: { _id: idOfRow('outq', key), at: { $lt: at } }, update: { $set: { packetId, received, at } } } };
      });
      await this.collection('outq').bulkWrite(operations, { ordered: false });
    }
    for (const table of tableNames) {
      const keys = table === 'endings' ? undefined : removed[table];
      if (keys !== undefined && keys.length > 0) await this.remove(table, keys);
    }
  }

  /** Removes up to `limit` documents; returns how many. */
  async removeSome(table: TableName, filter: Filter<RowDocument>, limit: number): Promise<number> {
    const found = await this.collection(table)
      .find(filter, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    if (found.length > 0) await this.collection(table).deleteMany({ _id: { $in: found.map(({ _id }) => _id) } });
    return found.length;
  }

  async select<Name extends TableName>(table: Name, filter: Filter<RowDocument>, limit = 0): Promise<TableRows[Name][]> {
    const documents = await this.collection(table).find(filter).sort({ _id: 1 }).limit(limit).toArray();
    return documents.map(rowOf<TableRows[Name]>);
  }

  /** At least one if there is one, else as many as the limits allow. */
  async page<Name extends TableName>(
    table: Name,
    filter: Filter<RowDocument>,
    limit: number,
    bytesMax: number,
  ): Promise<TableRows[Name][]> {
    return (await pageOf(this.collection(table), filter, limit, bytesMax)).map(rowOf<TableRows[Name]>);
  }

  private async put(table: TableName, rows: readonly object[]): Promise<void> {
    const documents = rows.map((row) => ({ _id: idOfRow(table, row), ...row }) as RowDocument);
    const collection = this.collection(table);
    try {
      await collection.insertMany(documents, { ordered: false });
    } catch (error) {
      // No upsert: not every server does it as one step.
      const operations = duplicatesOf(error).map((index): Operation => {
        const { _id, ...row } = documents[index];
        return { updateOne: { filter: { _id, at: { $lt: row['at'] } }, update: { $set: row } } };
      });
      await collection.bulkWrite(operations, { ordered: false });
    }
  }

  private async remove(table: TableName, keys: readonly object[]): Promise<void> {
    const collection = this.collection(table);
    if (removedByKeyAlone.has(table)) {
      await collection.deleteMany({ _id: { $in: keys.map((key) => idOfRow(table, key)) } });
      return;
    }
    const operations = keys.map((key): Operation => {
      return { deleteOne: { filter: { _id: idOfRow(table, key), at: { $lte: (key as { at: Uint8Array }).at } } } };
    });
    await collection.bulkWrite(operations, { ordered: false });
  }
}

function rowOf<Row>({ _id, ...row }: RowDocument): Row {
  return row as unknown as Row;
}

/** Documents with a body, in the order of their keys. */
export async function pageOf<Found extends Document>(
  collection: Collection<Found>,
  filter: Filter<Found>,
  limit: number,
  bytesMax: number,
): Promise<Found[]> {
  const cursor = collection
    .find(filter, { batchSize: Math.min(limit, batchDocuments) })
    .sort({ _id: 1 })
    .limit(limit);
  const page: Found[] = [];
  let bytes = 0;
  try {
    for await (const document of cursor) {
      bytes += (document as unknown as { body: Uint8Array }).body.length;
      if (page.length > 0 && bytes > bytesMax) break;
      page.push(document as Found);
    }
  } finally {
    await cursor.close();
  }
  return page;
}
