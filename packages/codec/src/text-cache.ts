import { copyBytes } from './copy-bytes.js';
import { asciiText } from './utf8.js';

const slots = 1024;
const cachedLengthMax = 128;

/**
 * Topic names that were seen lately and are known to be valid. Publishers repeat themselves: a hit costs two passes over the bytes, gives a string whose
 * hash is already known to the maps behind, and allocates nothing. Only ASCII, so that a byte is a character. One string per slot, replaced
 * by the next that falls into it; about 200 kB when full.
 */
const cached: string[] = new Array<string>(slots).fill('');
/** The bytes of each: to compare with them takes half as long as to ask a string for its characters. */
const cachedBytes = new Uint8Array(slots * cachedLengthMax);

/** The topic name in `bytes[start, end)` when it is cached, else undefined. `hash` is that of `topicHash`. */
export function cachedTopicName(bytes: Uint8Array, start: number, end: number, hash: number): string | undefined {
  const candidate = cached[hash];
  const length = end - start;
  if (candidate.length !== length) return undefined;
  let own = hash * cachedLengthMax;
  for (let at = start; at < end; at += 1) if (cachedBytes[own++] !== bytes[at]) return undefined;
  return candidate;
}

/** Remembers a valid topic name that is ASCII, and gives it as a string. */
export function cacheTopicName(bytes: Uint8Array, start: number, end: number, hash: number): string {
  const topicName = asciiText(bytes, start, end);
  if (end - start <= cachedLengthMax) {
    cached[hash] = topicName;
    copyBytes(bytes, start, end, cachedBytes, hash * cachedLengthMax);
  }
  return topicName;
}

/** The slot of a topic name. Four bytes at a time, because the multiplications have to wait for each other. */
export function topicHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ bytes[at], 0x9e3779b1);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}
