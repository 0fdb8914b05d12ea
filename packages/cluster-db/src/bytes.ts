/** Writes binary formats into a buffer that grows. Integers are big-endian, so that the order of bytes is the order of values. */
export class ByteWriter {
  private bytes: Buffer;
  private view: DataView;
  private at = 0;

  constructor(capacity = 256) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  get length(): number {
    return this.at;
  }

  u8(value: number): this {
    this.reserve(1);
    this.bytes[this.at++] = value;
    return this;
  }

  u16(value: number): this {
    this.reserve(2);
    this.view.setUint16(this.at, value);
    this.at += 2;
    return this;
  }

  u32(value: number): this {
    this.reserve(4);
    this.view.setUint32(this.at, value);
    this.at += 4;
    return this;
  }

  /** Six bytes: wall clock milliseconds and sequence numbers. */
  u48(value: number): this {
    this.reserve(6);
    this.view.setUint16(this.at, Math.floor(value / 0x1_0000_0000));
    this.view.setUint32(this.at + 2, value >>> 0);
    this.at += 6;
    return this;
  }

  u64(value: bigint): this {
    this.reserve(8);
    this.view.setBigUint64(this.at, value);
    this.at += 8;
    return this;
  }

  /** Seven bits a byte, the lowest first; up to 2^53. */
  varint(value: number): this {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.at++] = rest;
    return this;
  }

  /** Bytes whose number the reader knows. */
  raw(value: Uint8Array): this {
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
    return this;
  }

  /** Bytes behind their number. */
  block(value: Uint8Array): this {
    return this.varint(value.length).raw(value);
  }

  /** UTF-8 behind its number of bytes. */
  text(value: string): this {
    const length = Buffer.byteLength(value);
    this.varint(length).reserve(length);
    this.bytes.write(value, this.at);
    this.at += length;
    return this;
  }

  /** Overwrites four bytes that were written before. */
  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value);
  }

  /** Forgets what was written behind `length`. */
  truncate(length: number): void {
    this.at = length;
  }

  /** A copy of what was written; the writer can go on. */
  copy(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(0, this.at));
  }

  /** What was written, until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  private reserve(length: number): void {
    const needed = this.at + length;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Stored bytes that are not what this version of the program can read. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** Reads what ByteWriter wrote, and never beyond the end. What it returns are views. */
export class ByteReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  u8(): number {
    return this.bytes[this.take(1)];
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  u48(): number {
    return this.bytes.readUIntBE(this.take(6), 6);
  }

  u64(): bigint {
    return this.bytes.readBigUInt64BE(this.take(8));
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 0x80 ** 7; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new FormatError('a number is longer than 8 bytes');
  }

  raw(length: number): Uint8Array {
    const at = this.take(length);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + at, length);
  }

  block(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  rest(): Uint8Array {
    return this.raw(this.bytes.length - this.at);
  }

  private take(length: number): number {
    const at = this.at;
    if (at + length > this.bytes.length) throw new FormatError(`cut off after ${this.bytes.length} bytes`);
    this.at = at + length;
    return at;
  }
}
