import { type Identity, type Refusal } from './authenticator.js';

/** What is known of a client when its enhanced authentication starts (5.0, 4.12). */
export interface MechanismContext {
  readonly clientId: string;
  /** User Name of CONNECT, which a mechanism may require to agree with its own; undefined if CONNECT had none. */
  readonly userName: string | undefined;
  readonly listenerName: string;
}

/** `data` of `accepted` goes into the CONNACK, or into the AUTH packet that ends a re-authentication. */
export type ExchangeStep =
  | { readonly continue: Uint8Array }
  | { readonly accepted: Identity; readonly data?: Uint8Array }
  | { readonly refused: Refusal };

/** One client's way through a mechanism; a new one for each CONNECT and each re-authentication. */
export interface AuthenticationExchange {
  /** Takes the Authentication Data of CONNECT or AUTH, undefined if it had none. Not called again after `accepted` or `refused`. */
  step(data: Uint8Array | undefined): Promise<ExchangeStep>;
}

/** An Authentication Method that clients may ask for, such as `SCRAM-SHA-256`. */
export interface AuthenticationMechanism {
  /** The Authentication Method's text on the wire, compared exactly. */
  readonly method: string;
  start(context: MechanismContext): AuthenticationExchange;
}
