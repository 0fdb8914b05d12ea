import { describe, expect, test } from 'vitest';
import { nameOf, runWireTest, wireTests } from '../src/index.js';
import { badServers, badTarget } from './bad-servers.js';

describe('no wire test passes on a server that', () => {
  for (const [name, behaviour] of Object.entries(badServers)) {
    test(name, async () => {
      const { target, stop } = await badTarget(name, behaviour);
      const verdicts = await Promise.all(
        wireTests.map(async (one) => ({ one, ...(await runWireTest(one, target, { timeoutMilliseconds: 100 })) })),
      );
      await stop();
      expect(verdicts.filter(({ verdict }) => verdict === 'holds').map(({ one }) => `${one.version} ${nameOf(one)}`)).toEqual([]);
      expect(verdicts.filter(({ verdict }) => verdict === 'notConfigurable')).toEqual([]);
      expect(verdicts.filter(({ verdict }) => verdict === 'broken').length).toBeGreaterThan(wireTests.length - 5);
    });
  }
});
