import { type MatchList, type MatchSet } from './match-set.js';

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

  /** The child for the level that stands in the text there; no string is made unless a Map must be asked. */
  childAt(text: string, start: number, end: number): FilterNode<S, V> | undefined {
    const children = this.children;
    if (children === undefined) return undefined;
    if (children instanceof Map) return children.get(text.slice(start, end));
    return children.level.length === end - start && text.startsWith(children.level, start) ? children : undefined;
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
  // The nodes still to visit in `collect`, and where they are in the name; kept, so that a walk allocates nothing. A stack of our own, because
  // the call stack is not deep enough for a filter of 30,000 levels.
  readonly #nodes: FilterNode<S, V>[] = [];
  readonly #starts: number[] = [];

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
  collect(topicName: string, into: MatchList<S, V>): number {
    const nodes = this.#nodes;
    const starts = this.#starts;
    let filters = 0;
    let waiting = 0;
    let node = this.#root;
    // Where the level begins that the node's children are for; past the end of the name, there is none.
    let start = 0;
    // Wildcards at the root do not see topics that begin with $. [MQTT-4.7.2-1]
    let isWild = !topicName.startsWith('$');
    for (;;) {
      if (node.below !== undefined && isWild) {
        filters++;
        into.append(node.below);
      }
      let child: FilterNode<S, V> | undefined;
      let plus: FilterNode<S, V> | undefined;
      if (start > topicName.length) {
        if (node.here !== undefined) {
          filters++;
          into.append(node.here);
        }
      } else if (node.children !== undefined || node.plus !== undefined) {
        const slash = topicName.indexOf('/', start);
        const end = slash === -1 ? topicName.length : slash;
        child = node.childAt(topicName, start, end);
        if (isWild) plus = node.plus;
        start = end + 1;
        isWild = true;
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
