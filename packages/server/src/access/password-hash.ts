import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import { decodeBase64 } from './base64.js';

const pbkdf2Async = promisify(pbkdf2);

/** A hashed password as a password file holds it. */
export type PasswordHash =
  | { readonly kind: 'sha512'; readonly salt: Uint8Array; readonly hash: Uint8Array }
  | { readonly kind: 'pbkdf2-sha512'; readonly iterations: number; readonly salt: Uint8Array; readonly hash: Uint8Array }
  /** In PHC string format. */
  | { readonly kind: 'argon2id'; readonly phc: string };

const iterationsMax = 10_000_000;
/** What one verification may hold: 1 GiB. */
const argon2MemoryKibMax = 1024 * 1024;
const argon2TimeMax = 100;
const argon2LanesMax = 16;
const phcForm = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,172}$/;

/**
 * Reads mosquitto's `$6$salt$hash` and `$7$iterations$salt$hash` and argon2id's PHC string. For any other text the answer is what is wrong
 * with it, as the end of a sentence, without the text itself.
 */
export function parsePasswordHash(text: string): PasswordHash | string {
  if (text.startsWith('$argon2')) return parseArgon2(text);
  const parts = text.split('$');
  if (parts[0] !== '' || (parts[1] !== '6' && parts[1] !== '7')) {
    return 'the password is not hashed with `$6$`, `$7$`, `$argon2id$` or `$scram-sha-256$`; write the line with `si-mqtt passwd`';
  }
  const hasIterations = parts[1] === '7';
  if (parts.length !== (hasIterations ? 5 : 4)) return 'the password hash has the wrong number of parts between `$`';
  const salt = decodeBase64(parts.at(-2)!);
  const hash = decodeBase64(parts.at(-1)!);
  if (salt === undefined || salt.length === 0) return 'the salt is not base64';
  if (hash?.length !== 64) return 'the hash is not the base64 text of 64 bytes';
  if (!hasIterations) return { kind: 'sha512', salt, hash };
  const iterations = parseCount(parts[2], 1, iterationsMax);
  if (iterations === undefined) return `the number of iterations is not between 1 and ${iterationsMax}`;
  return { kind: 'pbkdf2-sha512', iterations, salt, hash };
}

function parseArgon2(text: string): PasswordHash | string {
  if (!text.startsWith('$argon2id$')) return 'of the argon2 kinds only argon2id is accepted';
  const form = phcForm.exec(text);
  if (form === null) return 'the argon2id hash is not of the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`';
  const lanes = parseCount(form[3], 1, argon2LanesMax);
  const memoryKib = parseCount(form[1], 8 * (lanes ?? 1), argon2MemoryKibMax);
  if (lanes === undefined || memoryKib === undefined || parseCount(form[2], 1, argon2TimeMax) === undefined) {
    return `the argon2id costs are out of bounds (m from 8 p to ${argon2MemoryKibMax}, t to ${argon2TimeMax}, p to ${argon2LanesMax})`;
  }
  return { kind: 'argon2id', phc: text };
}

/** A decimal number without sign or leading zero between the bounds, else undefined. */
export function parseCount(text: string, min: number, max: number): number | undefined {
  if (!/^[1-9]\d{0,9}$/.test(text)) return undefined;
  const count = Number(text);
  return count >= min && count <= max ? count : undefined;
}

/** Compares in constant time. The costly kinds run on libuv's threads. */
export async function verifyPassword(expected: PasswordHash, password: Uint8Array): Promise<boolean> {
  switch (expected.kind) {
    case 'sha512':
      return timingSafeEqual(createHash('sha512').update(password).update(expected.salt).digest(), expected.hash);
    case 'pbkdf2-sha512':
      return timingSafeEqual(await pbkdf2Async(password, expected.salt, expected.iterations, 64, 'sha512'), expected.hash);
    case 'argon2id':
      return await argon2Verify(expected.phc, password);
  }
}

/** A new argon2id hash with a random salt, at m = 19,456 KiB, t = 2, p = 1. */
export function hashPassword(password: Uint8Array): Promise<string> {
  // Argon2id is the default algorithm of the library; its constant enumeration cannot be imported under isolatedModules.
  return argon2Hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
}
