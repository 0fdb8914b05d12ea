import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ReasonCode } from '@si-mqtt/codec';
import { type Refusal } from './authenticator.js';
import { encodeBase64 } from './base64.js';
import { type AuthenticationExchange, type AuthenticationMechanism, type ExchangeStep, type MechanismContext } from './enhanced.js';
import { type PasswordFile } from './password-file.js';
import { type AccessRules } from './permissions.js';
import { saslPrepare } from './sasl-prepare.js';
import { type ClientFirst, formatServerFirst, parseClientFinal, parseClientFirst } from './scram-messages.js';
import { type ScramVerifier } from './scram-verifier.js';

export interface ScramSha256Parts {
  readonly passwordFile: PasswordFile;
  readonly rules: AccessRules;
  /** The server's part of the nonce: printable ASCII without comma, never the same twice. 18 random bytes in base64 by default. */
  readonly nonce?: () => string;
}

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. The client's first message comes in CONNECT, its second in AUTH; the server's
 * signature goes into the CONNACK. Only users with a SCRAM line in the password file can pass; others, and unknown names, are led through
 * the same exchange and refused at its end, so that names cannot be tried out.
 *
 * Refused with 0x86: a wrong proof or name. With 0x87: a message against the grammar, an authorization identity, channel binding.
 */
export class ScramSha256 implements AuthenticationMechanism {
  readonly method = 'SCRAM-SHA-256';
  readonly #parts: Required<ScramSha256Parts>;

  constructor(parts: ScramSha256Parts) {
    this.#parts = { nonce: () => randomBytes(18).toString('base64'), ...parts };
  }

  /** In a re-authentication `userName` of the context is the one that the client has, so that it cannot become another. */
  start(context: MechanismContext): AuthenticationExchange {
    return new ScramExchange(this.#parts, context);
  }
}

/** What the second message is judged by. */
interface Challenge {
  readonly clientFirst: ClientFirst;
  /** Prepared. */
  readonly userName: string;
  readonly verifier: ScramVerifier | undefined;
  readonly nonce: string;
  readonly serverFirst: string;
}

const malformed: Refusal = { reasonCode: ReasonCode.notAuthorized, reasonString: 'SCRAM message not understood' };
const channelBindingRefused: Refusal = { reasonCode: ReasonCode.notAuthorized, reasonString: 'SCRAM channel binding not supported' };
const wrongUserOrPassword: Refusal = { reasonCode: ReasonCode.badUserNameOrPassword };

class ScramExchange implements AuthenticationExchange {
  readonly #parts: Required<ScramSha256Parts>;
  readonly #context: MechanismContext;
  #challenge: Challenge | undefined;
  #isOver = false;

  constructor(parts: Required<ScramSha256Parts>, context: MechanismContext) {
    this.#parts = parts;
    this.#context = context;
  }

  async step(data: Uint8Array | undefined): Promise<ExchangeStep> {
    if (this.#isOver) throw new Error('the SCRAM exchange is over');
    const step = this.#challenge === undefined ? this.#answerFirst(data) : this.#answerFinal(this.#challenge, data);
    this.#isOver = !('continue' in step);
    return step;
  }

  #answerFirst(data: Uint8Array | undefined): ExchangeStep {
    const clientFirst = data && parseClientFirst(data);
    if (clientFirst === undefined) return { refused: malformed };
    if (clientFirst.wantsChannelBinding) return { refused: channelBindingRefused };
    const userName = saslPrepare(clientFirst.userName);
    // A User Name in CONNECT beside the one in here has to be the same.
    const given = this.#context.userName;
    if (userName === undefined || (given !== undefined && given !== clientFirst.userName && given !== userName)) {
      return { refused: wrongUserOrPassword };
    }
    const { passwordFile } = this.#parts;
    const verifier = passwordFile.scramVerifier(userName);
    const { salt, iterations } = verifier ?? passwordFile.imitatedChallenge(userName);
    const nonce = clientFirst.nonce + this.#parts.nonce();
    const serverFirst = formatServerFirst(nonce, salt, iterations);
    this.#challenge = { clientFirst, userName, verifier, nonce, serverFirst };
    return { continue: encodeText(serverFirst) };
  }

  #answerFinal({ clientFirst, userName, verifier, nonce, serverFirst }: Challenge, data: Uint8Array | undefined): ExchangeStep {
    const clientFinal = data && parseClientFinal(data);
    if (clientFinal === undefined) return { refused: malformed };
    if (clientFinal.nonce !== nonce || clientFinal.channelBinding !== encodeBase64(encodeText(clientFirst.gs2Header))) {
      return { refused: malformed };
    }
    const authMessage = `${clientFirst.bare},${serverFirst},${clientFinal.withoutProof}`;
    // For users without verifier the same is computed with keys that no proof fits.
    const { storedKey, serverKey } = verifier ?? impossible;
    const clientSignature = createHmac('sha256', storedKey).update(authMessage).digest();
    const clientKey = clientSignature.map((byte, at) => byte ^ clientFinal.proof[at]);
    const isRight = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey);
    const serverSignature = createHmac('sha256', serverKey).update(authMessage).digest();
    // The user may have been removed while the client computed its proof.
    if (!isRight || verifier === undefined || !this.#parts.passwordFile.has(userName)) {
      return { refused: wrongUserOrPassword };
    }
    return {
      accepted: {
        userName,
        permissions: this.#parts.rules.permissionsFor(userName, this.#context.clientId),
        stillValid: () => this.#parts.passwordFile.has(userName),
      },
      data: encodeText(`v=${encodeBase64(serverSignature)}`),
    };
  }
}

const impossible = { storedKey: new Uint8Array(32), serverKey: new Uint8Array(32) };

function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
