import { BlockList, isIP } from 'node:net';
import {
  type AuthenticatorName,
  type CertificateConfiguration,
  type Configuration,
  type ListenerConfiguration,
  type StorageConfiguration,
  type TlsConfiguration,
} from './configuration.js';
import { type KeyPath } from './problems.js';
import { configurationSchema, type WrittenConfiguration, type WrittenListener } from './schema.js';

/** What the written configuration is completed from, and checked against. */
export interface Surroundings {
  /** Loopback addresses that this machine has. */
  readonly loopbackHosts: readonly string[];
  /** Files and sockets that the process may have open. */
  readonly openFilesMax: number;
  /** Bytes that V8 was given. */
  readonly heapBytes: number;
  /** Absolute path of a path that starts at the folder of the configuration file. */
  absolute(path: string): string;
  /** Absolute path of a path that starts at the working folder. */
  inWorkingFolder(path: string): string;
  /** Why the file cannot be read, in words; undefined if it can. */
  unreadable(path: string): string | undefined;
  /** Why TLS cannot use these files, in words; undefined if it can. */
  unusableCertificate(files: CertificateConfiguration, certificateAuthorityFile?: string): string | undefined;
}

/** A mistake that the schema cannot see. */
export interface SemanticProblem {
  readonly path: KeyPath;
  /** "what is wrong: what to do" */
  readonly message: string;
}

const HEAP_SHARE = 0.85;
/** Of Node.js, listeners, logs, the store, and whoever asks for metrics. */
const OWN_FILES = 64;
/** `sun_path` of Linux without its final zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const PASSWORD_AUTHENTICATORS: readonly AuthenticatorName[] = ['password', 'scram'];

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Fills in what depends on other keys and on the machine, and checks what one key cannot say alone. */
export function resolveConfiguration(
  written: WrittenConfiguration,
  surroundings: Surroundings,
): { readonly configuration: Configuration; readonly problems: readonly SemanticProblem[]; readonly remarks: readonly string[] } {
  return new Resolver(written, surroundings).resolve();
}

class Resolver {
  readonly #written: WrittenConfiguration;
  readonly #surroundings: Surroundings;
  readonly #problems: SemanticProblem[] = [];
  readonly #remarks: string[] = [];

  constructor(written: WrittenConfiguration, surroundings: Surroundings) {
    this.#written = written;
    this.#surroundings = surroundings;
  }

  resolve(): { configuration: Configuration; problems: SemanticProblem[]; remarks: string[] } {
    const { limits, access } = this.#written;
    const { heapBytes } = this.#surroundings;
    const configuration: Configuration = {
      ...this.#written,
      limits: {
        ...limits,
        connectionsMax: this.#connectionsMax(),
        persistentSessionExpirySeconds: Math.min(limits.persistentSessionExpirySeconds, limits.sessionExpirySecondsMax),
        heapBytesMax: limits.heapBytesMax === 'automatic' ? Math.floor(heapBytes * HEAP_SHARE) : limits.heapBytesMax,
      },
      access: {
        passwordFile: this.#file(access.passwordFile, ['access', 'passwordFile'], 'write users to it with "si-mqtt passwd"'),
        aclFile: this.#file(access.aclFile, ['access', 'aclFile'], 'create it, or correct the path'),
      },
      storage: this.#storage(),
      listeners: (this.#written.listeners ?? builtInListeners()).map((listener, index) => this.#listener(listener, ['listeners', index])),
    };
    this.#checkNames(configuration.listeners);
    this.#checkAddresses(configuration);
    return { configuration, problems: this.#problems, remarks: this.#remarks };
  }

  /**
   * Where the descriptors end, the system closes connections unseen, and neither the metrics nor the store can open anything: then a limit of the
   * broker's own comes first.
   */
  #connectionsMax(): number {
    const { limits, storage } = this.#written;
    const { openFilesMax } = this.#surroundings;
    const possible = Math.max(1, openFilesMax - OWN_FILES - storage.pool);
    if (limits.connectionsMax > possible && limits.connectionsMax !== Number.POSITIVE_INFINITY) {
      const raise = 'raise the limit of the system (ulimit -n, LimitNOFILE of systemd), or lower limits.connectionsMax';
      this.#remarks.push(
        `the process may open ${openFilesMax} files, which is too few for limits.connectionsMax = ${limits.connectionsMax}: ${possible} are let in; ${raise}`,
      );
    }
    return Math.min(limits.connectionsMax, possible);
  }

  #storage(): StorageConfiguration {
    const { url, writeUrls, ...storage } = this.#written.storage;
    if (url !== undefined && writeUrls !== undefined) {
      this.#report(['storage', 'writeUrls'], 'the database has two keys: write storage.url, or storage.writeUrls for several addresses');
    }
    const addresses: readonly (readonly [key: KeyPath, url: string])[] =
      writeUrls?.map((address, index) => [['storage', 'writeUrls', index], address] as const) ??
      (url === undefined ? [] : [[['storage', 'url'], url]]);
    this.#checkDatabase(addresses);
    const ca = this.#file(storage.certificateAuthorityFile, ['storage', 'certificateAuthorityFile'], 'create it, or correct the path');
    return {
      ...storage,
      writeUrls: addresses.map(([, address]) => address),
      // A configuration file that is added later must not make the broker leave its database behind.
      path: this.#surroundings.inWorkingFolder(storage.path),
      certificateAuthorityFile: ca,
      ...this.#clientCertificate(ca),
    };
  }

  #checkDatabase(addresses: readonly (readonly [key: KeyPath, url: string])[]): void {
    const { driver, readUrls } = this.#written.storage;
    const all = [...addresses, ...readUrls.map((url, index) => [['storage', 'readUrls', index], url] as const)];
    if (driver === 'sqlite' || driver === 'memory') {
      for (const [key] of all.slice(0, 1)) {
        this.#report(key, `storage.driver = "${driver}" has no server: remove the URL, or write "mysql" or "mongodb" as the driver`);
      }
      return;
    }
    const [scheme, form] =
      driver === 'mysql'
        ? ([/^mysql:\/\/[^/]+\/[^/?]+/, 'mysql://user:password@host/database'] as const)
        : ([/^mongodb(\+srv)?:\/\/[^/]+\/[^/?]+/, 'mongodb://user:password@host/database'] as const);
    if (addresses.length === 0) {
      this.#report(['storage', 'driver'], `"${driver}" needs a database: write storage.url, as ${form}`);
    }
    for (const [key, url] of all) {
      if (!scheme.test(url)) this.#report(key, `not the URL of a ${driver} database: write ${form}`);
    }
    if (driver === 'mongodb' && addresses.length > 1) {
      const message = 'a MongoDB replica set has one URL: write all its members into it, as mongodb://host1,host2/database';
      this.#report(['storage', 'writeUrls', 1], message);
    }
  }

  /** What the broker shows to the server of the database. */
  #clientCertificate(certificateAuthorityFile: string | undefined): Partial<CertificateConfiguration> {
    const { certificateFile, keyFile, keyPassphrase } = this.#written.storage;
    if (certificateFile !== undefined && keyFile !== undefined) {
      return this.#certificate({ certificateFile, keyFile, keyPassphrase }, ['storage'], certificateAuthorityFile);
    }
    if (certificateFile !== undefined) {
      this.#report(['storage', 'certificateFile'], 'a certificate is of no use without its private key: write storage.keyFile');
    } else if (keyFile !== undefined) {
      this.#report(['storage', 'keyFile'], 'a private key is of no use without its certificate: write storage.certificateFile');
    }
    return {};
  }

  #listener(written: WrittenListener, path: KeyPath): ListenerConfiguration {
    const { limits, access } = this.#written;
    const authenticators = written.authenticators ?? (access.passwordFile === undefined ? [] : PASSWORD_AUTHENTICATORS);
    const resolved = {
      authenticators,
      limits: {
        maximumPacketSize: limits.maximumPacketSize,
        connectDeadlineSeconds: limits.connectDeadlineSeconds,
        keepAliveSecondsMax: limits.keepAliveSecondsMax,
        connectionsMax: Number.POSITIVE_INFINITY,
        connectRatePerSecond: Number.POSITIVE_INFINITY,
        ...written.limits,
      },
    };
    let listener: ListenerConfiguration;
    if (written.type === 'unix') {
      const allowAnonymous = written.allowAnonymous ?? !written.proxyProtocol;
      listener = { ...written, ...resolved, allowAnonymous, socketPath: this.#socketPath(written.socketPath, path) };
    } else {
      const hosts = written.hosts ?? this.#surroundings.loopbackHosts;
      const allowAnonymous = written.allowAnonymous ?? (!written.proxyProtocol && hosts.every(isLoopback));
      listener =
        'tls' in written
          ? { ...written, ...resolved, hosts, allowAnonymous, tls: this.#tls(written.tls, [...path, 'tls']) }
          : { ...written, ...resolved, hosts, allowAnonymous };
    }
    this.#checkAuthenticators(listener, path);
    return listener;
  }

  #checkAuthenticators(listener: ListenerConfiguration, path: KeyPath): void {
    const { authenticators } = listener;
    const key: KeyPath = [...path, 'authenticators'];
    if (new Set(authenticators).size < authenticators.length) {
      this.#report(key, 'an authenticator is named twice: remove one of them');
    }
    if (authenticators.some((name) => PASSWORD_AUTHENTICATORS.includes(name)) && this.#written.access.passwordFile === undefined) {
      this.#report(key, 'there are no passwords to check: set access.passwordFile');
    }
    if (authenticators.includes('certificate')) {
      if (!('tls' in listener)) {
        this.#report(
          key,
          `a listener of type "${listener.type}" sees no certificates: remove "certificate", or use "tls" or "secure-websocket"`,
        );
      } else if (listener.tls.clientCertificate === 'none') {
        this.#report(key, 'clients are not asked for certificates: set tls.clientCertificate to "request" or "require"');
      }
    }
    if (authenticators.length === 0 && !listener.allowAnonymous) {
      const message = `nobody could connect to the listener "${listener.name}": set access.passwordFile or its authenticators, or allowAnonymous = true to let everybody in`;
      this.#report(path, message);
    }
  }

  #tls(written: TlsConfiguration, path: KeyPath): TlsConfiguration {
    const seen = new Set<string>();
    const certificateAuthorityFile = this.#file(
      written.certificateAuthorityFile,
      [...path, 'certificateAuthorityFile'],
      'correct the path',
    );
    if (written.clientCertificate !== 'none' && written.certificateAuthorityFile === undefined) {
      const message = `clients' certificates cannot be verified: set tls.certificateAuthorityFile, or clientCertificate = "none"`;
      this.#report([...path, 'clientCertificate'], message);
    }
    return {
      ...written,
      ...this.#certificate(written, path, certificateAuthorityFile),
      certificateAuthorityFile,
      serverNames: written.serverNames.map((entry, index) => {
        const entryPath: KeyPath = [...path, 'serverNames', index];
        if (seen.has(entry.serverName)) {
          this.#report([...entryPath, 'serverName'], `the server name "${entry.serverName}" has two certificates: remove one of them`);
        }
        seen.add(entry.serverName);
        return { ...entry, ...this.#certificate(entry, entryPath) };
      }),
    };
  }

  #certificate(written: CertificateConfiguration, path: KeyPath, certificateAuthorityFile?: string): CertificateConfiguration {
    const before = this.#problems.length;
    const files: CertificateConfiguration = {
      certificateFile: this.#file(written.certificateFile, [...path, 'certificateFile'], 'create it, or correct the path'),
      keyFile: this.#file(written.keyFile, [...path, 'keyFile'], 'create it, or correct the path'),
      keyPassphrase: written.keyPassphrase,
    };
    if (
      this.#problems.length === before &&
      (certificateAuthorityFile === undefined || this.#surroundings.unreadable(certificateAuthorityFile) === undefined)
    ) {
      const trouble = this.#surroundings.unusableCertificate(files, certificateAuthorityFile);
      if (trouble !== undefined) {
        this.#report(
          [...path, 'certificateFile'],
          `TLS cannot use the certificate, key and authorities, ${trouble}: use PEM files that belong together`,
        );
      }
    }
    return files;
  }

  #file<Path extends string | undefined>(written: Path, path: KeyPath, remedy: string): Path {
    if (written === undefined) {
      return written;
    }
    const absolute = this.#surroundings.absolute(written);
    const trouble = this.#surroundings.unreadable(absolute);
    if (trouble !== undefined) {
      this.#report(path, `cannot read ${absolute}, ${trouble}: ${remedy}`);
    }
    return absolute as Path;
  }

  #socketPath(written: string, path: KeyPath): string {
    const absolute = this.#surroundings.absolute(written);
    if (Buffer.byteLength(absolute) > SOCKET_PATH_BYTES_MAX) {
      this.#report([...path, 'socketPath'], `the path ${absolute} is too long for a socket: use at most ${SOCKET_PATH_BYTES_MAX} bytes`);
    }
    return absolute;
  }

  #checkNames(listeners: readonly ListenerConfiguration[]): void {
    const seen = new Set<string>();
    for (const [index, { name }] of listeners.entries()) {
      if (seen.has(name)) {
        this.#report(['listeners', index, 'name'], `two listeners have the name "${name}": rename one of them`);
      }
      seen.add(name);
    }
  }

  #checkAddresses({ listeners, admin }: Configuration): void {
    const taken: { readonly owner: string; readonly port: number; readonly host: string }[] = [];
    const sockets = new Set<string>();
    const claim = (owner: string, hosts: readonly string[], port: number, path: KeyPath): void => {
      for (const host of hosts) {
        const other = port === 0 ? undefined : taken.find((address) => address.port === port && overlap(address.host, host));
        if (other !== undefined) {
          this.#report(path, `${bracketed(host)}:${port} is also an address of ${other.owner}: give one of them another port`);
        }
        taken.push({ owner, port, host });
      }
    };
    for (const [index, listener] of listeners.entries()) {
      if (listener.type !== 'unix') {
        claim(`the listener "${listener.name}"`, listener.hosts, listener.port, ['listeners', index, 'port']);
      } else if (sockets.has(listener.socketPath)) {
        this.#report(['listeners', index, 'socketPath'], `two listeners use the socket ${listener.socketPath}: change one of them`);
      } else {
        sockets.add(listener.socketPath);
      }
    }
    if (admin.enabled) {
      claim('[admin]', [admin.host], admin.port, ['admin', 'port']);
    }
  }

  #report(path: KeyPath, message: string): void {
    this.#problems.push({ path, message });
  }
}

/** What is served when the file says nothing about listeners. */
function builtInListeners(): readonly WrittenListener[] {
  const listeners = [
    { type: 'tcp', name: 'tcp' },
    { type: 'websocket', name: 'websocket' },
  ];
  return configurationSchema.parse({ listeners }).listeners ?? [];
}

/** Whether only this machine can reach the bind address. */
function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') {
    return true;
  }
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

function overlap(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() || covers(a, b) || covers(b, a);
}

/** Node binds `::` for IPv4 as well. */
function covers(all: string, host: string): boolean {
  return all === '::' || (all === '0.0.0.0' && isIP(host) !== 6);
}

/** A host as it stands before a port: `[::1]`. */
function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
