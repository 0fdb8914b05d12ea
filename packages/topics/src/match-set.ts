/** One subscription that matched: who, what was stored for it (options, a session's record …), under which filter. */
export interface Match<Subscriber, Value> {
  readonly subscriber: Subscriber;
  readonly value: Value;
  readonly topicFilter: string;
}

/**
 * All subscriptions of one filter. Most filters of a large broker have one subscriber, so that one is held bare; a few are an
 * array (a Map of two costs 200 bytes); more than that are a Map, because a filter with 10,000 subscribers must lose one quickly.
 */
export type MatchSet<Subscriber, Value> = Match<Subscriber, Value> | Match<Subscriber, Value>[] | Map<Subscriber, Match<Subscriber, Value>>;

const arrayMax = 8;
const reusedMax = 1024;

export function findMatch<S, V>(set: MatchSet<S, V> | undefined, subscriber: S): Match<S, V> | undefined {
  if (set === undefined) return undefined;
  if (set instanceof Map) return set.get(subscriber);
  if (Array.isArray(set)) return set.find((match) => match.subscriber === subscriber);
  return set.subscriber === subscriber ? set : undefined;
}

/** Adds a match, or puts it in the place of the one of the same subscriber; returns the set to keep. */
export function withMatch<S, V>(set: MatchSet<S, V> | undefined, match: Match<S, V>): MatchSet<S, V> {
  if (set === undefined) return match;
  if (set instanceof Map) return set.set(match.subscriber, match);
  if (!Array.isArray(set)) return set.subscriber === match.subscriber ? match : [set, match];
  const index = set.findIndex((other) => other.subscriber === match.subscriber);
  if (index !== -1) set[index] = match;
  else if (set.length < arrayMax) set.push(match);
  else return new Map([...set, match].map((each) => [each.subscriber, each]));
  return set;
}

/** Removes a subscriber that is in the set; returns the set to keep, undefined when nothing is left. */
export function withoutMatch<S, V>(set: MatchSet<S, V>, subscriber: S): MatchSet<S, V> | undefined {
  if (set instanceof Map) {
    set.delete(subscriber);
    // Half of the limit, so that one subscriber who comes and goes does not rebuild the set each time.
    return set.size <= arrayMax / 2 ? [...set.values()] : set;
  }
  if (!Array.isArray(set)) return undefined;
  const rest = set.filter((match) => match.subscriber !== subscriber);
  return rest.length === 1 ? rest[0] : rest;
}

/** The matches of a filter's set. */
export function matchesOf<S, V>(set: MatchSet<S, V>): Iterable<Match<S, V>> {
  if (set instanceof Map) return set.values();
  return Array.isArray(set) ? set : [set];
}

/**
 * Where a walk puts down what it finds: an array that is used again, since one that grows by push takes room for seventeen
 * matches, and most topics have one.
 */
export class MatchList<S, V> {
  readonly #matches: (Match<S, V> | undefined)[] = [];
  #length = 0;

  append(set: MatchSet<S, V>): void {
    if (set instanceof Map) for (const match of set.values()) this.#matches[this.#length++] = match;
    else if (Array.isArray(set)) for (const match of set) this.#matches[this.#length++] = match;
    else this.#matches[this.#length++] = set;
  }

  /** An array of what was put down, of just that length; the list is empty afterwards and holds on to nothing. */
  take(): Match<S, V>[] {
    const taken = this.#matches.slice(0, this.#length) as Match<S, V>[];
    if (this.#length > reusedMax) this.#matches.length = 0;
    else for (let i = 0; i < this.#length; i++) this.#matches[i] = undefined;
    this.#length = 0;
    return taken;
  }
}

/** Brings the matches of one subscriber together, in the order of each subscriber's first match. */
export function groupBySubscriber<S, V>(matches: Match<S, V>[]): Match<S, V>[] {
  const groups = new Map<S, number>();
  const groupOf: number[] = [];
  const sizes: number[] = [];
  for (const match of matches) {
    let group = groups.get(match.subscriber);
    if (group === undefined) {
      group = sizes.length;
      groups.set(match.subscriber, group);
      sizes.push(0);
    }
    groupOf.push(group);
    sizes[group]++;
  }
  if (sizes.length === matches.length || sizes.length === 1) return matches;
  let start = 0;
  const nextOf = sizes.map((size) => (start += size) - size);
  const grouped = matches.slice();
  for (let i = 0; i < matches.length; i++) grouped[nextOf[groupOf[i]]++] = matches[i];
  return grouped;
}
