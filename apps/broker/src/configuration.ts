import { type CompleteServerOptions, type LimitOptions, type ListenerLimits, type ListenerOptions, type TlsOptions } from '@si-mqtt/server';

/**
 * The whole validated configuration: what the server takes, and what only the command needs. Every default is filled in, every path is absolute,
 * every `{ env = … }` and `{ file = … }` is replaced by its text, and `"unlimited"` has become `Infinity`.
 * What a person may write, with explanations and defaults, is in `schema.ts`.
 */
export interface Configuration extends CompleteServerOptions {
  readonly log: LogConfiguration;
  readonly life: LifeConfiguration;
  readonly storage: StorageConfiguration;
}

export type ListenerConfiguration = ListenerOptions;
export type AuthenticatorName = ListenerOptions['authenticators'][number];
export type TlsConfiguration = TlsOptions;
export type CertificateConfiguration = Pick<TlsOptions, 'certificateFile' | 'keyFile' | 'keyPassphrase'>;
export type ListenerLimitsConfiguration = ListenerLimits;
export type LimitsConfiguration = LimitOptions;

export interface LogConfiguration {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto`: for people if standard output is a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
}

export interface LifeConfiguration {
  /** 0: everybody is disconnected at once. */
  readonly drainSeconds: number;
  /** How often certificate, password and ACL files are looked at for changes. */
  readonly filePollSeconds: number;
}

export interface StorageConfiguration {
  readonly driver: 'sqlite' | 'mysql' | 'mongodb' | 'memory';
  /** Of the database file of `sqlite`. */
  readonly path: string;
  /** Of the server of `mysql` or `mongodb`, else none; they may contain passwords. */
  readonly writeUrls: readonly string[];
  /** What may be asked by who only looks; none: those above. */
  readonly readUrls: readonly string[];
  /** Connections to the server. */
  readonly pool: number;
  readonly tls: boolean;
  readonly certificateAuthorityFile?: string | undefined;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keyPassphrase?: string | undefined;
  readonly require: 'synced' | 'flushed' | 'anything';
  readonly durability: 'synced' | 'flushed';
  readonly lazy: boolean;
  readonly maxBytes: number;
  readonly reserveBytes: number;
  readonly pendingBytesMax: number;
  readonly refuseAfterSeconds: number;
}
