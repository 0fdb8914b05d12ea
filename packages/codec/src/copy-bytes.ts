const smallCopyMax = 64;

/** Copies `source[start, end)` to `target` at `at`. For few bytes a loop is faster than the call that makes a view and sets it. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  const length = end - start;
  if (length > smallCopyMax) {
    target.set(length === source.length ? source : source.subarray(start, end), at);
    return;
  }
  for (let index = 0; index < length; index += 1) target[at + index] = source[start + index]!;
}
