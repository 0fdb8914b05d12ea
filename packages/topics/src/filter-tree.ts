import { LevelTable } from './level-table.js';
import { type MatchList, type MatchSet } from './match-set.js';
import { matchesInPlace } from './matches.js';

const dollar = 0x24;
const slash = 0x2f;

/** What stands in a place of the tree: a node, or the subscriptions of the only filter that leads through it. */
type Child<S, V> = FilterNode<S, V> | MatchSet<S, V>;

/**
 * A level that at least two filters have in common. A filter that is alone from some level on has no nodes from there: its
 * subscriptions, which know its text, stand in the place of the first. On a large broker that is most of the tree, and a walk
 * that comes there compares texts instead of visiting a node, each a wait for memory, per level.
 */
class FilterNode<S, V> {
  /** The level that leads to this node, and how many levels there are from the root to it. */
  readonly #level: string;
  readonly #depth: number;
  /** The children for literal levels: most nodes have one or none, and a table costs three times a node. */
  #children: Child<S, V> | LevelTable<Child<S, V>> | undefined = undefined;
  /** The child for `+`. */
  plus: Child<S, V> | undefined = undefined;
  /** Subscriptions of the filter that ends here. */
  here: MatchSet<S, V> | undefined = undefined;
  /** Subscriptions of the filter that ends here and goes on with `/#`. */
  below: MatchSet<S, V> | undefined = undefined;

  constructor(level: string, depth: number) {
    this.#level = level;
    this.#depth = depth;
  }

  /** The child for a level of a filter, undefined for the end of one. */
  get(level: string | undefined): Child<S, V> | undefined {
    if (level === undefined) return this.here;
    if (level === '+') return this.plus;
    if (level === '#') return this.below;
    return this.literalAt(level, 0, level.length);
  }

  /** The child for the literal level that stands in the text there. */
  literalAt(text: string, start: number, end: number): Child<S, V> | undefined {
    const children = this.#children;
    if (children === undefined) return undefined;
    if (!(children instanceof LevelTable)) return this.#leadsTo(children, text, start, end) ? children : undefined;
    const place = this.#placeOf(children, text, start, end);
    return place === -1 ? undefined : children.at(place);
  }

  set(level: string | undefined, child: Child<S, V> | undefined, seed: number): void {
    // The end of a filter leads to its subscriptions and to nothing else.
    if (level === undefined) this.here = child as MatchSet<S, V> | undefined;
    else if (level === '+') this.plus = child;
    else if (level === '#') this.below = child as MatchSet<S, V> | undefined;
    else if (child === undefined) this.#removeLiteral(level);
    else this.#setLiteral(level, child, seed);
  }

  #placeOf(children: LevelTable<Child<S, V>>, text: string, start: number, end: number): number {
    const hash = children.hash(text, start, end);
    let place = children.find(hash);
    while (place !== -1 && !this.#leadsTo(children.at(place), text, start, end)) place = children.find(hash, place);
    return place;
  }

  /** Whether the level that stands in the text there is that of the child. */
  #leadsTo(child: Child<S, V>, text: string, start: number, end: number): boolean {
    if (child instanceof FilterNode) {
      const level = child.#level;
      return level.length === end - start && text.startsWith(level, start);
    }
    const filter = child.topicFilter;
    let at = 0;
    for (let depth = this.#depth; depth > 0; depth--) at = filter.indexOf('/', at) + 1;
    for (let from = start; from < end; from++, at++) if (filter.charCodeAt(at) !== text.charCodeAt(from)) return false;
    return at === filter.length || filter.charCodeAt(at) === slash;
  }

  #setLiteral(level: string, child: Child<S, V>, seed: number): void {
    const children = this.#children;
    if (children instanceof LevelTable) {
      const place = this.#placeOf(children, level, 0, level.length);
      if (place === -1) children.add(children.hash(level, 0, level.length), child);
      else children.replace(place, child);
    } else if (children === undefined || this.#leadsTo(children, level, 0, level.length)) {
      this.#children = child;
    } else {
      const table = new LevelTable<Child<S, V>>(seed);
      const levelThere = children instanceof FilterNode ? children.#level : children.topicFilter.split('/')[this.#depth];
      table.add(table.hash(levelThere, 0, levelThere.length), children);
      table.add(table.hash(level, 0, level.length), child);
      this.#children = table;
    }
  }

  #removeLiteral(level: string): void {
    const children = this.#children;
    if (!(children instanceof LevelTable)) {
      this.#children = undefined;
      return;
    }
    children.remove(this.#placeOf(children, level, 0, level.length));
    if (children.size === 1) for (const last of children.children()) this.#children = last;
  }

  /** All that hangs on this node, in no special order. */
  children(): Child<S, V>[] {
    const children = this.#children;
    const literal = children instanceof LevelTable ? [...children.children()] : [children];
    return [this.here, this.below, this.plus, ...literal].filter((child) => child !== undefined);
  }

  get isEmpty(): boolean {
    return this.here === undefined && this.below === undefined && this.plus === undefined && this.#children === undefined;
  }

  /** The only child, if there is only one. */
  get onlyChild(): Child<S, V> | undefined {
    return this.#children instanceof LevelTable ? undefined : onlyOf(this.here, this.below, this.plus, this.#children);
  }
}

/** Topic filter → its subscriptions, as a tree of levels, for the filters that have wildcards. */
export class FilterTree<S, V> {
  readonly #root = new FilterNode<S, V>('', 0);
  // The nodes still to visit in `collect`, and where they are in the name; kept, so that a walk allocates nothing. A stack of our own, because
  // the call stack is not deep enough for a filter of 30,000 levels.
  readonly #nodes: FilterNode<S, V>[] = [];
  readonly #starts: number[] = [];
  #steps = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get isEmpty(): boolean {
    return this.#root.isEmpty;
  }

  /** How many nodes, and filters alone in their place, the last `collect` looked at; for tests of growth. */
  get steps(): number {
    return this.#steps;
  }

  /** How many nodes there are besides the root; for tests of growth. */
  get nodes(): number {
    let nodes = -1;
    for (const child of this.#all()) if (child instanceof FilterNode) nodes++;
    return nodes;
  }

  get(topicFilter: string): MatchSet<S, V> | undefined {
    const levels: (string | undefined)[] = topicFilter.split('/');
    let node = this.#root;
    for (let depth = 0; ; depth++) {
      const child = node.get(levels[depth]);
      if (!(child instanceof FilterNode)) return child?.topicFilter === topicFilter ? child : undefined;
      node = child;
    }
  }

  /** Sets the subscriptions of the filter that they know. */
  set(set: MatchSet<S, V>): void {
    const levels: (string | undefined)[] = set.topicFilter.split('/');
    let node = this.#root;
    for (let depth = 0; ; depth++) {
      const child = node.get(levels[depth]);
      if (child instanceof FilterNode) node = child;
      else if (child === undefined || child.topicFilter === set.topicFilter) {
        node.set(levels[depth], set, this.#seed);
        return;
      } else {
        node.set(levels[depth], this.#shared(levels, depth + 1, child, set), this.#seed);
        return;
      }
    }
  }

  /** Nodes for two filters, the levels of the second given, that have all levels before `depth` in common: one more for each further level that they share. */
  #shared(levels: (string | undefined)[], depth: number, one: MatchSet<S, V>, other: MatchSet<S, V>): FilterNode<S, V> {
    const levelsOfOne: (string | undefined)[] = one.topicFilter.split('/');
    const first = new FilterNode<S, V>(textOfItsOwn(levels[depth - 1]!), depth);
    let node = first;
    for (; levelsOfOne[depth] === levels[depth]; depth++) {
      const next = new FilterNode<S, V>(textOfItsOwn(levels[depth]!), depth + 1);
      node.set(levels[depth], next, this.#seed);
      node = next;
    }
    node.set(levelsOfOne[depth], one, this.#seed);
    node.set(levels[depth], other, this.#seed);
    return first;
  }

  /** Removes a filter that is there, and every node that fewer than two filters need without it. */
  delete(topicFilter: string): void {
    const levels: (string | undefined)[] = topicFilter.split('/');
    const path: FilterNode<S, V>[] = [];
    let node = this.#root;
    for (let child = node.get(levels[0]); child instanceof FilterNode; child = node.get(levels[path.length])) {
      path.push(node);
      node = child;
    }
    node.set(levels[path.length], undefined, this.#seed);
    for (let parent = path.pop(); parent !== undefined; parent = path.pop()) {
      const left = node.onlyChild;
      if (left === undefined || left instanceof FilterNode) return;
      parent.set(levels[path.length], left, this.#seed);
      node = parent;
    }
  }

  /**
   * Appends the subscriptions of every filter that matches the topic name; returns how many filters that were. It visits only
   * nodes that the name's levels lead to, and no filter twice; but filters made for it, which differ from the name at their
   * ends only, can all be among them.
   */
  collect(topicName: string, into: MatchList<S, V>): number {
    const nodes = this.#nodes;
    const starts = this.#starts;
    let filters = 0;
    let steps = 0;
    let waiting = 0;
    let node = this.#root;
    // Where the level begins that the node's children are for; past the end of the name, there is none.
    let start = 0;
    // Wildcards at the root do not see topics that begin with $. [MQTT-4.7.2-1]
    let isWild = topicName.charCodeAt(0) !== dollar;
    for (;;) {
      steps++;
      if (node.below !== undefined && isWild) {
        filters++;
        into.append(node.below);
      }
      let child: Child<S, V> | undefined;
      let plus: Child<S, V> | undefined;
      if (start > topicName.length) {
        if (node.here !== undefined) {
          filters++;
          into.append(node.here);
        }
      } else {
        const next = topicName.indexOf('/', start);
        const end = next === -1 ? topicName.length : next;
        child = node.literalAt(topicName, start, end);
        if (isWild) plus = node.plus;
        start = end + 1;
        isWild = true;
      }
      if (child !== undefined && !(child instanceof FilterNode)) {
        steps++;
        filters += appendMatching(child, topicName, into);
        child = undefined;
      }
      if (plus !== undefined && !(plus instanceof FilterNode)) {
        steps++;
        filters += appendMatching(plus, topicName, into);
        plus = undefined;
      }
      if (child !== undefined) {
        node = child;
        if (plus === undefined) continue;
        nodes[waiting] = plus;
        starts[waiting++] = start;
      } else if (plus !== undefined) node = plus;
      else if (waiting > 0) {
        node = nodes[--waiting];
        start = starts[waiting];
      } else break;
    }
    // Removed nodes must not live on in the stack.
    if (nodes.length > 0) nodes.length = 0;
    this.#steps = steps;
    return filters;
  }

  *sets(): IterableIterator<MatchSet<S, V>> {
    for (const child of this.#all()) if (!(child instanceof FilterNode)) yield child;
  }

  *#all(): IterableIterator<Child<S, V>> {
    const waiting: Child<S, V>[] = [this.#root];
    for (let child = waiting.pop(); child !== undefined; child = waiting.pop()) {
      yield child;
      if (child instanceof FilterNode) for (const next of child.children()) waiting.push(next);
    }
  }
}

function appendMatching<S, V>(set: MatchSet<S, V>, topicName: string, into: MatchList<S, V>): 0 | 1 {
  if (!matchesInPlace(set.topicFilter, topicName)) return 0;
  into.append(set);
  return 1;
}

function onlyOf<T>(...all: (T | undefined)[]): T | undefined {
  const there = all.filter((each) => each !== undefined);
  return there.length === 1 ? there[0] : undefined;
}

/** A copy. What `split` returns may be a window into the whole filter, which would live as long as the level does: longer than the filter is subscribed to. */
function textOfItsOwn(level: string): string {
  return level.split('').join('');
}
