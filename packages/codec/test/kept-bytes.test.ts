import { expect, test } from 'vitest';
import { KeptBytes } from '../src/kept-bytes.js';

const chunk = new Uint8Array(1000).map((_, index) => index);

test('a packet of which a quarter has come gets all the room it needs, and nothing else is in it', () => {
  const kept = new KeptBytes(chunk, 0, 1000, 4000);
  expect(kept.bytes).toHaveLength(4000);
  const { bytes } = kept;
  for (let count = 1; count < 4; count += 1) {
    expect(kept.isWhole).toBe(false);
    kept.append(chunk, 0, 1000, 4000);
  }
  expect(kept.bytes).toBe(bytes);
  expect(kept.isWhole).toBe(true);
  expect(bytes.subarray(3000)).toEqual(chunk);
});

test('a length that is only declared gets four times the room of what has come', () => {
  const kept = new KeptBytes(chunk, 0, 10, 268_000_000);
  expect(kept.bytes).toHaveLength(64);
  for (let came = 10; came < 100_000; came += 1000) {
    expect(kept.bytes.length).toBeLessThanOrEqual(Math.max(64, 4 * came));
    kept.append(chunk, 0, 1000, 268_000_000);
  }
});

test('what has come of unknown length has no more room than it needs, and twice as much when more comes', () => {
  const kept = new KeptBytes(chunk, 0, 500, 0);
  expect(kept.bytes).toHaveLength(500);
  kept.append(chunk, 0, 1, 0);
  expect(kept.bytes).toHaveLength(1002);
});
