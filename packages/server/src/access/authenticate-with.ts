import { ReasonCode } from '@si-mqtt/codec';
import { type Authenticator, type Credentials, type Identity, type Refusal } from './authenticator.js';

export type AuthenticationOutcome = { readonly accepted: Identity; readonly authenticator: Authenticator } | { readonly refused: Refusal };

/**
 * Asks the authenticators in their order until one decides. If none does, the client is refused: 0x86 if it named a user, else 0x87.
 * `stillWanted` is handed to each. Rejects if an authenticator does, without asking the next one.
 */
export async function authenticateWith(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  stillWanted?: () => boolean,
): Promise<AuthenticationOutcome> {
  for (const authenticator of authenticators) {
    const result = await authenticator.authenticate(credentials, stillWanted);
    if (result === 'undecided') continue;
    return 'accepted' in result ? { accepted: result.accepted, authenticator } : result;
  }
  const isAnonymous = credentials.userName === undefined;
  return { refused: { reasonCode: isAnonymous ? ReasonCode.notAuthorized : ReasonCode.badUserNameOrPassword } };
}
