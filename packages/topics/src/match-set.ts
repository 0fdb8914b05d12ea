/** One subscription that matched: who, what was stored for it (options, a session's record …), under which filter. */
export interface Match<Subscriber, Value> {
  readonly subscriber: Subscriber;
  readonly value: Value;
  readonly topicFilter: string;
}

/** All subscriptions of one filter, which is `topicFilter` of them all. Most filters of a large broker have one subscriber, so that one is held bare. */
export type MatchSet<Subscriber, Value> = Match<Subscriber, Value> | MatchGroup<Subscriber, Value>;

const arrayMax = 8;
const reusedMax = 1024;

/**
 * The subscriptions of a filter that has several. A few are an array (a Map of two costs 200 bytes); more than that are a Map,
 * because a filter with 10,000 subscribers must lose one quickly.
 */
export class MatchGroup<Subscriber, Value> {
  readonly topicFilter: string;
  #matches: Match<Subscriber, Value>[] | Map<Subscriber, Match<Subscriber, Value>>;

  constructor(first: Match<Subscriber, Value>, second: Match<Subscriber, Value>) {
    this.topicFilter = first.topicFilter;
    this.#matches = [first, second];
  }

  get matches(): Match<Subscriber, Value>[] | Map<Subscriber, Match<Subscriber, Value>> {
    return this.#matches;
  }

  find(subscriber: Subscriber): Match<Subscriber, Value> | undefined {
    const matches = this.#matches;
    return matches instanceof Map ? matches.get(subscriber) : matches.find((match) => match.subscriber === subscriber);
  }

  /** Adds a match, or puts it in the place of the one of the same subscriber. */
  set(match: Match<Subscriber, Value>): void {
    const matches = this.#matches;
    if (matches instanceof Map) {
      matches.set(match.subscriber, match);
      return;
    }
    const index = matches.findIndex((other) => other.subscriber === match.subscriber);
    if (index !== -1) matches[index] = match;
    else if (matches.length < arrayMax) matches.push(match);
    else this.#matches = new Map([...matches, match].map((each) => [each.subscriber, each]));
  }

  /** Removes a subscriber. */
  delete(subscriber: Subscriber): void {
    const matches = this.#matches;
    if (matches instanceof Map) {
      matches.delete(subscriber);
      // Half of the limit, so that one subscriber who comes and goes does not rebuild the set each time.
      if (matches.size <= arrayMax / 2) this.#matches = [...matches.values()];
    } else this.#matches = matches.filter((match) => match.subscriber !== subscriber);
  }

  /** The only match, if there is only one. */
  get only(): Match<Subscriber, Value> | undefined {
    return Array.isArray(this.#matches) && this.#matches.length === 1 ? this.#matches[0] : undefined;
  }
}

export function findMatch<S, V>(set: MatchSet<S, V> | undefined, subscriber: S): Match<S, V> | undefined {
  if (set instanceof MatchGroup) return set.find(subscriber);
  return set?.subscriber === subscriber ? set : undefined;
}

/** Adds a match, or puts it in the place of the one of the same subscriber; returns the set to keep. */
export function withMatch<S, V>(set: MatchSet<S, V> | undefined, match: Match<S, V>): MatchSet<S, V> {
  if (set === undefined) return match;
  if (!(set instanceof MatchGroup)) return set.subscriber === match.subscriber ? match : new MatchGroup(set, match);
  set.set(match);
  return set;
}

/** Removes a subscriber that is in the set; returns the set to keep, undefined when nothing is left. */
export function withoutMatch<S, V>(set: MatchSet<S, V>, subscriber: S): MatchSet<S, V> | undefined {
  if (!(set instanceof MatchGroup)) return undefined;
  set.delete(subscriber);
  return set.only ?? set;
}

/** The matches of a filter's set. */
export function matchesOf<S, V>(set: MatchSet<S, V>): Iterable<Match<S, V>> {
  return set instanceof MatchGroup ? set.matches.values() : [set];
}

/**
 * Where a walk puts down what it finds: an array that is used again, since one that grows by push takes room for seventeen
 * matches, and most topics have one.
 */
export class MatchList<S, V> {
  readonly #matches: (Match<S, V> | undefined)[] = [];
  #length = 0;

  append(set: MatchSet<S, V>): void {
    if (set instanceof MatchGroup) for (const match of set.matches.values()) this.#matches[this.#length++] = match;
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
