import { type LoadedConfiguration } from './config.js';
import { OperatorError, oneLine } from './problems.js';

/** The first says what to do; the others come from the store once it is open. */
const STORE_ERRORS: readonly string[] = ['StoreUnusable', 'StoreRefusal', 'SqliteError', 'FormatError'];

/** What the store reports, as one line with the place of the key that names it; undefined if the error is not the store's. `asked`: of an open store. */
export function storeProblem(error: unknown, { configuration, locate }: LoadedConfiguration, asked: string): OperatorError | undefined {
  if (!(error instanceof Error) || !STORE_ERRORS.includes(error.name)) return undefined;
  const { driver, writeUrls } = configuration.storage;
  const byDriver = driver === 'sqlite' ? 'path' : writeUrls.length > 1 ? 'writeUrls' : 'url';
  const key = 'key' in error ? (error.key as string | undefined) : byDriver;
  const message =
    error.name === 'StoreUnusable'
      ? error.message
      : `the store does not take ${asked} (${error.message}): mend what it reports, or correct storage.${byDriver}`;
  const place = key === undefined ? '' : `${locate(['storage', key]) ?? 'built-in defaults'}: `;
  // What the store itself refuses is away or full.
  const mayPass = 'mayPass' in error ? error.mayPass === true : error.name === 'StoreRefusal';
  return new OperatorError([oneLine(`${place}${message}`)], { mayPass });
}
