import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type Credentials } from '../target.js';

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for the suites of enhanced authentication. */
export class ScramClient {
  private readonly credentials: Credentials;
  private readonly bare: string;
  private readonly nonce: string = randomBytes(18).toString('base64').replaceAll(',', '.');
  private serverSignature = '';

  constructor(credentials: Credentials) {
    this.credentials = credentials;
    const name = credentials.userName.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.bare = `n=${name},r=${this.nonce}`;
  }

  /** Authentication Data of CONNECT, or of the AUTH that begins a re-authentication. */
  first(): string {
    return `n,,${this.bare}`;
  }

  /** Authentication Data of the answer to the server's challenge. Throws if the challenge is not the server's part of the exchange. */
  final(challenge: string): string {
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge) ?? [];
    if (nonce === undefined || !nonce.startsWith(this.nonce) || nonce === this.nonce) throw new Error(`no SCRAM challenge: ${challenge}`);
    const salted = pbkdf2Sync(this.credentials.password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=${Buffer.from('n,,').toString('base64')},r=${nonce}`;
    const authMessage = `${this.bare},${challenge},${withoutProof}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage);
    const proof = clientKey.map((byte, index) => byte ^ signature[index]);
    this.serverSignature = hmac(hmac(salted, 'Server Key'), authMessage).toString('base64');
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** Whether the server has shown that it knows the password, too. */
  verifies(serverFinal: string): boolean {
    return serverFinal === `v=${this.serverSignature}`;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
