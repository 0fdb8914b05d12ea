import { type AuthenticationResult, type Authenticator, type Credentials } from './authenticator.js';
import { type AccessRules } from './permissions.js';

/**
 * Accepts clients by the certificate that the listener verified: its common name is the user name, whatever CONNECT says.
 * Without a certificate, or without a common name that could be a user name in MQTT, the next authenticator decides.
 */
export class CertificateAuthenticator implements Authenticator {
  readonly name = 'certificate';
  readonly #rules: AccessRules;

  constructor(rules: AccessRules) {
    this.#rules = rules;
  }

  async authenticate({ clientId, certificate }: Credentials): Promise<AuthenticationResult> {
    const userName = certificate?.commonName;
    // A control character, U+0000 above all, is how one certificate authority is made to sign another's name.
    if (userName === undefined || userName === '' || /\p{Cc}/u.test(userName)) return 'undecided';
    return { accepted: { userName, permissions: this.#rules.permissionsFor(userName, clientId) } };
  }
}
