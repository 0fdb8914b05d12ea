/** A small seeded generator (xorshift): the same seed gives the same run. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    let state = this.state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return (state >>> 0) % limit;
  }
}

const interesting = [0x00, 0x01, 0x02, 0x0b, 0x23, 0x26, 0x2b, 0x2f, 0x7f, 0x80, 0xc0, 0xed, 0xff];

/** A copy of the packet with one to four changes; half of the time its Remaining Length is made right again, so that the change reaches the fields. */
export function mutated(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const content = Array.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const at = random.below(content.length + 1);
    switch (random.below(7)) {
      case 0:
        content[at] = random.below(256);
        break;
      case 1:
        content[at] = interesting[random.below(interesting.length)]!;
        break;
      case 2:
        content[at] = (content[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 3:
        content.splice(at, 1 + random.below(3));
        break;
      case 4:
        content.splice(at, 0, interesting[random.below(interesting.length)], random.below(256));
        break;
      case 5: {
        const from = random.below(other.length);
        content.splice(at, 0, ...other.subarray(from, from + random.below(12)));
        break;
      }
      default: {
        const from = random.below(content.length + 1);
        content.splice(at, 0, ...content.slice(from, from + random.below(12)));
      }
    }
    if (content.length === 0) content.push(random.below(256));
  }
  if (content.length >= 2 && content.length < 130 && random.below(2) === 0) content[1] = content.length - 2;
  return Uint8Array.from(content);
}
