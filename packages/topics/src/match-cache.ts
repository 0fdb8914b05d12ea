/*
 * A bounded cache topic name → match result that stays right while subscriptions change.
 *
 * Emptying it on every change would make it worthless on a broker where clients come and go (at 1,000 changes a second it
 * would never be warm), and looking through it for the entries that a changed filter matches costs as much as its size.
 * So an entry finds out by itself, when it is asked for, whether a change may have touched it:
 *
 * - A filter without wildcards matches one topic name: its entry is removed at once.
 * - A filter with wildcards leaves the number of its change in one of 4,096 slots. The slot is chosen by the literal levels
 *   among its first four, each hashed with its place: `a/+/c` by {0:a, 2:c}, `a/b/#` by {0:a, 1:b}. A filter that matches a
 *   topic name has its literal levels in common with it, so it has left its mark in one of the at most sixteen slots that
 *   subsets of the name's first four levels lead to. If none of them is newer than the entry, no change matched it.
 *
 * A name is taken in when it is asked for the second time within a while (`#seen`): names that come once, as from devices that put
 * a request's number into them, would cost an entry each and push out those that come back.
 *
 * A hit costs one comparison while nothing changed, sixteen loads after a change. Slots that collide, and filters that differ
 * from the name beyond the fourth level, only cost a walk that was not needed.
 */

const slash = 0x2f;
const slotCount = 4096;
const stampedLevels = 4;
const nameLengthMax = 512;
const seenPlaces = 1 << 16;

class CacheEntry<Result> {
  result: Result;
  /** The number of the last change that this result is known to be right after. */
  checkedAt: number;
  readonly level0: number;
  readonly level1: number;
  readonly level2: number;
  readonly level3: number;

  constructor(result: Result, checkedAt: number, hashes: readonly number[]) {
    this.result = result;
    this.checkedAt = checkedAt;
    this.level0 = hashes[0];
    this.level1 = hashes[1];
    this.level2 = hashes[2];
    this.level3 = hashes[3];
  }
}

export class MatchCache<Result extends { readonly length: number }> {
  readonly #generationEntriesMax: number;
  readonly #generationMatchesMax: number;
  // Two generations instead of a list in order of use: an entry of the old one that is asked for moves to the young one, and when
  // the young one is half of the bounds, the old one is dropped. A hit in the young one writes nothing.
  #young = new Map<string, CacheEntry<Result>>();
  #old = new Map<string, CacheEntry<Result>>();
  #youngMatches = 0;
  #oldMatches = 0;
  // Change numbers need more than 32 bits: at 1,000 a second they would be used up in 50 days.
  readonly #slots = new Float64Array(slotCount);
  #changes = 0;
  readonly #hashes: number[] = [0, 0, 0, 0];
  // The hashes of names that were asked for lately, at the place that each leads to: the last two that led there, so that two names
  // asked for in turn do not displace each other for ever. Two names of one hash cost an entry that is not worth it, no more.
  readonly #seen = new Int32Array(seenPlaces);

  constructor(entriesMax: number, matchesMax: number) {
    this.#generationEntriesMax = Math.floor(entriesMax / 2);
    this.#generationMatchesMax = Math.floor(matchesMax / 2);
  }

  get entries(): number {
    return this.#young.size + this.#old.size;
  }

  /** How many matches the results in the cache hold together. */
  get matches(): number {
    return this.#youngMatches + this.#oldMatches;
  }

  get(topicName: string): Result | undefined {
    const entry = this.#young.get(topicName) ?? this.#promote(topicName);
    if (entry === undefined) return undefined;
    if (entry.checkedAt !== this.#changes) {
      if (this.#mayHaveChanged(entry)) {
        this.forget(topicName);
        return undefined;
      }
      entry.checkedAt = this.#changes;
    }
    return entry.result;
  }

  /** Keeps a result for a topic name that is not in the cache, if the name came before. */
  add(topicName: string, result: Result): void {
    // A result or a name that would fill the cache alone is cheap to find again, compared with what is done with it.
    if (topicName.length > nameLengthMax || result.length > this.#generationMatchesMax || this.#generationEntriesMax === 0) return;
    if (!this.#wasSeen(topicName)) return;
    this.#makeRoom(result.length);
    this.#hashLevels(topicName);
    this.#young.set(topicName, new CacheEntry(result, this.#changes, this.#hashes));
    this.#youngMatches += result.length;
  }

  /** A filter without wildcards changed: the result of this one topic name is wrong. */
  forget(topicName: string): void {
    const young = this.#young.get(topicName);
    if (young !== undefined) {
      this.#young.delete(topicName);
      this.#youngMatches -= young.result.length;
      return;
    }
    const old = this.#old.get(topicName);
    if (old !== undefined) {
      this.#old.delete(topicName);
      this.#oldMatches -= old.result.length;
    }
  }

  /** A filter with wildcards changed. */
  wildcardChanged(topicFilter: string): void {
    this.#hashLevels(topicFilter);
    const [level0, level1, level2, level3] = this.#hashes;
    this.#slots[level0 ^ level1 ^ level2 ^ level3] = ++this.#changes;
  }

  #wasSeen(topicName: string): boolean {
    const hash = sampleHash(topicName);
    const seen = this.#seen;
    const place = (hash ^ (hash >>> 16)) & (seenPlaces - 2);
    if (seen[place] === hash || seen[place + 1] === hash) return true;
    seen[place + 1] = seen[place];
    seen[place] = hash;
    return false;
  }

  #promote(topicName: string): CacheEntry<Result> | undefined {
    const entry = this.#old.get(topicName);
    if (entry === undefined) return undefined;
    this.forget(topicName);
    this.#makeRoom(entry.result.length);
    this.#young.set(topicName, entry);
    this.#youngMatches += entry.result.length;
    return entry;
  }

  #makeRoom(matches: number): void {
    if (this.#young.size < this.#generationEntriesMax && this.#youngMatches + matches <= this.#generationMatchesMax) return;
    this.#old = this.#young;
    this.#oldMatches = this.#youngMatches;
    this.#young = new Map();
    this.#youngMatches = 0;
  }

  #mayHaveChanged(entry: CacheEntry<Result>): boolean {
    const slots = this.#slots;
    const { checkedAt, level0, level1, level2, level3 } = entry;
    for (let half = 0; ; half = level3) {
      if (
        slots[half] > checkedAt ||
        slots[half ^ level0] > checkedAt ||
        slots[half ^ level1] > checkedAt ||
        slots[half ^ level2] > checkedAt ||
        slots[half ^ level0 ^ level1] > checkedAt ||
        slots[half ^ level0 ^ level2] > checkedAt ||
        slots[half ^ level1 ^ level2] > checkedAt ||
        slots[half ^ level0 ^ level1 ^ level2] > checkedAt
      ) {
        return true;
      }
      // A name of three levels has no fourth to choose.
      if (half === level3) return false;
    }
  }

  /** Fills `#hashes` with one slot number per level of the first four, 0 for a wildcard and for a level that is not there. */
  #hashLevels(text: string): void {
    const hashes = this.#hashes;
    let start = 0;
    for (let level = 0; level < stampedLevels; level++) {
      if (start > text.length) {
        hashes[level] = 0;
        continue;
      }
      let hash = (0x811c9dc5 + level * 0x9e3779b1) | 0;
      let at = start;
      for (; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code === slash) break;
        hash = Math.imul(hash ^ code, 0x01000193);
      }
      const isWildcard = at === start + 1 && isWildcardCode(text.charCodeAt(start));
      hashes[level] = isWildcard ? 0 : ((hash >>> 20) ^ (hash >>> 8) ^ hash) & (slotCount - 1);
      start = at + 1;
    }
  }
}

function isWildcardCode(code: number): boolean {
  return code === 0x2b || code === 0x23;
}

/** A hash of at most 31 characters spread over the text: every one of a short name, which is all that telling most names apart takes. */
function sampleHash(text: string): number {
  const step = text.length >>> 4 || 1;
  let hash = text.length;
  for (let at = text.length - 1; at >= 0; at -= step) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
