import { copyBytes } from './copy-bytes.js';
import { asciiText } from './utf8.js';

/**
 * Texts that were seen lately and are known to be valid. Clients repeat themselves: a hit costs two passes over the bytes, gives a string whose
 * hash is already known to the maps behind, and allocates nothing. Only ASCII, so that a byte is a character. A text has two places where it can be, and
 * takes that of another one.
 */
export class TextCache {
  private readonly places: number;
  private readonly lengthMax: number;
  private readonly texts: string[];
  /** The bytes of each: to compare with them takes half as long as to ask a string for its characters. */
  private readonly bytes: Uint8Array;
  private lastTaken = 0;

  /**
   * @param places a power of two
   * @param lengthMax longer texts are not kept
   */
  constructor(places: number, lengthMax: number) {
    this.places = places;
    this.lengthMax = lengthMax;
    this.texts = new Array<string>(places).fill('');
    this.bytes = new Uint8Array(places * lengthMax);
  }

  /** The text in `bytes[start, end)`, which are not none, if it is kept. `hash` is that of `textHash`. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): string | undefined {
    const place = hash & (this.places - 2);
    if (this.isAt(place, bytes, start, end)) return this.texts[place];
    return this.isAt(place + 1, bytes, start, end) ? this.texts[place + 1] : undefined;
  }

  /** Keeps a valid text that is ASCII, and gives it as a string. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): string {
    const text = asciiText(bytes, start, end);
    if (end - start > this.lengthMax) return text;
    this.lastTaken ^= 1;
    const place = (hash & (this.places - 2)) + this.lastTaken;
    this.texts[place] = text;
    copyBytes(bytes, start, end, this.bytes, place * this.lengthMax);
    return text;
  }

  private isAt(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.texts[place].length !== end - start) return false;
    const kept = this.bytes;
    let keptAt = place * this.lengthMax;
    for (let at = start; at < end; at += 1) if (kept[keptAt++] !== bytes[at]) return false;
    return true;
  }
}

/** Four bytes at a time, because the multiplications have to wait for each other. */
export function textHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ bytes[at], 0x9e3779b1);
  return hash ^ (hash >>> 15);
}
