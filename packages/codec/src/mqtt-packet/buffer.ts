/**
 * The byte type of the environment: Node's `Buffer` where its types are loaded, else `Uint8Array`. Written as an inference, so that
 * this package needs no types of Node and a browser project none of its own.
 */
export type Bytes = typeof globalThis extends { Buffer: { isBuffer(value: unknown): value is infer Instance } } ? Instance : Uint8Array;

interface BufferClass {
  from(memory: ArrayBufferLike, byteOffset: number, length: number): Bytes;
  new (size: number): Bytes;
}

function isBufferClass(value: unknown): value is BufferClass {
  return typeof value === 'function' && 'isBuffer' in value && 'from' in value && typeof value.from === 'function';
}

/**
 * A view of the same memory as a Buffer, because programs written for mqtt-packet call `payload.toString()`.
 * The class is the global one, else that of `like` (a bundled polyfill's Buffer); where there is neither, the bytes are returned as they are.
 */
export function asBuffer(bytes: Uint8Array, like?: Uint8Array): Bytes {
  // Looked up at each call: some pages install a polyfill after this module has been loaded.
  const globalClass = (globalThis as { Buffer?: unknown }).Buffer;
  const bufferClass = isBufferClass(globalClass) ? globalClass : like?.constructor;
  // Where the types of Node are not loaded, `Bytes` is `Uint8Array` and this says nothing; where they are, it must be said.
  const same: unknown = bytes;
  if (!isBufferClass(bufferClass) || same instanceof bufferClass) return same as Bytes;
  return bufferClass.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
