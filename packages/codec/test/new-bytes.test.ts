import { expect, test } from 'vitest';
import { encode } from '../src/index.js';

const publish = (payloadLength: number): Uint8Array =>
  encode(
    {
      type: 'publish',
      dup: false,
      qos: 0,
      retain: false,
      topicName: 'a/b',
      packetId: 0,
      payload: new Uint8Array(payloadLength).fill(payloadLength),
    },
    4,
  );

test('no two packets have a byte in common, whatever their length', () => {
  const lengths = Array.from({ length: 300 }, (_, index) => (index * 37) % 1200);
  const packets = lengths.map(publish);
  const ranges = new Map<ArrayBufferLike, Uint8Array[]>();
  for (const packet of packets) ranges.set(packet.buffer, [...(ranges.get(packet.buffer) ?? []), packet]);
  expect(ranges.size).toBeLessThan(packets.length);
  for (const sharing of ranges.values()) {
    sharing.sort((a, b) => a.byteOffset - b.byteOffset);
    for (let index = 1; index < sharing.length; index += 1) {
      expect(sharing[index].byteOffset).toBeGreaterThanOrEqual(sharing[index - 1].byteOffset + sharing[index - 1].length);
    }
  }
  expect(packets.map((packet) => packet.at(-1))).toEqual(lengths.map((length) => (length === 0 ? 0x62 : length & 0xff)));
});

test('a packet that is not small has an array of its own', () => {
  for (const length of [2000, 100_000]) expect(publish(length).buffer.byteLength).toBeLessThan(length + 20);
});
