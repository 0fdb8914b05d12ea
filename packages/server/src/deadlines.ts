interface Entry<Key> {
  readonly key: Key;
  readonly at: number;
}

/**
 * Times at which something has to be looked at, in a binary heap under one coarse tick. There is no removal: what comes up is asked for its
 * real time, and put back if that is later. So a session that reconnects every second has one entry, not one per connection.
 */
export class Deadlines<Key extends object> {
  private readonly heap: Entry<Key>[] = [];
  private readonly earliest: WeakMap<Key, number> = new WeakMap();
  /** Wall clock milliseconds at which the key is really due; undefined: never. */
  private readonly dueAt: (key: Key) => number | undefined;

  constructor(dueAt: (key: Key) => number | undefined) {
    this.dueAt = dueAt;
  }

  get size(): number {
    return this.heap.length;
  }

  /** Looks at `key` at `at` (wall clock, milliseconds), unless that is planned for an earlier time anyway. */
  plan(key: Key, at: number): void {
    if (at === Infinity) return;
    const planned = this.earliest.get(key);
    if (planned !== undefined && planned <= at) return;
    this.earliest.set(key, at);
    this.push({ key, at });
  }

  /** Takes out everything that is due. */
  due(now: number): Key[] {
    const keys: Key[] = [];
    while (this.heap.length > 0 && this.heap[0].at <= now) {
      const { key, at } = this.pop();
      if (this.earliest.get(key) !== at) continue;
      this.earliest.delete(key);
      const real = this.dueAt(key);
      if (real === undefined) continue;
      if (real <= now) keys.push(key);
      else this.plan(key, real);
    }
    return keys;
  }

  private push(entry: Entry<Key>): void {
    const heap = this.heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].at <= entry.at) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  private pop(): Entry<Key> {
    const heap = this.heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= last.at) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}
