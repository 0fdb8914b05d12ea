import { StoreUnusable } from './log-store.js';

/** What a migration did; the same twice: nothing was to be done. 0: there was nothing yet. */
export interface SchemaVersions {
  readonly from: number;
  readonly to: number;
}

/** What the database says of itself; 0: nothing yet. */
export interface StoredVersions {
  readonly schemaVersion: number;
  /** The oldest version whose programs may still use the database. */
  readonly minimumReader: number;
}

/** A database of a later version is fine as long as it says that programs of this one may use it. */
export function checkVersions({ schemaVersion, minimumReader }: StoredVersions, known: number): void {
  if (minimumReader <= known) return;
  throw new StoreUnusable(
    `the database has schema version ${schemaVersion} and needs a program that knows version ${minimumReader}; this one knows ${known}: update si-mqtt`,
  );
}

/** For who only reads. */
export function checkReadable(versions: StoredVersions, known: number): void {
  checkVersions(versions, known);
  if (versions.schemaVersion === 0)
    throw new StoreUnusable('the database has no tables of si-mqtt: start the broker on it first, or correct its name');
  if (versions.schemaVersion < known) {
    throw new StoreUnusable(
      `the database has schema version ${versions.schemaVersion}, and this program reads ${known}: run "si-mqtt migrate" first`,
    );
  }
}
