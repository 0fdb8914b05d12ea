import { FilterTree } from './filter-tree.js';
import { MatchCache } from './match-cache.js';
import { findMatch, groupBySubscriber, type Match, MatchList, type MatchSet, matchesOf, withMatch, withoutMatch } from './match-set.js';
import { hasWildcard } from './topic-filter.js';

/**
 * The subscriptions that match one topic name; empty if none does. Never changes, and may be the same array for later calls.
 * All matches of one subscriber stand next to each other: whoever must deliver overlapping subscriptions as one message
 * looks at the neighbour, and needs no Map.
 */
export type MatchResult<Subscriber, Value> = readonly Match<Subscriber, Value>[];

export interface SubscriptionTreeOptions {
  /** Most topic names whose results are kept, each from its second call on; default 65,536. 0 keeps none. */
  readonly cacheEntriesMax?: number;
  /** Most matches that the kept results may hold together; default 1,000,000. A result of more than half of that is not kept. */
  readonly cacheMatchesMax?: number;
  /**
   * An integer of 32 bits, at random where filters come from strangers: who knows it can choose levels that hash alike, and so make
   * everybody's matching slow. Results do not depend on it; default 0.
   */
  readonly hashSeed?: number;
}

const nothing: readonly never[] = [];

/**
 * Which subscriptions match a topic name (5.0 and 3.1.1, 4.7).
 *
 * A subscription is a pair of topic filter and subscriber with a value; subscribers are told apart by identity. Shared
 * Subscriptions have no place of their own here: put the group in as one subscriber, under the filter after `$share/{ShareName}/`.
 * Filters and names are taken as the codec checked them.
 */
export class SubscriptionTree<Subscriber extends object, Value> {
  // Filters without wildcards are found by one lookup of the whole name; only the others need the tree.
  readonly #literals = new Map<string, MatchSet<Subscriber, Value>>();
  readonly #wildcards: FilterTree<Subscriber, Value>;
  readonly #cache: MatchCache<MatchResult<Subscriber, Value>>;
  readonly #found = new MatchList<Subscriber, Value>();
  #size = 0;
  #filters = 0;
  #version = 0;
  #cacheMisses = 0;

  constructor(options: SubscriptionTreeOptions = {}) {
    this.#wildcards = new FilterTree((options.hashSeed ?? 0) | 0);
    this.#cache = new MatchCache(options.cacheEntriesMax ?? 65_536, options.cacheMatchesMax ?? 1_000_000);
  }

  /** Number of subscriptions: pairs of filter and subscriber. */
  get size(): number {
    return this.#size;
  }

  /** Number of distinct topic filters. */
  get filters(): number {
    return this.#filters;
  }

  /** Grows with every change. Equal versions mean equal results. */
  get version(): number {
    return this.#version;
  }

  /** Topic names whose results are kept at the moment. */
  get cacheEntries(): number {
    return this.#cache.entries;
  }

  /** Matches that the kept results hold together. */
  get cacheMatches(): number {
    return this.#cache.matches;
  }

  /** How many calls of `match` had to look for their result, since the tree was made. */
  get cacheMisses(): number {
    return this.#cacheMisses;
  }

  get(topicFilter: string, subscriber: Subscriber): Value | undefined {
    return findMatch(this.#find(topicFilter), subscriber)?.value;
  }

  /** Adds a subscription or replaces its value; returns the value that was there. */
  set(topicFilter: string, subscriber: Subscriber, value: Value): Value | undefined {
    const set = this.#find(topicFilter);
    const replaced = findMatch(set, subscriber);
    // The filter text of a set is kept once, whatever copy of it each subscriber brings.
    const text = set === undefined ? topicFilter : set.topicFilter;
    this.#store(topicFilter, withMatch(set, { subscriber, value, topicFilter: text }));
    if (set === undefined) this.#filters++;
    if (replaced === undefined) this.#size++;
    return replaced?.value;
  }

  /** Removes a subscription; returns its value, undefined if it was not there. */
  delete(topicFilter: string, subscriber: Subscriber): Value | undefined {
    const set = this.#find(topicFilter);
    const removed = findMatch(set, subscriber);
    if (set === undefined || removed === undefined) return undefined;
    const rest = withoutMatch(set, subscriber);
    this.#store(topicFilter, rest);
    if (rest === undefined) this.#filters--;
    this.#size--;
    return removed.value;
  }

  /** All subscriptions that match the topic name. Allocates nothing if the name was asked for lately and no change touched it. */
  match(topicName: string): MatchResult<Subscriber, Value> {
    return this.#cache.get(topicName) ?? this.#matchUncached(topicName);
  }

  /** Every subscription, in no special order. The tree must not change until the iteration is over. */
  *[Symbol.iterator](): IterableIterator<Match<Subscriber, Value>> {
    for (const set of this.#literals.values()) yield* matchesOf(set);
    for (const set of this.#wildcards.sets()) yield* matchesOf(set);
  }

  #matchUncached(topicName: string): MatchResult<Subscriber, Value> {
    this.#cacheMisses++;
    const literal = this.#literals.get(topicName);
    let filters = 0;
    if (literal !== undefined) {
      filters++;
      this.#found.append(literal);
    }
    if (!this.#wildcards.isEmpty) filters += this.#wildcards.collect(topicName, this.#found);
    if (filters === 0) return this.#keep(topicName, nothing);
    const matches = this.#found.take();
    return this.#keep(topicName, filters > 1 ? groupBySubscriber(matches) : matches);
  }

  #keep(topicName: string, result: MatchResult<Subscriber, Value>): MatchResult<Subscriber, Value> {
    this.#cache.add(topicName, result);
    return result;
  }

  #find(topicFilter: string): MatchSet<Subscriber, Value> | undefined {
    return hasWildcard(topicFilter) ? this.#wildcards.get(topicFilter) : this.#literals.get(topicFilter);
  }

  #store(topicFilter: string, set: MatchSet<Subscriber, Value> | undefined): void {
    this.#version++;
    if (hasWildcard(topicFilter)) {
      if (set === undefined) this.#wildcards.delete(topicFilter);
      else this.#wildcards.set(set);
      this.#cache.wildcardChanged(topicFilter);
      return;
    }
    if (set === undefined) this.#literals.delete(topicFilter);
    else this.#literals.set(topicFilter, set);
    this.#cache.forget(topicFilter);
  }
}
