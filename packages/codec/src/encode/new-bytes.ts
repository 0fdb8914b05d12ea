const slabBytes = 8192;
/** Up to here an array lies in JavaScript's own heap, and costs next to nothing. */
const ownMax = 64;
const sharedMax = 1024;

let slab = new Uint8Array(slabBytes);
let used = 0;

/**
 * `length` bytes that nobody else has. An array from 65 bytes on has memory outside of JavaScript's heap, which takes several times as long
 * to get and to give back as a small packet takes to encode: so they are views of one array, one behind the other.
 */
export function newBytes(length: number): Uint8Array {
  if (length <= ownMax || length > sharedMax) return new Uint8Array(length);
  if (used + length > slabBytes) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  const at = used;
  used += length;
  return new Uint8Array(slab.buffer, at, length);
}
