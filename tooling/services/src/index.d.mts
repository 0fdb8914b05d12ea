export interface Service {
  readonly name: string;
  /** With a user that may create databases `si_…`. */
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Undefined: the machine has no MariaDB, and it cannot be installed without asking (`pnpm services` does, as root). */
export function startMariadb(options?: { readonly port?: number }): Promise<Service | undefined>;
/** Installs by apt, as root, what is missing. */
export function installMariadb(): Promise<void>;
