import * as theirs from 'mqtt-packet';
import * as ours from '../../src/mqtt-packet/index.js';

export { ours, theirs };

/** Packets as they came out of a parser, and the error that ended them. */
export interface Parsed {
  packets: Record<string, unknown>[];
  error: Error | undefined;
  /** Bytes that the last `parse` left. */
  left: number;
}

type AnyParser = { on(event: string, listener: (value: never) => void): unknown; parse(bytes: Buffer): number };

function parseWith(parser: AnyParser, chunks: readonly Uint8Array[]): Parsed {
  const parsed: Parsed = { packets: [], error: undefined, left: 0 };
  // A spread drops mqtt-packet's own class.
  parser.on('packet', (packet: object) => parsed.packets.push({ ...packet }));
  parser.on('error', (error: Error) => {
    parsed.error = error;
  });
  for (const chunk of chunks) {
    parsed.left = parser.parse(Buffer.from(chunk));
    if (parsed.error !== undefined) break;
  }
  return parsed;
}

/** @param options usually `{ protocolVersion }`. */
export function parseTheirs(options: object, ...chunks: Uint8Array[]): Parsed {
  return parseWith(theirs.parser(options) as unknown as AnyParser, chunks);
}

export function parseOurs(options: object, ...chunks: Uint8Array[]): Parsed {
  return parseWith(ours.parser(options), chunks);
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}
