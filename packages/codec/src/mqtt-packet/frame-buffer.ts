const maximumHeaderLength = 5;

/** One control packet as it is on the wire. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Bytes of the fixed header; the Remaining Length is `bytes.length - headerLength`. */
  readonly headerLength: number;
}

/**
 * Cuts a stream into control packets. mqtt-packet tells the Remaining Length of each packet and how many bytes are left over,
 * which the decoder does not; so the cutting is done here, and the decoder gets each packet in one piece.
 * A packet that lies in one chunk is a view of it; only one that spans chunks is copied, once.
 */
export class FrameBuffer {
  #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that have been taken. */
  #start = 0;
  #length = 0;
  /** Length of the frame at the front, or 0 while its fixed header is incomplete. */
  #frameLength = 0;
  #headerLength = 0;

  /** Bytes that have been looked at by nobody: the rest without the first byte and a complete Remaining Length, as mqtt-packet counts. */
  get unparsedLength(): number {
    if (this.#frameLength > 0) return this.#length - this.#headerLength;
    return Math.max(0, this.#length - 1);
  }

  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  clear(): void {
    this.#chunks = [];
    this.#start = 0;
    this.#length = 0;
    this.#frameLength = 0;
  }

  /** The first byte of the next frame; undefined when there is none. */
  get firstByte(): number | undefined {
    return this.#chunks[0]?.[this.#start];
  }

  /** The next frame; undefined while it is incomplete. A Remaining Length of more than four bytes gives a frame of five bytes, for the decoder to refuse. */
  take(): Frame | undefined {
    if (this.#frameLength === 0) this.#readHeader();
    const frameLength = this.#frameLength;
    if (frameLength === 0 || frameLength > this.#length) return undefined;
    this.#frameLength = 0;
    this.#length -= frameLength;
    return { bytes: this.#takeBytes(frameLength), headerLength: this.#headerLength };
  }

  #readHeader(): void {
    let remainingLength = 0;
    let chunkIndex = 0;
    let at = this.#start;
    for (let index = 0; index < maximumHeaderLength && index < this.#length; index++) {
      if (at === this.#chunks[chunkIndex].length) {
        chunkIndex++;
        at = 0;
      }
      const byte = this.#chunks[chunkIndex][at++];
      if (index === 0) continue;
      remainingLength += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80 || index === maximumHeaderLength - 1) {
        this.#headerLength = index + 1;
        this.#frameLength = byte < 0x80 ? this.#headerLength + remainingLength : this.#headerLength;
        return;
      }
    }
  }

  #takeBytes(length: number): Uint8Array {
    const first = this.#chunks[0];
    const end = this.#start + length;
    if (end <= first.length) {
      const bytes = first.subarray(this.#start, end);
      this.#start = end;
      if (end === first.length) this.#drop(1, 0);
      return bytes;
    }
    const bytes = new Uint8Array(length);
    let filled = 0;
    let chunkIndex = 0;
    let start = this.#start;
    for (;;) {
      const chunk = this.#chunks[chunkIndex];
      const count = Math.min(chunk.length - start, length - filled);
      bytes.set(chunk.subarray(start, start + count), filled);
      filled += count;
      if (start + count === chunk.length) {
        chunkIndex++;
        start = 0;
      } else start += count;
      if (filled === length) break;
    }
    this.#drop(chunkIndex, start);
    return bytes;
  }

  #drop(chunks: number, start: number): void {
    this.#chunks.splice(0, chunks);
    this.#start = start;
  }
}
