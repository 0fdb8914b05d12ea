import { decodeBase64, encodeBase64 } from './base64.js';

/*
 * The two messages of a SCRAM client (RFC 5802, section 7). Every function gives undefined for what does not follow the grammar, and for
 * what this server does not take part in: authorization identities and mandatory extensions.
 */

/** Bytes of either message. */
const messageBytesMax = 4096;
const nonceCharactersMax = 256;

export interface ClientFirst {
  /** `n,,` or `y,,`, or the same with the name of a channel binding, which the client's second message repeats. */
  readonly gs2Header: string;
  readonly wantsChannelBinding: boolean;
  /** The message without its gs2 header, as the signatures cover it. */
  readonly bare: string;
  /** As sent, only unescaped. */
  readonly userName: string;
  readonly nonce: string;
}

export interface ClientFinal {
  readonly channelBinding: string;
  readonly nonce: string;
  readonly withoutProof: string;
  readonly proof: Uint8Array;
}

/** Printable ASCII but the comma. */
const nonceForm = /^[\x21-\x2b\x2d-\x7e]+$/;
/** An optional extension: a letter that the RFC leaves free, and a value without commas. */
const extensionForm = /^[A-Za-z]=[^,\0]+$/;

/** `n,,n=user,r=nonce` */
export function parseClientFirst(message: Uint8Array): ClientFirst | undefined {
  const text = decodeText(message);
  if (text === undefined) return undefined;
  const gs2 = /^(?:[ny]|(p=[A-Za-z0-9.-]+)),,/.exec(text);
  if (gs2 === null) return undefined;
  const bare = text.slice(gs2[0].length);
  const [nameField, nonceField, ...extensions] = bare.split(',');
  if (!nameField.startsWith('n=') || !nonceField?.startsWith('r=') || !extensions.every((field) => extensionForm.test(field)))
    return undefined;
  const userName = unescapeName(nameField.slice(2));
  const nonce = nonceField.slice(2);
  if (userName === undefined || !nonceForm.test(nonce) || nonce.length > nonceCharactersMax) return undefined;
  return { gs2Header: gs2[0], wantsChannelBinding: gs2[1] !== undefined, bare, userName, nonce };
}

/** `c=biws,r=nonce,p=proof` */
export function parseClientFinal(message: Uint8Array): ClientFinal | undefined {
  const text = decodeText(message);
  if (text === undefined) return undefined;
  const proofAt = text.lastIndexOf(',p=');
  if (proofAt === -1) return undefined;
  const withoutProof = text.slice(0, proofAt);
  const [bindingField, nonceField, ...extensions] = withoutProof.split(',');
  if (!bindingField.startsWith('c=') || !nonceField?.startsWith('r=') || !extensions.every((field) => extensionForm.test(field)))
    return undefined;
  const proof = decodeBase64(text.slice(proofAt + 3));
  if (proof?.length !== 32) return undefined;
  return { channelBinding: bindingField.slice(2), nonce: nonceField.slice(2), withoutProof, proof };
}

/** `r=nonce,s=salt,i=iterations` */
export function formatServerFirst(nonce: string, salt: Uint8Array, iterations: number): string {
  return `r=${nonce},s=${encodeBase64(salt)},i=${iterations}`;
}

/** `=2C` is a comma and `=3D` an equals sign; no other equals sign may stand in a name. */
function unescapeName(escaped: string): string | undefined {
  if (escaped === '' || /=(?!2C|3D)/.test(escaped)) return undefined;
  return escaped.replace(/=2C/g, ',').replace(/=3D/g, '=');
}

function decodeText(message: Uint8Array): string | undefined {
  if (message.length > messageBytesMax) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message);
  } catch {
    return undefined;
  }
}
