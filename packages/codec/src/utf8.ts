import { malformed } from './protocol-error.js';

/** Methods that Node's chunks have and plain arrays have not. They are used where they are found; nothing depends on them. */
interface NativeSlices {
  latin1Slice?(start: number, end: number): string;
  utf8Slice?(start: number, end: number): string;
}

/** What a run of bytes is, read as an MQTT string (section 1.5.4). */
export const Utf8Kind = { ascii: 0, multibyte: 1, illFormed: 2, nullCharacter: 3 } as const;
export type Utf8Kind = (typeof Utf8Kind)[keyof typeof Utf8Kind];

/** Exact check: no overlong forms, no surrogates, nothing above U+10FFFF [MQTT-1.5.4-1], no U+0000 [MQTT-1.5.4-2]. */
export function utf8Kind(bytes: Uint8Array, start: number, end: number): Utf8Kind {
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte >= 0x80) return multibyteKind(bytes, at, end);
    if (byte === 0) return Utf8Kind.nullCharacter;
    at += 1;
  }
  return Utf8Kind.ascii;
}

function multibyteKind(bytes: Uint8Array, start: number, end: number): Utf8Kind {
  let at = start;
  while (at < end) {
    const lead = bytes[at];
    if (lead < 0x80) {
      if (lead === 0) return Utf8Kind.nullCharacter;
      at += 1;
      continue;
    }
    const length = sequenceLength(lead);
    if (length === 0 || at + length > end) return Utf8Kind.illFormed;
    const second = bytes[at + 1];
    // The second byte is where overlong forms (E0, F0), surrogates (ED) and code points beyond the last one (F4) show.
    const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return Utf8Kind.illFormed;
    for (let index = 2; index < length; index += 1) {
      if ((bytes[at + index] & 0xc0) !== 0x80) return Utf8Kind.illFormed;
    }
    at += length;
  }
  return Utf8Kind.multibyte;
}

/** Bytes of the sequence that a byte from 0x80 on begins; 0 when it cannot begin one (C0 and C1 would be overlong). */
function sequenceLength(lead: number): number {
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/**
 * The string in `bytes[start, end)`. U+FEFF is an ordinary character in it [MQTT-1.5.4-3].
 * @throws ProtocolError 0x81, with `what` in its message.
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number, what: string): string {
  switch (utf8Kind(bytes, start, end)) {
    case Utf8Kind.ascii:
      return asciiText(bytes, start, end);
    case Utf8Kind.multibyte:
      return multibyteText(bytes, start, end);
    case Utf8Kind.illFormed:
      throw malformed(`${what} is not well-formed UTF-8`);
    case Utf8Kind.nullCharacter:
      throw malformed(`${what} contains U+0000`);
  }
}

/** Text of bytes that are known to be ASCII. */
export function asciiText(bytes: Uint8Array & NativeSlices, start: number, end: number): string {
  if (bytes.latin1Slice !== undefined) return bytes.latin1Slice(start, end);
  let text = '';
  for (let at = start; at < end; at += 1024) {
    const piece = bytes.subarray(at, Math.min(at + 1024, end));
    text += String.fromCharCode.apply(undefined, piece as unknown as number[]);
  }
  return text;
}

/** Text of bytes that are known to be well-formed. */
function multibyteText(bytes: Uint8Array & NativeSlices, start: number, end: number): string {
  if (bytes.utf8Slice !== undefined) return bytes.utf8Slice(start, end);
  let text = '';
  let at = start;
  while (at < end) {
    const lead = bytes[at];
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      at += 1;
    } else if (lead < 0xe0) {
      text += String.fromCharCode(((lead & 0x1f) << 6) | (bytes[at + 1] & 0x3f));
      at += 2;
    } else if (lead < 0xf0) {
      text += String.fromCharCode(((lead & 0x0f) << 12) | ((bytes[at + 1] & 0x3f) << 6) | (bytes[at + 2] & 0x3f));
      at += 3;
    } else {
      const high = ((lead & 0x07) << 18) | ((bytes[at + 1] & 0x3f) << 12);
      text += String.fromCodePoint(high | ((bytes[at + 2] & 0x3f) << 6) | (bytes[at + 3] & 0x3f));
      at += 4;
    }
  }
  return text;
}

/** Bytes that `text` takes in UTF-8, or -1 when it has a lone surrogate or U+0000 and cannot be an MQTT string. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      if (unit === 0) return -1;
    } else if (unit < 0x800) {
      length += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      length += 2;
    } else {
      const next = unit < 0xdc00 ? text.charCodeAt(index + 1) : 0; // NaN at the end compares false.
      if (!(next >= 0xdc00 && next <= 0xdfff)) return -1;
      length += 2; // Four bytes for two units.
      index += 1;
    }
  }
  return length;
}

/** True for text that can be an MQTT string: no lone surrogate, no U+0000, at most 65,535 bytes [MQTT-1.5.4-1], [MQTT-1.5.4-2]. */
export function isWellFormedString(text: string): boolean {
  const length = utf8Length(text);
  return length >= 0 && length <= 0xffff;
}

/** Writes text that `utf8Length` has accepted. Returns the offset behind it. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  let to = at;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      target[to++] = unit;
    } else if (unit < 0x800) {
      target[to++] = 0xc0 | (unit >> 6);
      target[to++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      target[to++] = 0xe0 | (unit >> 12);
      target[to++] = 0x80 | ((unit >> 6) & 0x3f);
      target[to++] = 0x80 | (unit & 0x3f);
    } else {
      index += 1;
      const codePoint = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(index) - 0xdc00);
      target[to++] = 0xf0 | (codePoint >> 18);
      target[to++] = 0x80 | ((codePoint >> 12) & 0x3f);
      target[to++] = 0x80 | ((codePoint >> 6) & 0x3f);
      target[to++] = 0x80 | (codePoint & 0x3f);
    }
  }
  return to;
}
