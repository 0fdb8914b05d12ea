import { OrderedTopics, type TopicEntry } from './ordered-topics.js';
import { hasWildcard } from './topic-filter.js';
import { afterSubtree, compareTopics } from './topic-order.js';

/** One page of a walk over the topic names that match a filter. */
export interface RetainedPage<Value> {
  /** In the order of the tree; at most `limit`, and fewer, even none, before the end if the walk had to step over many other topics. */
  readonly entries: readonly (readonly [topicName: string, value: Value])[];
  /** What to pass for the next page; undefined at the end of the walk, and only there. */
  readonly after: string | undefined;
}

// How many topics that do not match a page may look at per entry of its limit, and at least, before it ends early.
const stepsPerEntry = 16;
const stepsMin = 1024;

/**
 * Topic name → value, for retained messages, asked by topic filter.
 *
 * The topics stand in one ordered list in which everything below a topic follows it, so a level of the tree is a range of the list,
 * and a filter is answered by leaping from one range that can match to the next. A walk goes on by the name that it came to: it stays
 * valid whatever is added or removed between pages, returns each topic that is there all the time exactly once, and holds no state here.
 */
export class RetainedTree<Value> {
  readonly #entries = new Map<string, TopicEntry<Value>>();
  readonly #ordered = new OrderedTopics<Value>();

  get size(): number {
    return this.#entries.size;
  }

  get(topicName: string): Value | undefined {
    return this.#entries.get(topicName)?.value;
  }

  /** Sets the value of a topic name; returns the value that was there. */
  set(topicName: string, value: Value): Value | undefined {
    const entry = this.#entries.get(topicName);
    if (entry !== undefined) {
      const replaced = entry.value;
      entry.value = value;
      return replaced;
    }
    const added = { topicName, value };
    this.#entries.set(topicName, added);
    this.#ordered.insert(added);
    return undefined;
  }

  /** Removes a topic name; returns the value that was there. */
  delete(topicName: string): Value | undefined {
    const entry = this.#entries.get(topicName);
    if (entry === undefined) return undefined;
    this.#entries.delete(topicName);
    this.#ordered.remove(topicName);
    return entry.value;
  }

  /**
   * The next page of the topics that match a filter (of a Shared Subscription: what follows the share name): `after` is undefined
   * for the first page, then what the last page returned. `limit` is at least 1. A page takes time in proportion to its limit.
   */
  match(topicFilter: string, after: string | undefined, limit: number): RetainedPage<Value> {
    if (!hasWildcard(topicFilter)) {
      const entry = after === undefined ? this.#entries.get(topicFilter) : undefined;
      return { entries: entry === undefined ? [] : [[entry.topicName, entry.value]], after: undefined };
    }
    const levels = topicFilter.split('/');
    const entries: (readonly [string, Value])[] = [];
    const position = { chunk: 0, index: 0 };
    if (after !== undefined) {
      this.#ordered.seek(position, after);
      if (this.#ordered.at(position)?.topicName === after) this.#ordered.next(position);
    }
    let steps = Math.max(stepsMin, limit * stepsPerEntry);
    for (let entry = this.#ordered.at(position); entry !== undefined; entry = this.#ordered.at(position)) {
      const { topicName } = entry;
      const leap = nextCandidate(levels, topicName);
      if (leap === topicName) {
        entries.push([topicName, entry.value]);
        this.#ordered.next(position);
        if (entries.length >= limit) return { entries, after: topicName };
      } else if (leap === undefined) {
        break;
      } else {
        this.#ordered.seek(position, leap);
        if (--steps === 0) return { entries, after: topicName };
      }
    }
    return { entries, after: undefined };
  }
}

/**
 * The first text, at or after a topic name in the order of `compareTopics`, at which a match of the filter can be: the name itself
 * (the same string) exactly if the filter matches it, undefined if nothing after it matches either.
 */
function nextCandidate(filterLevels: readonly string[], topicName: string): string | undefined {
  // Neither do leading wildcards see topics that begin with $, nor does any such topic come after `%`. [MQTT-4.7.2-1]
  if (topicName.startsWith('$') && (filterLevels[0] === '+' || filterLevels[0] === '#')) return '%';
  // The end of the last level that `+` took: past everything below it, another level there may lead to a match.
  let plusEnd = -1;
  let start = 0;
  for (const level of filterLevels) {
    if (level === '#') return topicName;
    // The name ended before the filter did. What can match is below it: the least such text is the name and a slash.
    if (start > topicName.length) return `${topicName}/`;
    const slash = topicName.indexOf('/', start);
    const end = slash === -1 ? topicName.length : slash;
    if (level === '+') plusEnd = end;
    else if (end - start !== level.length || !topicName.startsWith(level, start)) {
      if (compareTopics(topicName.slice(start, end), level) < 0) return topicName.slice(0, start) + level;
      return plusEnd === -1 ? undefined : afterSubtree(topicName.slice(0, plusEnd));
    }
    start = end + 1;
  }
  // All levels of the filter are used up: the name matches, or it is below a name that does.
  return start > topicName.length ? topicName : afterSubtree(topicName.slice(0, start - 1));
}
