import { type Env } from '@si-mqtt/session';
import { AccessFile } from './access/access-file.js';
import { AnonymousAuthenticator } from './access/anonymous-authenticator.js';
import { type Authenticator } from './access/authenticator.js';
import { CertificateAuthenticator } from './access/certificate-authenticator.js';
import { ConcurrencyLimit } from './access/concurrency-limit.js';
import { type AuthenticationMechanism } from './access/enhanced.js';
import { FileError } from './access/file-error.js';
import { PasswordFile } from './access/password-file.js';
import { PasswordFileAuthenticator } from './access/password-file-authenticator.js';
import { type AccessRules, type Permissions, unrestricted } from './access/permissions.js';
import { ScramSha256 } from './access/scram-sha-256.js';
import { type ListenerInformation } from './listeners/listener-options.js';
import { type CompleteServerOptions } from './server-options.js';

/** Who may connect at which listener, and by what means: the files that were opened, and what is made of them. */
export class ServerAccess {
  private readonly passwordFile: PasswordFile | undefined;
  private readonly accessFile: AccessFile | undefined;
  private readonly rules: AccessRules;
  /** Of password verifications at all listeners. */
  readonly limit: ConcurrencyLimit;

  constructor(passwordFile: PasswordFile | undefined, accessFile: AccessFile | undefined, limit: ConcurrencyLimit) {
    this.passwordFile = passwordFile;
    this.accessFile = accessFile;
    this.rules = accessFile ?? unrestricted;
    this.limit = limit;
  }

  authenticatorsOf(listener: ListenerInformation): Authenticator[] {
    const { passwordFile, rules, limit } = this;
    const authenticators: Authenticator[] = [];
    for (const name of listener.authenticators) {
      if (name === 'certificate') authenticators.push(new CertificateAuthenticator(rules));
      if (name === 'password' && passwordFile !== undefined)
        authenticators.push(new PasswordFileAuthenticator({ passwordFile, rules, limit }));
    }
    if (listener.allowAnonymous) authenticators.push(new AnonymousAuthenticator(rules));
    return authenticators;
  }

  mechanismsOf(listener: ListenerInformation): AuthenticationMechanism[] {
    const { passwordFile, rules } = this;
    return listener.authenticators.includes('scram') && passwordFile !== undefined ? [new ScramSha256({ passwordFile, rules })] : [];
  }

  permissionsFor(userName: string | undefined, clientId: string): Permissions {
    return this.rules.permissionsFor(userName, clientId);
  }

  /**
   * Reads both files again, or others in their place. Nothing changes until what it resolves to is called. Rejects with a FileError if one
   * of them cannot be used. Whether there are such files at all stays as it was.
   */
  async prepare({ access, limits }: CompleteServerOptions): Promise<() => void> {
    const useUsers = await this.passwordFile?.prepare(access.passwordFile);
    const useRules = await this.accessFile?.prepare(access.aclFile);
    return () => {
      useUsers?.();
      useRules?.();
      this.limit.runningMax = limits.authenticationsMax;
      this.limit.waitingMax = limits.authenticationsWaitingMax;
    };
  }

  close(): void {
    this.passwordFile?.close();
    this.accessFile?.close();
  }
}

/** What a start would say about both files, without one. */
export async function accessProblems({ passwordFile, aclFile }: Partial<CompleteServerOptions['access']>): Promise<FileError[]> {
  const problems: FileError[] = [];
  const look = async (open: () => Promise<unknown>): Promise<void> => {
    try {
      await open();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      problems.push(error);
    }
  };
  if (passwordFile !== undefined) await look(() => PasswordFile.open({ path: passwordFile }));
  if (aclFile !== undefined) await look(() => AccessFile.open({ path: aclFile }));
  return problems;
}

/** @throws FileError if a file cannot be used */
export async function openAccess(
  options: CompleteServerOptions,
  env: Env,
  onReload: (what: 'passwords' | 'access rules') => void,
  onError: (error: Error) => void,
): Promise<ServerAccess> {
  const { passwordFile, aclFile } = options.access;
  const watch = { env, pollMilliseconds: options.life.filePollSeconds * 1000, onError };
  const [onUsers, onRules] = [() => onReload('passwords'), () => onReload('access rules')];
  const users = passwordFile === undefined ? undefined : await PasswordFile.open({ ...watch, path: passwordFile, onReload: onUsers });
  const rules = aclFile === undefined ? undefined : await AccessFile.open({ ...watch, path: aclFile, onReload: onRules });
  const { authenticationsMax, authenticationsWaitingMax } = options.limits;
  return new ServerAccess(users, rules, new ConcurrencyLimit({ runningMax: authenticationsMax, waitingMax: authenticationsWaitingMax }));
}
