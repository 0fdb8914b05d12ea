const loopMax = 24;

/** Copies `source[start, end)` to `target` at `at`. For very few bytes a loop is faster than making a view (Node 20: 35 ns) and setting it (20 ns). */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  const length = end - start;
  if (length === source.length) {
    target.set(source, at);
  } else if (length > loopMax) {
    target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
  } else {
    for (let index = 0; index < length; index += 1) target[at + index] = source[start + index]!;
  }
}
