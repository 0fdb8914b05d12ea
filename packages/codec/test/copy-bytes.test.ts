import { expect, test } from 'vitest';
import { copyBytes } from '../src/copy-bytes.js';

const sources = [1, 2, 3].map((seed) => Uint8Array.from({ length: 1000 }, (_, index) => (index * 7 + seed * 31) & 0xff));
/** Views with an offset, as the arrays of a pool are. */
const targets = [0, 5, 16].map((offset) => new Uint8Array(new ArrayBuffer(1024), offset, 1000));

test('bytes of every length arrive as they are, whichever arrays take turns, and nothing beside them is written', () => {
  let count = 0;
  for (let length = 0; length <= 300; length++) {
    // Each pair several times: an array that comes again is read and written in another way.
    for (const turns of [1, 1, 1, 1, 1, 2, 2, 3]) {
      const source = sources[count % turns];
      const target = targets[(count >> 1) % turns];
      const start = count % 13;
      const at = count % 11;
      count++;
      target.fill(0xee);
      const view = copyBytes(source, start, start + length, target, at);
      const expected = new Uint8Array(1000).fill(0xee);
      expected.set(source.slice(start, start + length), at);
      expect(Buffer.compare(target, expected), `${length} bytes`).toBe(0);
      if (view !== undefined) expect(view).toEqual(source.slice(start, start + length));
    }
  }
});

test('an array that is copied as a whole is its own view', () => {
  const source = sources[0].slice(0, 64);
  expect(copyBytes(source, 0, 64, targets[0], 100)).toBe(source);
  expect(targets[0].slice(100, 164)).toEqual(source);
});
