import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

export interface ScramClientOptions {
  readonly userName: string;
  readonly password: string;
  readonly nonce?: string;
  readonly gs2Header?: string;
}

/** The client's side of SCRAM-SHA-256 (RFC 5802), for tests. It does not prepare texts. */
export class ScramClient {
  readonly #options: Required<ScramClientOptions>;
  #authMessage = '';
  #saltedPassword = new Uint8Array();

  constructor(options: ScramClientOptions) {
    this.#options = { nonce: 'fyko+d2lbbFgONRv9qkxdawL', gs2Header: 'n,,', ...options };
  }

  get #bare(): string {
    return `n=${this.#options.userName.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${this.#options.nonce}`;
  }

  first(): Uint8Array {
    return bytes(this.#options.gs2Header + this.#bare);
  }

  final(serverFirst: Uint8Array): Uint8Array {
    const text = Buffer.from(serverFirst).toString();
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!;
    if (!nonce.startsWith(this.#options.nonce) || nonce === this.#options.nonce) throw new Error('the nonce is not built on ours');
    this.#saltedPassword = pbkdf2Sync(this.#options.password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const clientKey = hmac(this.#saltedPassword, 'Client Key');
    const withoutProof = `c=${Buffer.from(this.#options.gs2Header).toString('base64')},r=${nonce}`;
    this.#authMessage = `${this.#bare},${text},${withoutProof}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), this.#authMessage);
    const proof = clientKey.map((byte, at) => byte ^ signature[at]);
    return bytes(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  /** Whether the server knows the user's keys. */
  isServer(serverFinal: Uint8Array): boolean {
    const expected = `v=${hmac(hmac(this.#saltedPassword, 'Server Key'), this.#authMessage).toString('base64')}`;
    return serverFinal.length === expected.length && timingSafeEqual(serverFinal, Buffer.from(expected));
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
