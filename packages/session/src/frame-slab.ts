import { type FrameRoom } from '@si-mqtt/codec';

/**
 * Room for frames one behind the other in an array that many share. An array of its own costs several times as much as all else that is
 * done with a small message. A slab lives as long as the last of its frames. Frames above the maximum get an array of their own, as the cost of that is
 * small beside theirs.
 */
export class FrameSlab implements FrameRoom {
  bytes: Uint8Array = new Uint8Array(0);
  private slab: Uint8Array = this.bytes;
  private used = 0;
  private readonly slabBytes: number;
  private readonly frameBytesMax: number;

  constructor(slabBytes: number, frameBytesMax: number) {
    this.slabBytes = slabBytes;
    this.frameBytesMax = frameBytesMax;
  }

  take(length: number): number {
    if (length > this.frameBytesMax) {
      this.bytes = new Uint8Array(length);
      return 0;
    }
    if (this.used + length > this.slab.length) {
      this.slab = new Uint8Array(this.slabBytes);
      this.used = 0;
    }
    this.bytes = this.slab;
    const at = this.used;
    this.used += length;
    return at;
  }
}
