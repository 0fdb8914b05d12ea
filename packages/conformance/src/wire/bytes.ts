/** A byte (number), UTF-8 text without a length (string), ready bytes, or a list of these. */
export type Part = number | string | Uint8Array | readonly Part[];

/** The parts, one after the other. */
export function bytes(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Buffer.of(part);
      if (typeof part === 'string') return Buffer.from(part);
      if (part instanceof Uint8Array) return part;
      return bytes(...part);
    }),
  );
}

/** Two Byte Integer (5.0, 1.5.2). */
export function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Four Byte Integer (5.0, 1.5.3). */
export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** UTF-8 string or Binary Data with its two length bytes; takes ready bytes so that ill-formed text can be written, too. */
export function field(content: Part): Buffer {
  const body = bytes(content);
  return bytes(uint16(body.length), body);
}

/** Variable Byte Integer (5.0, 1.5.5); a `width` above what the value needs gives the padded form that is not allowed. */
export function variableByteInteger(value: number, width: number = 1): Buffer {
  const digits: number[] = [];
  let rest = value;
  do {
    digits.push(rest % 128);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  while (digits.length < width) digits.push(0);
  return Buffer.from(digits.map((digit, index) => (index < digits.length - 1 ? digit | 0x80 : digit)));
}

/** Fixed header and body; the Remaining Length is the body's true one. */
export function packet(firstByte: number, ...body: readonly Part[]): Buffer {
  const content = bytes(...body);
  return bytes(firstByte, variableByteInteger(content.length), content);
}

/** Lower case hexadecimal with a blank between bytes, cut after `limit` bytes. */
export function hexadecimal(content: Uint8Array, limit: number = 64): string {
  const shown = Buffer.from(content.subarray(0, limit))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
  return content.length > limit ? `${shown} … (${content.length} bytes)` : shown;
}
