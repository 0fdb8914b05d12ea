/** A listener cannot be used because of something that an operator can change. The message is one line that says what to do. */
export class ListenError extends Error {
  override readonly name: string = 'ListenError';
  readonly listenerName: string;
  /** Node's or OpenSSL's code, for instance `EADDRINUSE`; `CERTIFICATE` if a file was read but makes no sense. */
  readonly code: string;

  constructor(listenerName: string, code: string, message: string, cause?: unknown) {
    super(`listener "${listenerName}": ${message}`, { cause });
    this.listenerName = listenerName;
    this.code = code;
  }
}

/** The code of a system error, or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Says what to do about an address that cannot be bound. */
export function bindError(listenerName: string, place: string, error: unknown): ListenError {
  const code = errorCode(error);
  const advice: Record<string, string> = {
    EADDRINUSE: 'another program listens there; stop it or choose another port',
    EACCES: 'permission denied; choose a port above 1023, or give this user the right to use it',
    EPERM: 'permission denied; choose another place, or give this user the right to use it',
    EADDRNOTAVAIL: 'this machine does not have the address; correct "hosts"',
    EAFNOSUPPORT: 'this machine does not support that kind of address; correct "hosts"',
    ENOTFOUND: 'the host name is unknown; correct "hosts"',
    ENOENT: 'the folder does not exist; create it',
    EINVAL: 'the address is not valid; a socket path may have about 100 characters',
    ENAMETOOLONG: 'the path is too long; a socket path may have about 100 characters',
  };
  const text = advice[code] ?? (error instanceof Error ? error.message : String(error));
  return new ListenError(listenerName, code, `cannot listen on ${place}: ${text}${code === '' ? '' : ` (${code})`}`, error);
}
