const smallBytes = 2048;
/** Size of the larger buffers, and the most that is collected for one write. */
export const largeBytes = 65_536;
/** For a packet that does not fit into those. */
const hugeBytes = 131_072;
const smallKept = 1024;
const largeKept = 64;
const hugeKept = 32;

/** Buffers that connections borrow between the first packet of a turn and the flush at its end; an idle connection owns none. */
export class SendBuffers {
  private readonly small: Buffer[] = [];
  private readonly large: Buffer[] = [];
  private readonly huge: Buffer[] = [];

  /** A buffer of at least `bytes`; more than 128 KiB is made to measure and not kept. */
  take(bytes: number): Buffer {
    if (bytes <= smallBytes) return this.small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
    if (bytes <= largeBytes) return this.large.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
    if (bytes <= hugeBytes) return this.huge.pop() ?? Buffer.allocUnsafeSlow(hugeBytes);
    return Buffer.allocUnsafeSlow(bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === smallBytes) {
      if (this.small.length < smallKept) this.small.push(buffer);
    } else if (buffer.length === largeBytes) {
      if (this.large.length < largeKept) this.large.push(buffer);
    } else if (buffer.length === hugeBytes && this.huge.length < hugeKept) {
      this.huge.push(buffer);
    }
  }
}
