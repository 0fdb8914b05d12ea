import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { hex, ours, parseOurs, type theirs } from './both.js';

const pingreq = hex('c0 00');

describe('an error', () => {
  test('stops the parser until the next call, which forgets what was left', () => {
    const parser = ours.parser();
    const packets: unknown[] = [];
    const errors: Error[] = [];
    parser.on('packet', (packet) => packets.push(packet.cmd));
    parser.on('error', (error) => errors.push(error));
    parser.parse(Buffer.concat([pingreq, hex('00 00'), pingreq]));
    expect(packets).toEqual(['pingreq']);
    expect(errors).toHaveLength(1);
    expect(parser.parse(pingreq)).toBe(0);
    expect(packets).toEqual(['pingreq', 'pingreq']);
    expect(errors).toHaveLength(1);
  });

  test('carries the reason code that a v5 DISCONNECT would name', () => {
    expect(parseOurs({ protocolVersion: 5 }, hex('30 07 00 01 61 03 23 00 00')).error).toMatchObject({ reasonCode: 0x94 });
  });

  test('is thrown when nobody listens', () => {
    expect(() => ours.parser().parse(hex('00 00'))).toThrow('packet type 0');
  });

  test('comes with the first byte, not when the packet is complete', () => {
    expect(parseOurs({}, hex('41')).error).toBeInstanceOf(Error);
    expect(parseOurs({ protocolVersion: 4 }, hex('f0')).error).toBeInstanceOf(Error);
  });

  test('comes with the fifth byte of a fixed header that has no end', () => {
    const parsed = parseOurs({}, hex('30 ff ff ff'), hex('ff'));
    expect(parsed.error?.message).toContain('more than four bytes');
  });
});

describe('the direction', () => {
  const fromServer = hex('30 06 00 01 61 02 0b 01'); // a subscription identifier
  const fromClient = hex('e0 07 00 05 11 00 00 00 01'); // a session expiry interval
  const v5 = { protocolVersion: 5 };

  test('is open at first: packets of either side are parsed', () => {
    expect(parseOurs(v5, fromServer).packets).toHaveLength(1);
    expect(parseOurs(v5, fromClient).packets).toHaveLength(1);
    expect(parseOurs(v5, hex('f0 05 19 03 15 00 00')).packets).toMatchObject([{ cmd: 'auth', reasonCode: 0x19 }]);
  });

  test('is settled by the first packet that only one side sends', () => {
    expect(parseOurs(v5, pingreq, fromServer).error).toMatchObject({ reasonCode: 0x82 }); // [MQTT-3.3.4-6]
    expect(parseOurs(v5, hex('d0 00'), fromClient).error).toMatchObject({ reasonCode: 0x82 }); // [MQTT-3.14.2-2]
    expect(parseOurs(v5, pingreq, fromClient).packets).toHaveLength(2);
    expect(parseOurs(v5, hex('d0 00'), fromServer).packets).toHaveLength(2);
  });
});

test('many chunks of one large packet cost one copy', () => {
  const payload = Buffer.alloc(3_000_000, 'x');
  const bytes = ours.generate({ cmd: 'publish', topic: 'a', payload, qos: 0, dup: false, retain: false });
  const parser = ours.parser();
  const received: ours.Packet[] = [];
  parser.on('packet', (packet) => received.push(packet));
  const start = performance.now();
  for (let at = 0; at < bytes.length; at += 10) parser.parse(bytes.subarray(at, at + 10));
  // 300,000 chunks. Copying what is there for each would move 450 GB.
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(received).toHaveLength(1);
  expect(payload.equals((received[0] as ours.IPublishPacket).payload as Buffer)).toBe(true);
});

test('a packet in one chunk is not copied', () => {
  const chunk = hex('30 06 00 01 61 01 02 03');
  const parser = ours.parser();
  let payload: unknown;
  parser.on('packet', (packet) => {
    payload = (packet as ours.IPublishPacket).payload;
  });
  parser.parse(chunk);
  expect((payload as Buffer).buffer).toBe(chunk.buffer);
});

test('a listener may parse more, and sees the packets in order', () => {
  const parser = ours.parser();
  const ids: unknown[] = [];
  parser.on('packet', (packet) => {
    ids.push(packet.messageId);
    if (packet.messageId === 1) parser.parse(hex('40 02 00 03'));
  });
  parser.parse(hex('40 02 00 01 40 02 00 02'));
  expect(ids).toEqual([1, 2, 3]);
});

describe('bytes are', () => {
  const publish = hex('30 06 00 01 61 01 02 03');

  function payloadOf(chunk: Uint8Array): Uint8Array {
    const parser = ours.parser();
    let payload: unknown;
    parser.on('packet', (packet) => {
      payload = (packet as ours.IPublishPacket).payload;
    });
    parser.parse(chunk);
    return payload as Uint8Array;
  }

  test('Buffers where there is a Buffer, even for chunks that are none', () => {
    expect(Buffer.isBuffer(payloadOf(new Uint8Array(publish)))).toBe(true);
    expect(payloadOf(new Uint8Array(publish))).toEqual(Buffer.of(1, 2, 3));
    expect(Buffer.isBuffer(ours.generate({ cmd: 'pingreq' }))).toBe(true);
  });

  test("of the chunk's class where a bundler has a Buffer and the page has none", () => {
    const polyfill = Buffer.from(publish);
    vi.stubGlobal('Buffer', undefined);
    const payload = payloadOf(polyfill);
    vi.unstubAllGlobals();
    expect(Buffer.isBuffer(payload)).toBe(true);
  });

  test('Uint8Arrays where there is no Buffer at all', () => {
    const chunk = new Uint8Array(publish);
    vi.stubGlobal('Buffer', undefined);
    const payload = payloadOf(chunk);
    const generated = ours.generate({ cmd: 'pingreq' });
    vi.unstubAllGlobals();
    expect(payload.constructor).toBe(Uint8Array);
    expect(payload).toEqual(Uint8Array.of(1, 2, 3));
    expect(generated.constructor).toBe(Uint8Array);
  });
});

test('the emitter is that of Node as far as parsers need it', () => {
  const parser = ours.parser();
  const calls: string[] = [];
  const listener = (): void => void calls.push('on');
  const once = (): void => void calls.push('once');
  expect(parser.on('packet', listener)).toBe(parser);
  parser
    .once('packet', once)
    .addListener('packet', listener)
    .prependListener('packet', () => calls.push('first'));
  expect(parser.listenerCount('packet')).toBe(4);
  parser.parse(pingreq);
  expect(calls).toEqual(['first', 'on', 'once', 'on']);
  expect(parser.listeners('packet')).toHaveLength(3);
  parser.off('packet', listener).removeListener('packet', listener).off('packet', once);
  expect(parser.listenerCount('packet')).toBe(1);
  expect(parser.eventNames()).toEqual(['packet']);
  parser.removeAllListeners('packet');
  expect(parser.emit('packet', {})).toBe(false);
  expect(parser.listenerCount('packet')).toBe(0);
  expect(() => parser.emit('error', new Error('mine'))).toThrow('mine');
});

test('the types are those of mqtt-packet', () => {
  expectTypeOf<ours.Packet>().toExtend<theirs.Packet>();
  expectTypeOf<theirs.Packet>().toExtend<ours.Packet>();
  expectTypeOf<ours.IPublishPacket['payload']>().toEqualTypeOf<string | Buffer>();
  expectTypeOf(ours.generate).returns.toExtend<Buffer>();
  expectTypeOf<NodeJS.WritableStream>().toExtend<ours.PacketStream>();
  expectTypeOf<Parameters<typeof theirs.generate>>().toExtend<Parameters<typeof ours.generate>>();
});
