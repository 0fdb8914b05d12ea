import { afterEach, expect, test } from 'vitest';
import { PointToPoint } from '../src/point-to-point.js';
import { type Fault, startRelay } from './relay.js';

let close: (() => void) | undefined;
afterEach(() => close?.());

async function loadThrough(fault?: Fault) {
  const relay = await startRelay(fault);
  close = relay.close;
  const load = { host: '127.0.0.1', port: relay.port, pairs: 3, burst: 4, window: 20, payloadBytes: 64, warmSeconds: 0.05, seconds: 0.3 };
  return new PointToPoint({ ...load, brokerPid: process.pid }).run();
}

test('a sound broker delivers everything in order, and costs something', async () => {
  const found = await loadThrough();
  expect(found.deliveries).toBeGreaterThan(100);
  expect(found.lost).toBe(0);
  expect(found.outOfOrder).toBe(0);
  expect(found.deliveriesPerSecond).toBeCloseTo(found.deliveries / found.seconds);
  expect(found.brokerCpuMicrosecondsPerDelivery).toBeGreaterThan(0);
  expect(found.generatorCpuShare).toBeGreaterThan(0);
});

test('two dropped messages are lost', async () => {
  const found = await loadThrough((index) => (index === 40 || index === 70 ? 'drop' : 'pass'));
  expect(found.lost).toBe(2);
  expect(found.outOfOrder).toBeGreaterThan(0);
});

test('a message that overtakes another is seen', async () => {
  const found = await loadThrough((index) => (index === 40 ? 'hold' : 'pass'));
  expect(found.lost).toBe(0);
  expect(found.outOfOrder).toBeGreaterThan(0);
});

test('a broker that closes ends the run with an error', async () => {
  const relay = await startRelay((index) => {
    if (index === 50) close?.();
    return 'pass';
  });
  close = relay.close;
  const load = { host: '127.0.0.1', port: relay.port, pairs: 1, burst: 1, window: 5, payloadBytes: 8, warmSeconds: 1, seconds: 1 };
  await expect(new PointToPoint({ ...load, brokerPid: process.pid }).run()).rejects.toThrow('closed the connection');
});
