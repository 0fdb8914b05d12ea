import { describe, expect, it } from 'vitest';
import { PacketIdMap } from '../src/packet-id-map.js';

/** The same numbers in every run. */
function pseudoRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function checkAgainstMap(packetIdOf: (step: number, random: (below: number) => number) => number, steps: number): void {
  const random = pseudoRandom(steps);
  const table = new PacketIdMap<number>();
  const oracle = new Map<number, number>();
  for (let step = 0; step < steps; step++) {
    const packetId = packetIdOf(step, random);
    // Grows for a while, then shrinks, several times.
    if (random(10) < (Math.floor(step / 500) % 2 === 0 ? 7 : 3)) {
      table.set(packetId, step);
      oracle.set(packetId, step);
    } else {
      const present = [...oracle.keys()];
      const gone = present.length > 0 && random(4) > 0 ? present[random(present.length)] : packetId;
      expect(table.delete(gone)).toBe(oracle.delete(gone));
      expect(table.has(gone)).toBe(false);
    }
    expect(table.size).toBe(oracle.size);
    expect(table.get(packetId)).toBe(oracle.get(packetId));
    if (step % 97 === 0) {
      expect(table.entries()).toEqual([...oracle.entries()]);
      for (const [present, value] of oracle) expect(table.get(present)).toBe(value);
    }
  }
  for (const packetId of table.keys()) table.delete(packetId);
  expect(table.size).toBe(0);
  expect(table.values()).toEqual([]);
}

describe('packet identifiers', () => {
  it('are found like in a Map, and in the same order', () => {
    checkAgainstMap((_step, random) => 1 + random(65_535), 6000);
  });

  it('are found when they follow each other, over the end of the range, too', () => {
    checkAgainstMap((step) => ((65_000 + step) % 65_535) + 1, 6000);
  });

  it('are found when all of them want the same place', () => {
    checkAgainstMap((_step, random) => 256 * random(256) || 1, 6000);
  });

  it('may all be in use at once', () => {
    const table = new PacketIdMap<number>();
    for (let packetId = 65_535; packetId > 0; packetId--) table.set(packetId, -packetId);
    expect(table.size).toBe(65_535);
    expect(table.keys()[0]).toBe(65_535);
    const wrong: number[] = [];
    for (let packetId = 1; packetId <= 65_535; packetId++) {
      if (table.get(packetId) !== -packetId || !table.delete(packetId) || table.has(packetId)) wrong.push(packetId);
    }
    expect(wrong).toEqual([]);
    expect(table.size).toBe(0);
    expect(table.delete(0)).toBe(false);
  });
});
