import { type Delivery } from './delivery.js';

/** Deliveries that wait, first in first out, in a ring that grows by doubling and is given up when it is empty. */
export class DeliveryQueue {
  private ring: (Delivery | undefined)[] | undefined = undefined;
  private head = 0;
  length = 0;
  /** Bytes of the messages that wait, by `Message.size`. */
  bytes = 0;

  push(delivery: Delivery): void {
    let ring = (this.ring ??= new Array<Delivery | undefined>(16).fill(undefined));
    if (this.length === ring.length) {
      const old = ring;
      ring = new Array<Delivery | undefined>(old.length * 2).fill(undefined);
      for (let i = 0; i < old.length; i++) ring[i] = old[(this.head + i) & (old.length - 1)];
      this.ring = ring;
      this.head = 0;
    }
    ring[(this.head + this.length) & (ring.length - 1)] = delivery;
    this.length++;
    this.bytes += delivery.message.size;
  }

  peek(): Delivery | undefined {
    return this.length === 0 ? undefined : this.ring![this.head];
  }

  shift(): Delivery | undefined {
    if (this.length === 0) return undefined;
    const ring = this.ring!;
    const delivery = ring[this.head]!;
    ring[this.head] = undefined;
    this.head = (this.head + 1) & (ring.length - 1);
    this.bytes -= delivery.message.size;
    if (--this.length === 0) {
      this.head = 0;
      if (ring.length > 16) this.ring = undefined;
    }
    return delivery;
  }

  /** Takes out all deliveries that the test picks, in order; the others keep their order. */
  take(picks: (delivery: Delivery) => boolean): Delivery[] {
    const taken: Delivery[] = [];
    for (let left = this.length; left > 0; left--) {
      const delivery = this.shift()!;
      if (picks(delivery)) taken.push(delivery);
      else this.push(delivery);
    }
    return taken;
  }

  *[Symbol.iterator](): IterableIterator<Delivery> {
    for (let i = 0; i < this.length; i++) yield this.ring![(this.head + i) & (this.ring!.length - 1)]!;
  }
}
