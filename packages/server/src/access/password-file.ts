import { createHash, createHmac, randomBytes } from 'node:crypto';
import { verifyPassword } from './password-hash.js';
import { type PasswordRecord, parsePasswordRecords } from './password-records.js';
import { PolledFile, type PolledFileOptions } from './polled-file.js';
import { type ScramVerifier, scramIterationsDefault } from './scram-verifier.js';

interface Users {
  readonly records: ReadonlyMap<string, PasswordRecord>;
  readonly withPassword: readonly PasswordRecord[];
  readonly withScram: readonly ScramVerifier[];
  /** Keys the made-up verifiers; the same on every node that has the same file. */
  readonly imitationKey: Uint8Array;
}

/** What a client sees of a verifier before it proves anything. */
export type ScramChallenge = Pick<ScramVerifier, 'salt' | 'iterations'>;

/** Users and their passwords, kept up to date with a file in mosquitto's format (`parsePasswordRecords` has the details). */
export class PasswordFile {
  readonly #file: PolledFile<Users>;
  readonly #choiceKey = randomBytes(32);

  private constructor(file: PolledFile<Users>) {
    this.#file = file;
  }

  /** Rejects with a `FileError` if the file is missing or wrong. */
  static async open(options: PolledFileOptions): Promise<PasswordFile> {
    return new PasswordFile(await PolledFile.open(options, readUsers));
  }

  /** Grows with each new content. */
  get version(): number {
    return this.#file.version;
  }

  get size(): number {
    return this.#file.content.records.size;
  }

  has(userName: string): boolean {
    return this.#file.content.records.has(userName);
  }

  /**
   * Takes as long for unknown users as for known ones: it then checks the password against the hash of some user, always the same one for the
   * same name, and throws the answer away. So the times of unknown names are spread as those of the known ones are, whatever hashes the file mixes.
   */
  async verify(userName: string, password: Uint8Array): Promise<'correct' | 'wrong' | 'unknown'> {
    const { records, withPassword } = this.#file.content;
    const record = records.get(userName);
    if (record?.password !== undefined) return (await verifyPassword(record.password, password)) ? 'correct' : 'wrong';
    const other = pick(withPassword, createHmac('sha256', this.#choiceKey).update(userName).digest());
    if (other?.password !== undefined) await verifyPassword(other.password, password);
    return record === undefined ? 'unknown' : 'wrong';
  }

  /** Undefined for unknown users and for those who have no SCRAM line. */
  scramVerifier(userName: string): ScramVerifier | undefined {
    return this.#file.content.records.get(userName)?.scram;
  }

  /** A challenge for a user without verifier that looks like those of the file and stays the same as long as the file does. */
  imitatedChallenge(userName: string): ScramChallenge {
    const { withScram, imitationKey } = this.#file.content;
    const digest = createHmac('sha512', imitationKey).update(userName).digest();
    const model = pick(withScram, digest.subarray(0, 4));
    return { salt: digest.subarray(4, 4 + (model?.salt.length ?? 16)), iterations: model?.iterations ?? scramIterationsDefault };
  }

  /** Reads the file again, or another one that takes its place, and changes nothing until what it resolves to is called. Rejects with a `FileError`. */
  prepare(path?: string): Promise<() => void> {
    return this.#file.prepare(path);
  }

  /** Ends the polling. */
  close(): void {
    this.#file.close();
  }
}

function readUsers(text: string, path: string): Users {
  const records = parsePasswordRecords(text, path);
  const withScram = [...records.values()].flatMap(({ scram }) => scram ?? []);
  const imitationKey = createHash('sha256');
  for (const { storedKey, serverKey } of withScram) imitationKey.update(storedKey).update(serverKey);
  return {
    records,
    withPassword: [...records.values()].filter(({ password }) => password !== undefined),
    withScram,
    imitationKey: withScram.length > 0 ? imitationKey.digest() : randomBytes(32),
  };
}

function pick<Item>(items: readonly Item[], digest: Uint8Array): Item | undefined {
  return items[new DataView(digest.buffer, digest.byteOffset).getUint32(0) % items.length];
}
