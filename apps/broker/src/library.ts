import { type SchemaVersions, type StoreReader } from '@si-mqtt/cluster-db';
import { type Logger } from 'pino';
import { type Configuration, type StorageConfiguration } from './configuration.js';

/** What the command needs of the other packages; `main.ts` hands it in, so that the command can be tested without sockets. */
export interface BrokerLibrary {
  createServer(configuration: Configuration, logger: Logger): Promise<RunningServer>;
  /** What is wrong in the files that say who may do what. */
  accessProblems(access: Configuration['access']): Promise<readonly Error[]>;
  /** Rejects with an error named `FileError` for a file that cannot be used, with a RangeError for a name or password that cannot. */
  setUser(
    path: string,
    userName: string,
    password: string,
    options: { readonly scram: boolean },
  ): Promise<{ userExisted: boolean; scramRemoved: boolean }>;
  /** False if the file has no such user. */
  deleteUser(path: string, userName: string): Promise<boolean>;
  /** Opens the store to be looked at, beside a broker that may be using it. These three reject with an error named `StoreUnusable`. */
  readStore(storage: StorageConfiguration): Promise<StoreReader>;
  migrateStore(storage: StorageConfiguration): Promise<SchemaVersions>;
  /** The file must not exist. */
  backUpStore(storage: StorageConfiguration, target: string): Promise<void>;
}

export interface RunningServer {
  /**
   * Resolves when every listener accepts. Rejects with the error that Node gave for the first that cannot
   * (`code`, and `address`, `port` or `hostname`), or with a `FileError`; nothing listens then.
   */
  start(): Promise<void>;
  /** Where it really listens: a URL for each address of a listener, by the listener's name, and of `admin`. */
  addresses(): readonly { readonly listener: string; readonly url: string }[];
  /** Takes over what can change while running, and reads certificates, passwords and access rules again. Rejects, and keeps the old, if it cannot. */
  reload(configuration: Configuration): Promise<void>;
  stop(how: { readonly drainSeconds: number }): Promise<void>;
}
