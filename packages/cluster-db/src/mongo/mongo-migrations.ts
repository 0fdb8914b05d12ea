import { type Collection } from 'mongodb';
import { StoreUnusable } from '../log-store.js';
import { isDuplicate } from './mongo-errors.js';

export interface MetaDocument {
  readonly _id: string;
  readonly value: number;
}

/** Of the documents that this program writes. */
const schemaVersion = 1;
/** The oldest version whose programs may still use the database then. */
const minimumReader = 1;

/** Collections make themselves, and `_id` is the only index: there is nothing to do but to say which version the documents have. */
export async function migrate(meta: Collection<MetaDocument>): Promise<void> {
  const found = await meta.findOne({ _id: 'minimumReader' });
  if (found !== null && found.value > schemaVersion) {
    throw new StoreUnusable(
      `the database needs a program that knows version ${found.value}; this one knows ${schemaVersion}: update si-mqtt`,
    );
  }
  await raise(meta, 'schemaVersion', schemaVersion);
  await raise(meta, 'minimumReader', minimumReader);
}

async function raise(meta: Collection<MetaDocument>, _id: string, value: number): Promise<void> {
  const { matchedCount } = await meta.updateOne({ _id, value: { $lt: value } }, { $set: { value } });
  if (matchedCount > 0) return;
  try {
    await meta.insertOne({ _id, value });
  } catch (error) {
    // It has this version, or a later one.
    if (!isDuplicate(error)) throw error;
  }
}
