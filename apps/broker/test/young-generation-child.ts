import { once } from 'node:events';
import { getHeapSpaceStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { boundYoungGeneration, holdYoungGeneration } from '../src/young-generation.js';

// In a process of its own, because the young generation never shrinks and the tests before it have made it grow.
const young = (): number => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')!.space_size;

boundYoungGeneration();
const bound = young();
await once(new Worker('', { eval: true }), 'exit');
holdYoungGeneration();
const survivors = Array.from({ length: 1_000_000 }, (_, count) => ({ list: [count] }));
process.stdout.write(JSON.stringify({ bound, later: young(), survivors: survivors.length }));
