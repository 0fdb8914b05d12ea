import { ReasonCode } from '@si-mqtt/codec';
import { type AuthenticationResult, type Authenticator, type Credentials } from './authenticator.js';
import { type ConcurrencyLimit } from './concurrency-limit.js';
import { type PasswordFile } from './password-file.js';
import { type AccessRules } from './permissions.js';

export interface PasswordFileAuthenticatorParts {
  readonly passwordFile: PasswordFile;
  readonly rules: AccessRules;
  /** Shared by all authenticators of a node whose work is costly. */
  readonly limit: ConcurrencyLimit;
}

/** Checks user name and password against a file. Users that it does not know are left to the next authenticator. */
export class PasswordFileAuthenticator implements Authenticator {
  readonly name = 'password file';
  readonly #passwordFile: PasswordFile;
  readonly #rules: AccessRules;
  readonly #limit: ConcurrencyLimit;

  constructor({ passwordFile, rules, limit }: PasswordFileAuthenticatorParts) {
    this.#passwordFile = passwordFile;
    this.#rules = rules;
    this.#limit = limit;
  }

  async authenticate({ clientId, userName, password }: Credentials, stillWanted?: () => boolean): Promise<AuthenticationResult> {
    if (userName === undefined || password === undefined) return 'undecided';
    const outcome = await this.#limit.run(() => this.#passwordFile.verify(userName, password), stillWanted);
    if (outcome === 'full') return { refused: { reasonCode: ReasonCode.serverBusy } };
    // Nobody hears this answer.
    if (outcome === 'abandoned') return { refused: { reasonCode: ReasonCode.unspecifiedError } };
    if (outcome.done === 'unknown') return 'undecided';
    // The user may have been removed while the check ran.
    if (outcome.done === 'wrong' || !this.#passwordFile.has(userName)) return { refused: { reasonCode: ReasonCode.badUserNameOrPassword } };
    const permissions = this.#rules.permissionsFor(userName, clientId);
    return { accepted: { userName, permissions, stillValid: () => this.#passwordFile.has(userName) } };
  }
}
