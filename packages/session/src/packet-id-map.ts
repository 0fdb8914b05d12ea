const capacityMin = 16;
/** Up to here an empty table is kept, since it will be wanted again: 5 kB. */
const capacityKept = 128;
const none = -1;

/**
 * Values under packet identifiers, in the order of `set`: what a Map does, for entries that come and go all the time. A Map takes a new
 * table every few hundred of them, and each old table refers to the next one. Once the first of that chain has become old, the
 * garbage collector keeps all later ones, with everything they ever held, until it goes through the whole heap. This table is
 * written in place. Its chains are as long as there are identifiers that are equal modulo its size: one for those that follow
 * each other, and at most 256 whatever a client chooses.
 */
export class PacketIdMap<Value> {
  size = 0;
  /** By the lower bits of the packet identifier: the first entry of a chain. */
  private chains: number[] = [];
  /** The entries, each at the same index in all four; 0 is the packet identifier of a free one. */
  private packetIds: number[] = [];
  private held: (Value | undefined)[] = [];
  /** The next one of the chain, or of those that are free. */
  private next: number[] = [];
  /** When it was set, as a count. */
  private order: number[] = [];
  private firstFree = none;
  private setCount = 0;

  get(packetId: number): Value | undefined {
    const entry = this.find(packetId);
    return entry === none ? undefined : this.held[entry];
  }

  has(packetId: number): boolean {
    return this.find(packetId) !== none;
  }

  /** A value that replaces another one takes its place in the order, too. */
  set(packetId: number, value: Value): void {
    const known = this.find(packetId);
    if (known !== none) {
      this.held[known] = value;
      return;
    }
    if (this.firstFree === none) this.resize(Math.max(capacityMin, this.chains.length * 2));
    this.insert(packetId, value, this.setCount++);
  }

  /** False: there was none. */
  delete(packetId: number): boolean {
    const { chains, packetIds, next } = this;
    const chain = packetId & (chains.length - 1);
    let before = none;
    for (let entry = this.first(packetId); entry !== none; before = entry, entry = next[entry]) {
      if (packetIds[entry] !== packetId) continue;
      if (before === none) chains[chain] = next[entry]!;
      else next[before] = next[entry]!;
      packetIds[entry] = 0;
      this.held[entry] = undefined;
      next[entry] = this.firstFree;
      this.firstFree = entry;
      if (--this.size === 0 && chains.length > capacityKept) this.resize(capacityMin);
      return true;
    }
    return false;
  }

  /** As they are now, in order: entries may be deleted meanwhile. */
  entries(): [packetId: number, value: Value][] {
    const { packetIds, held, order } = this;
    return [...packetIds.keys()]
      .filter((entry) => packetIds[entry] !== 0)
      .sort((a, b) => order[a] - order[b])
      .map((entry) => [packetIds[entry], held[entry] as Value]);
  }

  keys(): number[] {
    return this.entries().map(([packetId]) => packetId);
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value);
  }

  private first(packetId: number): number {
    const { chains } = this;
    return chains.length === 0 ? none : chains[packetId & (chains.length - 1)];
  }

  private find(packetId: number): number {
    const { packetIds, next } = this;
    let entry = this.first(packetId);
    while (entry !== none && packetIds[entry] !== packetId) entry = next[entry];
    return entry;
  }

  /** There is a free entry. */
  private insert(packetId: number, value: Value, order: number): void {
    const { chains, next } = this;
    const chain = packetId & (chains.length - 1);
    const entry = this.firstFree;
    this.firstFree = next[entry];
    this.packetIds[entry] = packetId;
    this.held[entry] = value;
    this.order[entry] = order;
    next[entry] = chains[chain]!;
    chains[chain] = entry;
    this.size++;
  }

  private resize(capacity: number): void {
    const { packetIds, held, order } = this;
    this.chains = new Array<number>(capacity).fill(none);
    this.packetIds = new Array<number>(capacity).fill(0);
    this.held = new Array<Value | undefined>(capacity).fill(undefined);
    this.order = new Array<number>(capacity).fill(0);
    this.next = Array.from({ length: capacity }, (_, entry) => (entry + 1 < capacity ? entry + 1 : none));
    this.firstFree = 0;
    this.size = 0;
    for (let entry = 0; entry < packetIds.length; entry++) {
      if (packetIds[entry] !== 0) this.insert(packetIds[entry], held[entry] as Value, order[entry]);
    }
  }
}
