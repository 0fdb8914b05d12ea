import { type Writer } from '../writer.js';

/** How one packet goes on the wire: measured first, written into exactly that room. What a program can get wrong is found while measuring. */
export interface Layout {
  readonly firstByte: number;
  /** Bytes behind the fixed header. */
  readonly remainingLength: number;
  /** Writes those bytes. */
  write(writer: Writer): void;
}
