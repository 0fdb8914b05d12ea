import { MongoBulkWriteError, MongoError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { StoreRefusal, StoreUnusable } from '../log-store.js';

const Code = { duplicate: 11_000, authentication: 18, unauthorized: 13, outOfDiskSpace: 14_031, tooLarge: 10_334 } as const;

export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === Code.duplicate;
}

/** Indices of the documents that were there already; throws if anything else went wrong. */
export function duplicatesOf(error: unknown): number[] {
  if (error instanceof MongoBulkWriteError) {
    const errors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
    const hasConcernError = error.result.getWriteConcernError() !== undefined;
    if (!hasConcernError && errors.length > 0 && errors.every(({ code }) => code === Code.duplicate))
      return errors.map(({ index }) => index);
  }
  throw error;
}

/** What an error says about the outcome: without one of these it is unknown. */
export function translated(error: unknown): unknown {
  if (!(error instanceof MongoError)) return error;
  const { code, message } = error;
  // Nothing was sent.
  if (error instanceof MongoServerSelectionError)
    return new StoreRefusal('unavailable', `no connection to the database: ${message}`, { cause: error });
  if (code === Code.authentication || code === Code.unauthorized) return new StoreUnusable(message, { cause: error });
  if (code === Code.outOfDiskSpace) return new StoreRefusal('full', message, { cause: error });
  if (code === Code.tooLarge) return new StoreRefusal('content', message, { cause: error });
  return error;
}
