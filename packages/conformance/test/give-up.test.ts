import { expect, test } from 'vitest';
import { overTcp } from '../src/index.js';
import { WireContext } from '../src/wire-context.js';
import { MiniBroker } from './mini-broker.js';

test('a test that was given up opens nothing any more, not even after the cleaning', async () => {
  const broker = await MiniBroker.start();
  const target = { name: 'mini', connect: overTcp(broker.port), settings: {} };
  const context = new WireContext(5, target, 1000);
  await context.connect({ persistent: true });
  context.retainedTopic();
  const opening = context.connect();
  context.giveUp();
  await expect(opening).rejects.toThrow();
  await context.cleanUp();
  const { connections } = broker;
  // The session and the retained message took a connection each.
  expect(connections).toBe(4);
  await expect(context.connect({ persistent: true })).rejects.toThrow('given up');
  expect(broker.connections).toBe(connections);
  await broker.stop();
});
