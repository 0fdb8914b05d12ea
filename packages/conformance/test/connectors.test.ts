import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { overUrl, runWireTest, type Target, wireTests } from '../src/index.js';

describe('a URL', () => {
  for (const [url, problem] of [
    ['localhost:1883', 'is no URL with mqtt://'],
    ['http://localhost', 'is no URL with mqtt://'],
    ['mqtt://', 'names no host'],
    ['mqtt://localhost:99999', 'is no URL'],
    ['mqtt://u:p@localhost', 'do not belong in the URL'],
    ['mqtts://localhost/mqtt', 'only ws:// and wss:// have a path'],
  ]) {
    test(`${url} is refused`, () => {
      expect(() => overUrl(url)).toThrow(RangeError);
      expect(() => overUrl(url)).toThrow(problem);
    });
  }
});

/** Accepts every connection with these properties of CONNACK, and is silent otherwise. */
function announcing(...properties: number[]): Target {
  const connect = () => {
    const [client, server] = duplexPair();
    server.once('data', () => server.write(Buffer.of(0x20, 3 + properties.length, 0, 0, properties.length, ...properties)));
    return Promise.resolve(client);
  };
  return { name: 'announcing', connect, settings: {} };
}

describe('a test that needs what CONNACK says is missing is not observed', () => {
  for (const [what, properties, title] of [
    ['QoS 2', [0x24, 1], 'repeated before PUBREL'],
    ['retained messages', [0x25, 0], 'a retained message'],
    ['wildcards', [0x28, 0], '+ '],
    ['shared subscriptions', [0x2a, 0], 'one member gets each message'],
    ['Subscription Identifiers', [0x29, 0], 'Subscription Identifier'],
    ['sessions', [0x11, 0, 0, 0, 0], 'session'],
  ] as const) {
    test(what, async () => {
      const some = wireTests.filter((one) => one.version === 5 && one.title.includes(title));
      const verdicts = await Promise.all(some.map((one) => runWireTest(one, announcing(...properties), { timeoutMilliseconds: 100 })));
      expect(verdicts.map(({ verdict }) => verdict)).toContain('notObserved');
    });
  }
});

test('a test that hangs is given up, and so is one that is stopped', async () => {
  const ping = wireTests.find(({ version, ids }) => version === 5 && ids.includes('MQTT-3.12.4-1'))!;
  const hanging: Target = { name: 'hanging', connect: () => new Promise(() => undefined), settings: {} };
  expect(await runWireTest(ping, hanging, { timeoutMilliseconds: 50 })).toMatchObject({
    verdict: 'broken',
    reason: 'no connection within 50 ms',
  });
  expect(await runWireTest(ping, announcing(), { testMillisecondsMax: 100 })).toMatchObject({
    verdict: 'broken',
    reason: 'the test did not end within 0.1 seconds',
  });
  const reason = new Error('enough');
  await expect(runWireTest(ping, announcing(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 50);
  await expect(runWireTest(ping, announcing(), { signal: controller.signal })).rejects.toBe(reason);
});
