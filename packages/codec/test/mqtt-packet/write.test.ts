import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ours, parseTheirs, theirs } from './both.js';

const publish = { cmd: 'publish', topic: 'a', payload: Buffer.alloc(50), qos: 0, dup: false, retain: false } as const;

/** A stream that counts what the destination gets at once. */
function countingStream(highWaterMark: number): { stream: Writable; writes: number[] } {
  const writes: number[] = [];
  const stream = new Writable({
    highWaterMark,
    writev(chunks, done) {
      writes.push(chunks.length);
      done();
    },
  });
  return { stream, writes };
}

describe('writeToStream', () => {
  test('writes the packet', () => {
    const stream = new PassThrough();
    expect(ours.writeToStream(publish, stream)).toBe(true);
    const written = stream.read() ?? undefined;
    stream.uncork();
    expect(written ?? stream.read()).toEqual(theirs.generate({ ...publish }));
  });

  test('gives all packets of one turn to the destination at once', async () => {
    const { stream, writes } = countingStream(1_000_000);
    for (let count = 0; count < 3; count++) ours.writeToStream(publish, stream);
    expect(writes).toEqual([]);
    await new Promise(setImmediate);
    expect(writes).toEqual([3]);
    ours.writeToStream(publish, stream);
    await new Promise(setImmediate);
    expect(writes).toEqual([3, 1]);
    expect(stream.writableCorked).toBe(0);
  });

  test('says when to wait for drain, for the same packets as mqtt-packet', async () => {
    const packets: ours.Packet[] = [
      { ...publish },
      { cmd: 'connect', clientId: 'a' },
      { cmd: 'connack', returnCode: 0, sessionPresent: false },
      { cmd: 'puback', messageId: 1 },
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
      { cmd: 'suback', messageId: 1, granted: [0] },
      { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] },
      { cmd: 'unsuback', messageId: 1, granted: [] },
      { cmd: 'pingreq' },
      { cmd: 'disconnect' },
    ];
    for (const packet of packets) {
      const mine = countingStream(1).stream;
      const drained = new Promise((resolve) => mine.once('drain', resolve));
      const result = ours.writeToStream(packet, mine);
      expect([packet.cmd, result]).toEqual([packet.cmd, theirs.writeToStream(packet, countingStream(1).stream)]);
      await drained;
      expect(ours.writeToStream(packet, countingStream(1_000_000).stream)).toBe(true);
    }
  });

  test('destroys the stream with the error of an invalid packet', async () => {
    const stream = new PassThrough();
    const error = new Promise<Error>((resolve) => stream.once('error', resolve));
    expect(ours.writeToStream({ cmd: 'puback' }, stream)).toBe(false);
    expect((await error).message).toBe('Invalid messageId');
    expect(stream.destroyed).toBe(true);
  });

  test('has the property that MQTT.js sets', () => {
    expect(ours.writeToStream.cacheNumbers).toBe(true);
    ours.writeToStream.cacheNumbers = false;
    expect(ours.writeToStream.cacheNumbers).toBe(false);
    ours.writeToStream.cacheNumbers = true;
  });
});

describe('generate throws the error of mqtt-packet for', () => {
  test.each([
    [{ cmd: 'nothing' }],
    [{ cmd: 'connect', clientId: 'a', protocolId: 42 }],
    [{ cmd: 'connect', clientId: 'a', protocolVersion: 6 }],
    [{ cmd: 'connect', clientId: '', protocolId: 'MQIsdp', protocolVersion: 3 }],
    [{ cmd: 'connect', clientId: '', clean: false }],
    [{ cmd: 'connect', clientId: 'a', keepalive: '10' }],
    [{ cmd: 'connect', clientId: 'a', will: 'no' }],
    [{ cmd: 'connect', clientId: 'a', will: { topic: 42 } }],
    [{ cmd: 'connect', clientId: 'a', will: { topic: 'a', payload: 42 } }],
    [{ cmd: 'connect', clientId: 'a', username: 42 }],
    [{ cmd: 'connect', clientId: 'a', username: 'a', password: 42 }],
    [{ cmd: 'connack', sessionPresent: false }],
    [{ cmd: 'publish', payload: 'a' }],
    [{ cmd: 'publish', topic: 'a', payload: 'a', qos: 1 }],
    [{ cmd: 'pubrel' }],
    [{ cmd: 'subscribe', messageId: 1 }],
    [{ cmd: 'subscribe', messageId: 1, subscriptions: [] }],
    [{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 1, qos: 0 }] }],
    [{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a' }] }],
    [{ cmd: 'suback', messageId: 1, granted: [] }],
    [{ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [1] }],
    [{ cmd: 'auth', reasonCode: 0 }],
  ])('%j', (packet) => {
    let message = '';
    try {
      theirs.generate(packet as never);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).not.toBe('');
    expect(() => ours.generate(packet as never)).toThrow(message);
  });

  test.each([
    [{ nl: 1 }, 'Invalid subscriptions - invalid No Local'],
    [{ rap: 1 }, 'Invalid subscriptions - invalid Retain as Published'],
    [{ rh: 3 }, 'Invalid subscriptions - invalid Retain Handling'],
  ])('subscription option %j', (option, message) => {
    const packet = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0, ...option }] } as never;
    expect(() => theirs.generate(packet, { protocolVersion: 5 })).toThrow(message);
    expect(() => ours.generate(packet, { protocolVersion: 5 })).toThrow(message);
  });

  test.each([[{ payloadFormatIndicator: 1 }], [{ contentType: 5 }], [{ userProperties: 'no' }], [{ what: 1 }]])(
    'property %j',
    (properties) => {
      const packet = { ...publish, properties } as never;
      const message = `${Object.keys(properties)[0]}: ${String(Object.values(properties)[0])}`;
      expect(() => theirs.generate(packet, { protocolVersion: 5 })).toThrow(message);
      expect(() => ours.generate(packet, { protocolVersion: 5 })).toThrow(message);
    },
  );
});

describe("the receiver's maximum packet size [MQTT-3.4.2-2] [MQTT-3.4.2-3]", () => {
  const properties = { reasonString: 'r'.repeat(20), userProperties: { name: 'v'.repeat(20) } };
  const puback = { cmd: 'puback', messageId: 1, reasonCode: 0x10, properties } as const;

  function generated(maximumPacketSize: number): Record<string, unknown> | undefined {
    const bytes = ours.generate(puback, { protocolVersion: 5, properties: { maximumPacketSize } });
    expect(bytes.length).toBeLessThanOrEqual(maximumPacketSize);
    return parseTheirs({ protocolVersion: 5 }, bytes).packets[0];
  }

  test('takes away the reason string, then the user properties, then the packet', () => {
    const size = ours.generate(puback, { protocolVersion: 5 }).length;
    expect(generated(size)?.['properties']).toHaveProperty('reasonString');
    expect(generated(size - 1)?.['properties']).toEqual({ userProperties: properties.userProperties });
    expect(generated(30)?.['properties']).toBeUndefined();
    expect(generated(5)).toMatchObject({ cmd: 'puback', messageId: 1, reasonCode: 0x10 });
    expect(generated(4)).toBeUndefined();
  });

  test("does not change the caller's packet, and writes nothing where nothing fits", () => {
    const { stream, writes } = countingStream(100);
    expect(ours.writeToStream(puback, stream, { protocolVersion: 5, properties: { maximumPacketSize: 4 } })).toBe(false);
    expect(writes).toEqual([]);
    expect(puback.properties).toHaveProperty('reasonString');
  });
});
