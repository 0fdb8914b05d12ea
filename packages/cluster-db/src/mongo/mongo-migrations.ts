import { type Collection } from 'mongodb';
import { checkReadable, checkVersions, type SchemaVersions, type StoredVersions } from '../schema-versions.js';
import { isDuplicate } from './mongo-errors.js';

export interface MetaDocument {
  readonly _id: string;
  readonly value: number;
}

/** Of the documents that this program writes. */
export const schemaVersion: number = 1;
/** The oldest version whose programs may still use the database then. */
export const minimumReader: number = 1;

/** Collections make themselves, and `_id` is the only index: there is nothing to do but to say which version the documents have. */
export async function migrate(meta: Collection<MetaDocument>): Promise<SchemaVersions> {
  const found = await readVersions(meta);
  checkVersions(found, schemaVersion);
  await raise(meta, 'schemaVersion', schemaVersion);
  await raise(meta, 'minimumReader', minimumReader);
  return { from: found.schemaVersion, to: Math.max(found.schemaVersion, schemaVersion) };
}

/** For who only reads, and changes nothing. */
export async function checkSchema(meta: Collection<MetaDocument>): Promise<void> {
  checkReadable(await readVersions(meta), schemaVersion);
}

async function readVersions(meta: Collection<MetaDocument>): Promise<StoredVersions> {
  const documents = await meta.find({}).toArray();
  const valueOf = (name: string) => Number(documents.find(({ _id }) => _id === name)?.value ?? 0);
  return { schemaVersion: valueOf('schemaVersion'), minimumReader: valueOf('minimumReader') };
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
