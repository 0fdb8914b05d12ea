import { afterEach, expect, test } from 'vitest';
import { Backlog } from '../src/generator/backlog.js';
import { noFaults } from '../src/generator/integrity.js';
import { type TrafficLoad } from '../src/generator/load.js';
import { type Fault, startRelay } from './relay.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function backlogThrough(fault?: Fault): Promise<Backlog> {
  const relay = await startRelay(fault);
  const load: TrafficLoad = {
    host: '127.0.0.1',
    port: relay.port,
    protocolVersion: 5,
    pattern: 'p2p',
    publishers: 3,
    subscribers: 3,
    qos: 1,
    burst: 4,
    window: 20,
    sessionExpiryInterval: 60,
    payloadBytes: 64,
    properties: false,
  };
  const backlog = new Backlog(load, 50, { process: 0, processes: 1 });
  closing.push(relay.close, () => backlog.close());
  await backlog.open();
  return backlog;
}

test('what was published to absent clients is fetched once, whole and in order, again and again', async () => {
  const backlog = await backlogThrough();
  for (let round = 0; round < 2; round++) {
    await backlog.fill();
    expect(await backlog.drain()).toEqual(noFaults());
  }
});

test('a message that was dropped meanwhile is lost', async () => {
  // The gap before a later message of the same publisher is seen at once.
  const backlog = await backlogThrough((index) => (index === 10 ? 'drop' : 'pass'));
  await backlog.fill();
  expect(await backlog.drain()).toEqual({ ...noFaults(), lost: 1 });
});

test('a message that comes twice is seen', async () => {
  const backlog = await backlogThrough((index) => (index === 10 ? 'repeat' : 'pass'));
  await backlog.fill();
  expect(await backlog.drain()).toEqual({ ...noFaults(), duplicated: 1 });
});
