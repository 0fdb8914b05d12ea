import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64, encodeBase64 } from './base64.js';
import { parseCount } from './password-hash.js';
import { saslPrepare } from './sasl-prepare.js';

const pbkdf2Async = promisify(pbkdf2);

/** What the server keeps for SCRAM-SHA-256 (RFC 5802, section 3): enough to check a proof, not enough to give one. */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The least that RFC 7677, section 4, permits. Small devices have to do it at each connect. */
export const scramIterationsDefault = 4096;
const scramIterationsMin = 4096;
const scramIterationsMax = 1_000_000;
const saltBytesMax = 32;

export interface ScramParameters {
  /** At most 32 bytes; 16 random ones by default. */
  readonly salt?: Uint8Array;
  readonly iterations?: number;
}

/** Throws a RangeError for a password that SASLprep prohibits, or iterations below 4,096 or above 1,000,000. */
export async function createScramVerifier(password: string, parameters: ScramParameters = {}): Promise<ScramVerifier> {
  const { salt = randomBytes(16), iterations = scramIterationsDefault } = parameters;
  if (!(iterations >= scramIterationsMin && iterations <= scramIterationsMax)) throw new RangeError('the iterations are out of bounds');
  if (salt.length === 0 || salt.length > saltBytesMax) throw new RangeError('the length of the salt is out of bounds');
  const prepared = saslPrepare(password);
  if (prepared === undefined) throw new RangeError('the password is empty or has a character that SCRAM does not permit');
  const saltedPassword = await pbkdf2Async(prepared, salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', saltedPassword).update('Client Key').digest();
  return {
    salt,
    iterations,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', saltedPassword).update('Server Key').digest(),
  };
}

const scramPrefix = '$scram-sha-256$';

export function isScramVerifier(text: string): boolean {
  return text.startsWith(scramPrefix);
}

/** `$scram-sha-256$iterations$salt$storedKey$serverKey`, the last three in base64. */
export function formatScramVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  return scramPrefix + [iterations, ...[salt, storedKey, serverKey].map(encodeBase64)].join('$');
}

/** The reverse. For any other text the answer is what is wrong with it, without the text itself. */
export function parseScramVerifier(text: string): ScramVerifier | string {
  const parts = text.slice(scramPrefix.length).split('$');
  if (parts.length !== 4) return 'the SCRAM line has the wrong number of parts between `$`';
  const iterations = parseCount(parts[0], scramIterationsMin, scramIterationsMax);
  if (iterations === undefined) return `the SCRAM iterations are not between ${scramIterationsMin} and ${scramIterationsMax}`;
  const [salt, storedKey, serverKey] = parts.slice(1).map(decodeBase64);
  if (salt === undefined || salt.length === 0 || salt.length > saltBytesMax) {
    return `the SCRAM salt is not the base64 text of 1 to ${saltBytesMax} bytes`;
  }
  if (storedKey?.length !== 32 || serverKey?.length !== 32) return 'a SCRAM key is not the base64 text of 32 bytes';
  return { salt, iterations, storedKey, serverKey };
}
