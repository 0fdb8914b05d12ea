import { copyBytes } from './copy-bytes.js';
import { malformed } from './protocol-error.js';
import { TextCache, textHash } from './text-cache.js';
import { decodeUtf8, Utf8Kind, utf8Kind } from './utf8.js';

const noBytes = new Uint8Array(0);

/** What packet after packet says in its properties; 100 kB when full. */
const repeatedTexts = new TextCache(1024, 64);

/** A cursor over the body of one packet. What would reach beyond `end` is malformed; `what` names the field for the log. */
export class Reader {
  bytes: Uint8Array = noBytes;
  at = 0;
  end = 0;

  reset(bytes: Uint8Array, at: number, end: number): void {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  byte(what: string): number {
    return this.bytes[this.take(1, what)];
  }

  uint16(what: string): number {
    const at = this.take(2, what);
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  uint32(what: string): number {
    const at = this.take(4, what);
    const bytes = this.bytes;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  /** Section 1.5.5: at most four bytes, and not one more than are needed [MQTT-1.5.5-1]. */
  variableByteInteger(what: string): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(what);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw malformed(`${what} takes more bytes than it needs`);
        return value;
      }
    }
    throw malformed(`${what} takes more than four bytes`);
  }

  string(what: string): string {
    const length = this.uint16(what);
    const at = this.take(length, what);
    return length === 0 ? '' : decodeUtf8(this.bytes, at, at + length, what);
  }

  /** A string that is likely to come again. */
  repeatedString(what: string): string {
    const length = this.uint16(what);
    const at = this.take(length, what);
    if (length === 0) return '';
    const end = at + length;
    const hash = textHash(this.bytes, at, end);
    const known = repeatedTexts.find(this.bytes, at, end, hash);
    if (known !== undefined) return known;
    const isAscii = utf8Kind(this.bytes, at, end) === Utf8Kind.ascii;
    return isAscii ? repeatedTexts.add(this.bytes, at, end, hash) : decodeUtf8(this.bytes, at, end, what);
  }

  /** A copy: whoever gets it may keep it. */
  binary(what: string): Uint8Array {
    const length = this.uint16(what);
    const at = this.take(length, what);
    const value = new Uint8Array(length);
    copyBytes(this.bytes, at, at + length, value, 0);
    return value;
  }

  expectEnd(what: string): void {
    if (this.at !== this.end) throw malformed(`${what} has ${this.end - this.at} bytes too many`);
  }

  private take(length: number, what: string): number {
    const at = this.at;
    if (length > this.end - at) throw malformed(`${what} reaches beyond the packet`);
    this.at = at + length;
    return at;
  }
}
