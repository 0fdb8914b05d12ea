import { type StoreDurability } from '../log-store.js';

export type SqlValue = null | number | bigint | string | Uint8Array;

export interface SqlStatement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** What the drivers of SQL databases have in common: one connection that writes, one transaction after the other. */
export interface SqlDatabase {
  /** Rows as arrays in the order of the columns; integers may be numbers or bigints. */
  query(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]>;
  /** The same on the connection that writes. */
  queryWhereWritten(sql: string, values: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]>;
  /**
   * All or nothing, and durable when it resolves. Returns how many rows each statement changed.
   * Rejects with DuplicateKey, StoreRefusal or StoreUnusable if nothing was changed; else the outcome is unknown. It never goes over another
   * connection than the last one without having rejected before: the caller may want to look at what is there now.
   */
  transaction(statements: readonly SqlStatement[]): Promise<readonly number[]>;
  /** Bytes of the database. */
  size(): Promise<number>;
  /** Bytes; undefined: only the server knows. */
  diskFree(): Promise<number | undefined>;
  /** The next call is made at another address, if there is one. */
  tryElsewhere?(): void;
  hasRoom(): Promise<boolean>;
  /** The largest value that a transaction may write into two rows. */
  maximumValueBytes(): Promise<number>;
  durability(): Promise<StoreDurability>;
  close(): Promise<void>;
}

/** An INSERT met a row with its key; the transaction was rolled back. */
export class DuplicateKey extends Error {
  override readonly name = 'DuplicateKey';
}
