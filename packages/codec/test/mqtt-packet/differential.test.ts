import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ours, parseOurs, parseTheirs, theirs } from './both.js';
import { type Sent, sent } from './packet-arbitraries.js';

const runs = 3_000;

function theirBytes({ packet, protocolVersion }: Sent): Buffer {
  return theirs.generate(packet, { protocolVersion });
}

describe('every valid packet', () => {
  test('has the same shape from both parsers', () => {
    fc.assert(
      fc.property(sent, (one) => {
        const options = { protocolVersion: one.protocolVersion };
        const bytes = theirBytes(one);
        const parsed = parseOurs(options, bytes);
        assert.deepStrictEqual(parsed, parseTheirs(options, bytes));
        assert.equal(parsed.packets.length, 1);
      }),
      { numRuns: runs },
    );
  });

  test('means the same to mqtt-packet whoever generated it', () => {
    fc.assert(
      fc.property(sent, ({ packet, protocolVersion }) => {
        const options = { protocolVersion };
        const fromOurs = parseTheirs(options, ours.generate(packet, options));
        const fromTheirs = parseTheirs(options, theirBytes({ packet, protocolVersion }));
        assert.equal(fromOurs.error, undefined);
        // Where a reason code and an empty property list may be left out, this generator leaves them out.
        for (const parsed of [fromOurs, fromTheirs]) for (const one of parsed.packets) delete one['length'];
        assert.deepStrictEqual(fromOurs, fromTheirs);
      }),
      { numRuns: runs },
    );
  });

  test('is parsed alike however the stream is cut, and as many bytes are left', () => {
    fc.assert(
      fc.property(sent, fc.array(fc.nat(400), { maxLength: 6 }), fc.nat(400), ({ packet, protocolVersion }, cuts, lastLength) => {
        const options = { protocolVersion };
        const bytes = theirBytes({ packet, protocolVersion });
        const stream = Buffer.concat([bytes, bytes, bytes.subarray(0, Math.min(lastLength, bytes.length - 1))]);
        const ends = [...cuts.filter((cut) => cut < stream.length), stream.length].sort((a, b) => a - b);
        const chunks = ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
        const bytewise = Array.from(stream, (byte) => Uint8Array.of(byte));
        const whole = parseTheirs(options, stream);
        assert.equal(whole.packets.length, 2);
        assert.deepStrictEqual(parseOurs(options, stream), whole);
        assert.deepStrictEqual(parseOurs(options, ...chunks), whole);
        assert.deepStrictEqual(parseOurs(options, ...bytewise), whole);
      }),
      { numRuns: 1_000 },
    );
  });
});

test('a CONNECT sets the version and the bridge mode of what follows, whatever the options said', () => {
  const subscribe = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1, nl: false, rap: false, rh: 0 }] } as const;
  for (const [connect, protocolVersion] of [
    [{ cmd: 'connect', clientId: 'a', protocolVersion: 5 }, 5],
    [{ cmd: 'connect', clientId: 'a', protocolVersion: 4, bridgeMode: true }, 4],
    [{ cmd: 'connect', clientId: 'a', protocolId: 'MQIsdp', protocolVersion: 3, bridgeMode: true }, 3],
  ] as const) {
    const options = { protocolVersion };
    const stream = Buffer.concat([
      theirs.generate(connect as theirs.Packet, options),
      theirs.generate({ ...subscribe, subscriptions: [...subscribe.subscriptions] }, options),
    ]);
    for (const given of [{}, { protocolVersion: 4 }, { protocolVersion: 5 }]) {
      const parsed = parseOurs(given, stream);
      expect(parsed.packets).toHaveLength(2);
      assert.deepStrictEqual(parsed, parseTheirs(given, stream));
    }
  }
});

test('generate makes the same bytes for packets without options', () => {
  const packets: ours.Packet[] = [
    { cmd: 'connect', clientId: '' },
    { cmd: 'connack', returnCode: 0, sessionPresent: true },
    { cmd: 'publish', topic: 'a/b', payload: 'text', qos: 2, dup: true, retain: true, messageId: 513 },
    { cmd: 'puback', messageId: 2 },
    { cmd: 'pubrec', messageId: 3 },
    { cmd: 'pubrel', messageId: 4 },
    { cmd: 'pubcomp', messageId: 5 },
    { cmd: 'subscribe', messageId: 6, subscriptions: [{ topic: 'a/+', qos: 2 }] },
    { cmd: 'suback', messageId: 7, granted: [0, 128] },
    { cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['#', 'b'] },
    { cmd: 'unsuback', messageId: 9, granted: [] },
    { cmd: 'pingreq' },
    { cmd: 'pingresp' },
    { cmd: 'disconnect' },
  ];
  for (const packet of packets) expect(ours.generate(packet)).toEqual(theirs.generate(packet));
});

test('text may be bytes and bytes may be text', () => {
  const connect = {
    cmd: 'connect',
    clientId: Buffer.from('é'),
    username: Buffer.from('user'),
    password: 'secret',
    will: { topic: 'w', payload: 'gone' },
  } as unknown as ours.Packet;
  const publish = { cmd: 'publish', topic: Buffer.from('täpik'), payload: 'ö' } as unknown as ours.Packet;
  for (const packet of [connect, publish]) expect(ours.generate(packet)).toEqual(theirs.generate(packet));
});
