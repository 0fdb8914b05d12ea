import { EventEmitter } from 'node:events';
import { getHeapSpaceStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { boundYoungGeneration } from '../src/young-generation.js';

const young = (): number => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')!.space_size;

describe('the young generation', () => {
  it('grows no more once connections have filled 8 MiB, and then nobody looks at it any longer', () => {
    const events = new EventEmitter<{ connected: [] }>();
    boundYoungGeneration(events);
    const survivors: object[] = [];
    let bytesWhenBound = 0;
    for (let connection = 0; connection < 20_000; connection += 1) {
      for (let count = 0; count < 30; count += 1) survivors.push({ connection, list: [count] });
      events.emit('connected');
      if (bytesWhenBound === 0 && events.listenerCount('connected') === 0) bytesWhenBound = young();
    }
    expect(survivors).toHaveLength(600_000);
    expect(bytesWhenBound).toBeGreaterThanOrEqual(8 * 1024 * 1024);
    expect(young()).toBeLessThanOrEqual(bytesWhenBound);
  });
});
