import { appendMatches, type Match, type MatchSet } from './match-set.js';

/**
 * A level of the tree. Its own level text is kept with it, so that a parent with one child needs no Map:
 * most nodes have one, and a Map costs three times a node.
 */
class FilterNode<S, V> {
  readonly level: string;
  /** Children by literal level. */
  children: FilterNode<S, V> | Map<string, FilterNode<S, V>> | undefined = undefined;
  /** The child for `+`. */
  plus: FilterNode<S, V> | undefined = undefined;
  /** Subscriptions of the filter that ends here. */
  here: MatchSet<S, V> | undefined = undefined;
  /** Subscriptions of the filter that ends here and goes on with `/#`. */
  below: MatchSet<S, V> | undefined = undefined;

  constructor(level: string) {
    this.level = level;
  }

  child(level: string): FilterNode<S, V> | undefined {
    const children = this.children;
    if (children instanceof Map) return children.get(level);
    return children !== undefined && children.level === level ? children : undefined;
  }

  addChild(level: string): FilterNode<S, V> {
    const node = new FilterNode<S, V>(level);
    if (level === '+') this.plus = node;
    else if (this.children === undefined) this.children = node;
    else if (this.children instanceof Map) this.children.set(level, node);
    else {
      this.children = new Map([
        [this.children.level, this.children],
        [level, node],
      ]);
    }
    return node;
  }

  removeChild(node: FilterNode<S, V>): void {
    if (node === this.plus) this.plus = undefined;
    else if (this.children instanceof Map) {
      this.children.delete(node.level);
      if (this.children.size === 1) for (const last of this.children.values()) this.children = last;
    } else this.children = undefined;
  }

  get isEmpty(): boolean {
    return this.here === undefined && this.below === undefined && this.plus === undefined && this.children === undefined;
  }
}

/** Topic filter → its subscriptions, as a tree of levels, for the filters that have wildcards. Has no node without a subscription below it. */
export class FilterTree<S, V> {
  readonly #root = new FilterNode<S, V>('');
  // The nodes still to visit in `collect` and their depths; kept, so that a walk allocates nothing. A stack of our own, because
  // the call stack is not deep enough for a filter of 30,000 levels.
  readonly #nodes: FilterNode<S, V>[] = [];
  readonly #depths: number[] = [];

  get isEmpty(): boolean {
    return this.#root.isEmpty;
  }

  get(topicFilter: string): MatchSet<S, V> | undefined {
    const levels = topicFilter.split('/');
    const last = levels[levels.length - 1];
    let node: FilterNode<S, V> | undefined = this.#root;
    for (const level of levels) {
      if (level === '#') break;
      node = level === '+' ? node.plus : node.child(level);
      if (node === undefined) return undefined;
    }
    return last === '#' ? node.below : node.here;
  }

  /** Sets the subscriptions of a filter; undefined removes it, and every node that only it needed. */
  set(topicFilter: string, set: MatchSet<S, V> | undefined): void {
    const path: FilterNode<S, V>[] = [this.#root];
    let node = this.#root;
    const levels = topicFilter.split('/');
    const isMultiLevel = levels[levels.length - 1] === '#';
    if (isMultiLevel) levels.pop();
    for (const level of levels) {
      node = (level === '+' ? node.plus : node.child(level)) ?? node.addChild(level);
      path.push(node);
    }
    if (isMultiLevel) node.below = set;
    else node.here = set;
    for (let depth = path.length - 1; depth > 0 && path[depth].isEmpty; depth--) path[depth - 1].removeChild(path[depth]);
  }

  /** Appends the subscriptions of every filter that matches the topic name; returns how many filters that were. */
  collect(topicName: string, into: Match<S, V>[]): number {
    const levels = topicName.split('/');
    const nodes = this.#nodes;
    const depths = this.#depths;
    let filters = 0;
    let waiting = 0;
    let node = this.#root;
    let depth = 0;
    // Wildcards at the root do not see topics that begin with $. [MQTT-4.7.2-1]
    const literalRoot = topicName.startsWith('$');
    for (;;) {
      const wild = depth > 0 || !literalRoot;
      if (node.below !== undefined && wild) {
        filters++;
        appendMatches(node.below, into);
      }
      if (depth === levels.length) {
        if (node.here !== undefined) {
          filters++;
          appendMatches(node.here, into);
        }
      } else {
        const child = node.child(levels[depth]);
        const plus = wild ? node.plus : undefined;
        depth++;
        if (child !== undefined) {
          if (plus !== undefined) {
            nodes[waiting] = plus;
            depths[waiting++] = depth;
          }
          node = child;
          continue;
        }
        if (plus !== undefined) {
          node = plus;
          continue;
        }
      }
      if (waiting === 0) break;
      node = nodes[--waiting];
      depth = depths[waiting];
    }
    // Removed nodes must not live on in the stack.
    nodes.length = 0;
    return filters;
  }

  *sets(): IterableIterator<MatchSet<S, V>> {
    const waiting: FilterNode<S, V>[] = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.here !== undefined) yield node.here;
      if (node.below !== undefined) yield node.below;
      if (node.plus !== undefined) waiting.push(node.plus);
      if (node.children instanceof Map) for (const child of node.children.values()) waiting.push(child);
      else if (node.children !== undefined) waiting.push(node.children);
    }
  }
}
