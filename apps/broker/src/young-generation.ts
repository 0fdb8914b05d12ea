import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves together. */
const bytesMax = 8 * 1024 * 1024;
/** Four times what V8 needs to see; if it decides otherwise one day, its young generation is as it would have been. */
const survivorsMax = 200_000;
const survivorsPerLook = 500;

/**
 * Fixes V8's young generation at 2 × 4 MiB, for all that is loaded and done later. By itself it begins with 2 × 1 MiB and doubles whenever more
 * objects have survived than it holds, as the modules of the broker do, and the connections of a storm of clients; it ends with 2 × 16 MiB,
 * and stays so: with 9,000 idle connections that is a third of all memory they take. A broker gains nothing by it, because what it makes per
 * message dies at once. The bound itself can be given on node's command line only (`--max-semi-space-size`, which a package cannot do for
 * its command), but by how much it grows may be said at any time. So it is made to grow as far as it should, and no further.
 */
export function boundYoungGeneration(): void {
  const survivors: number[][] = [];
  while (youngBytes() < bytesMax && survivors.length < survivorsMax) {
    for (let count = 0; count < survivorsPerLook; count += 1) survivors.push([count]);
  }
  holdYoungGeneration();
}

/**
 * To be called again after a worker thread was started: V8 reads its flags anew for each, and takes 2 for a factor that is less.
 *
 * One thread collects: of so little only a third of a millisecond's work survives, and with helpers the event loop waits until the last of them
 * has had its turn on a core.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? bytesMax;
}
