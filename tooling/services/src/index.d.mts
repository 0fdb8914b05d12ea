export interface Service {
  readonly name: string;
  /** With a user that may create databases `si_…`. */
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Killable {
  /** As a power cut would, but for the disk. */
  kill(): Promise<void>;
  /** On the same data and port. */
  restart(): Promise<void>;
}

export interface KillableService extends Service, Killable {}

/** FerretDB keeps its state in PostgreSQL, which is a server of its own. */
export interface FerretdbService extends KillableService {
  readonly database: Killable;
}

/** Undefined: the machine has no MariaDB, and it cannot be installed without asking (`pnpm services` does, as root). */
export function startMariadb(options?: {
  readonly port?: number;
  /** Paths of PEM files; the user has to show a certificate then. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}): Promise<KillableService | undefined>;
/** Installs by apt, as root, what is missing. */
export function installMariadb(): Promise<void>;

/** Undefined: FerretDB was not installed. It takes minutes the first time, and root. */
export function startFerretdb(options?: { readonly port?: number }): Promise<FerretdbService | undefined>;
export function installFerretdb(): Promise<void>;
export function isFerretdbReady(): boolean;

/** Undefined: MySQL was not installed; as FerretDB. */
export function startMysql(options?: { readonly port?: number }): Promise<KillableService | undefined>;
export function installMysql(): Promise<void>;
export function isMysqlReady(): boolean;

/** Where a server comes from: the URL that somebody gives, else Docker, else packages of the system, which only root may install. */
export function sourceOf(machine: { readonly given: string | undefined; readonly hasDocker: boolean }): 'given' | 'docker' | 'installed';
