const smallBytes = 2048;
/** Size of the larger buffers, and the most that is collected for one write. */
export const largeBytes = 65_536;
const smallKept = 1024;
const largeKept = 64;

/** Buffers that connections borrow between the first packet of a turn and the flush at its end; an idle connection owns none. */
export class SendBuffers {
  private readonly small: Buffer[] = [];
  private readonly large: Buffer[] = [];

  /** A buffer of at least `bytes`; more than 64 KiB is made to measure and not kept. */
  take(bytes: number): Buffer {
    if (bytes <= smallBytes) return this.small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
    if (bytes <= largeBytes) return this.large.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
    return Buffer.allocUnsafeSlow(bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === smallBytes) {
      if (this.small.length < smallKept) this.small.push(buffer);
    } else if (buffer.length === largeBytes && this.large.length < largeKept) {
      this.large.push(buffer);
    }
  }
}
