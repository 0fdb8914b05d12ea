import { describePackets } from './describe.js';
import { type Version } from './requests.js';

/** One step of what went over the wire, for people to read. */
export interface ExchangeStep {
  /** Connections of a test are counted from 1. */
  readonly connection: number;
  readonly direction: 'sent' | 'received' | 'closed by the server';
  /** Lower case, a blank between bytes; of long content only the beginning. `**` stands for the bytes of a password. */
  readonly hexadecimal: string;
  /** A line for each packet. */
  readonly meaning: readonly string[];
}

interface Entry {
  readonly connection: number;
  readonly direction: ExchangeStep['direction'];
  readonly content: Buffer;
}

const stepsMax = 24;
const bytesShown = 64;

/** Keeps the last steps of a test, over all its connections. Costs next to nothing unless somebody asks for them. */
export class Exchange {
  private readonly version: Version;
  private readonly secrets: readonly Buffer[];
  private readonly entries: Entry[] = [];

  /** @param secrets passwords that must not show */
  constructor(version: Version, secrets: readonly string[] = []) {
    this.version = version;
    this.secrets = secrets.filter((secret) => secret !== '').map((secret) => Buffer.from(secret));
  }

  record(connection: number, direction: ExchangeStep['direction'], content: Buffer = Buffer.alloc(0)): void {
    this.entries.push({ connection, direction, content });
    if (this.entries.length > stepsMax) this.entries.shift();
  }

  steps(): ExchangeStep[] {
    return this.entries.map(({ connection, direction, content }) => ({
      connection,
      direction,
      hexadecimal: this.hexadecimal(content),
      meaning: direction === 'closed by the server' ? [] : describePackets(content, this.version),
    }));
  }

  private hexadecimal(content: Buffer): string {
    const digits = [...content.subarray(0, bytesShown)].map((byte) => byte.toString(16).padStart(2, '0'));
    for (const secret of this.secrets) {
      for (let at = content.indexOf(secret); at >= 0; at = content.indexOf(secret, at + 1)) {
        for (let index = at; index < Math.min(at + secret.length, digits.length); index++) digits[index] = '**';
      }
    }
    return content.length > bytesShown ? `${digits.join(' ')} … (${content.length} bytes)` : digits.join(' ');
  }
}

/** The steps as text: `1 →` is what was sent on the first connection, `1 ←` what came. */
export function exchangeText(steps: readonly ExchangeStep[]): string {
  return steps
    .flatMap(({ connection, direction, hexadecimal, meaning }) => {
      if (direction === 'closed by the server') return [`${connection} ← the server closed the connection`];
      const arrow = `${connection} ${direction === 'sent' ? '→' : '←'}`;
      return [...meaning.map((line) => `${arrow} ${line}`), `    ${hexadecimal}`];
    })
    .join('\n');
}
