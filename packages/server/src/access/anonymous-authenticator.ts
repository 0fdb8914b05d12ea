import { type AuthenticationResult, type Authenticator, type Credentials } from './authenticator.js';
import { type AccessRules } from './permissions.js';

/** Accepts clients that give neither user name nor password. Whether a listener has it in its list is the configuration's decision. */
export class AnonymousAuthenticator implements Authenticator {
  readonly name = 'anonymous';
  readonly #rules: AccessRules;

  constructor(rules: AccessRules) {
    this.#rules = rules;
  }

  async authenticate({ clientId, userName, password }: Credentials): Promise<AuthenticationResult> {
    if (userName !== undefined || password !== undefined) return 'undecided';
    return { accepted: { userName: undefined, permissions: this.#rules.permissionsFor(undefined, clientId) } };
  }
}
