/*
 * Many children of a node, found by the hash of their level. A hash and its child stand side by side in one array, so that a search
 * waits for memory once, where a Map by strings waits for its bucket, then for each entry and its key; and the level is hashed where
 * it stands in a name, without a string of its own.
 */

const sizeMin = 4;

/** Children by hash; what tells children of one hash apart is left to the caller. */
export class LevelTable<Child> {
  readonly #seed: number;
  // Hash and child by turns; a hash of 0 is an empty place. A child stands at the place that its hash leads to, or after it with no empty place between.
  #places: (number | Child | undefined)[] = emptyPlaces(sizeMin);
  #last = sizeMin - 1;
  #size = 0;

  /** Nobody who does not know the seed can choose levels that all have one hash. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** The hash of the level there: Jenkins' one-at-a-time, which the engine has for strings, too. 30 bits, so that an array holds it bare, and never 0. */
  hash(text: string, start: number, end: number): number {
    let hash = this.#seed;
    for (let at = start; at < end; at++) {
      hash = (hash + text.charCodeAt(at)) | 0;
      hash = (hash + (hash << 10)) | 0;
      hash ^= hash >>> 6;
    }
    hash = (hash + (hash << 3)) | 0;
    hash ^= hash >>> 11;
    hash = (hash + (hash << 15)) | 0;
    return hash >>> 2 || 1;
  }

  /** Where the first child of the hash is, or the next one after where one was; -1 if there is none. */
  find(hash: number, after = -1): number {
    const places = this.#places;
    const last = this.#last;
    for (let place = after === -1 ? hash & last : (after + 1) & last; ; place = (place + 1) & last) {
      const there = places[place * 2];
      if (there === hash) return place;
      if (there === 0) return -1;
    }
  }

  at(place: number): Child {
    return this.#places[place * 2 + 1] as Child;
  }

  replace(place: number, child: Child): void {
    this.#places[place * 2 + 1] = child;
  }

  add(hash: number, child: Child): void {
    // At most three quarters are full: more, and searches grow long.
    if (this.#size >= (this.#last + 1) * 0.75) this.#resize((this.#last + 1) * 2);
    this.#put(hash, child);
    this.#size++;
  }

  remove(place: number): void {
    const places = this.#places;
    const last = this.#last;
    let hole = place;
    // What stands after the hole and was led to it or before it moves up, or it would not be found any more.
    for (let next = (hole + 1) & last; places[next * 2] !== 0; next = (next + 1) & last) {
      const wanted = (places[next * 2] as number) & last;
      if (((next - wanted) & last) < ((next - hole) & last)) continue;
      places[hole * 2] = places[next * 2];
      places[hole * 2 + 1] = places[next * 2 + 1];
      hole = next;
    }
    places[hole * 2] = 0;
    places[hole * 2 + 1] = undefined;
    this.#size--;
    if (this.#last + 1 > sizeMin && this.#size < (this.#last + 1) / 8) this.#resize((this.#last + 1) / 2);
  }

  *children(): IterableIterator<Child> {
    for (let at = 0; at < this.#places.length; at += 2) if (this.#places[at] !== 0) yield this.#places[at + 1] as Child;
  }

  #put(hash: number, child: Child): void {
    const places = this.#places;
    let place = hash & this.#last;
    while (places[place * 2] !== 0) place = (place + 1) & this.#last;
    places[place * 2] = hash;
    places[place * 2 + 1] = child;
  }

  #resize(size: number): void {
    const before = this.#places;
    this.#places = emptyPlaces(size);
    this.#last = size - 1;
    for (let at = 0; at < before.length; at += 2) if (before[at] !== 0) this.#put(before[at] as number, before[at + 1] as Child);
  }
}

function emptyPlaces(size: number): (number | undefined)[] {
  const places: (number | undefined)[] = [];
  for (let at = 0; at < size * 2; at++) places.push(at % 2 === 0 ? 0 : undefined);
  // The room that growing took beyond that is given back.
  return places.slice();
}
