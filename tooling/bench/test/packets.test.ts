import mqttPacket, { type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { PacketReader } from '../src/packet-reader.js';
import { connectPacket, disconnectPacket, numberBurst, publishBurst, subscribePacket } from '../src/packets.js';

/** As the independent codec reads it. */
function parsed(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    throw error;
  });
  expect(parser.parse(bytes)).toBe(0);
  return packets;
}

test('the packets are what another codec reads', () => {
  const [connect, subscribe, disconnect] = parsed(Buffer.concat([connectPacket('a'), subscribePacket('b/c'), disconnectPacket]));
  expect(connect).toMatchObject({ cmd: 'connect', clientId: 'a', clean: true, protocolVersion: 4, keepalive: 300 });
  expect(subscribe).toMatchObject({ cmd: 'subscribe', subscriptions: [{ topic: 'b/c', qos: 0 }] });
  expect(disconnect).toMatchObject({ cmd: 'disconnect' });
});

test('a burst carries consecutive sequence numbers, and wraps at 32 bits', () => {
  const burst = publishBurst('t/1', 300, 3);
  numberBurst(burst, 0xffff_fffe, 3);
  const packets = parsed(burst.bytes);
  expect(packets.map((packet) => packet.cmd === 'publish' && Buffer.from(packet.payload as Buffer).readUInt32BE())).toEqual([
    0xffff_fffe, 0xffff_ffff, 0,
  ]);
  for (const packet of packets) expect(packet).toMatchObject({ topic: 't/1', qos: 0, retain: false, dup: false });
});

test('any split of what a broker sends is read alike', () => {
  const burst = publishBurst('t/1', 200, 3);
  numberBurst(burst, 7, 3);
  const connack = mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false });
  const suback = mqttPacket.generate({ cmd: 'suback', messageId: 1, granted: [0] });
  const bytes = Buffer.concat([connack, suback, burst.bytes]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const seen: string[] = [];
    const reader = new PacketReader({
      connack: (code) => seen.push(`connack ${code}`),
      suback: (code) => seen.push(`suback ${code}`),
      delivery: (sequence) => seen.push(`delivery ${sequence}`),
    });
    // The chunk is written over after the call, as the generator's shared read buffer is.
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      const chunk = Buffer.from(part);
      reader.read(chunk);
      chunk.fill(0);
    }
    expect(seen).toEqual(['connack 0', 'suback 0', 'delivery 7', 'delivery 8', 'delivery 9']);
  }
});
