/** How a connection to a server of a database is secured: PEM, as Node's TLS takes it. */
export interface ServerTls {
  /** Authorities that the server must have its certificate from; absent: those that Node.js trusts. */
  readonly ca?: string | Buffer;
  /** What this side shows. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
}
