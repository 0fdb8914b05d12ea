import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { PacketReader } from '../src/generator/packet-reader.js';
import { connectPacket, disconnectPacket, type ProtocolVersion, publishBurst, subscribePacket } from '../src/generator/packets.js';
import { PayloadCheck, payloadOf, readPublisher, readSequence, readTime, writeHeader } from '../src/generator/payload.js';

const versions: readonly ProtocolVersion[] = [4, 5];

/** As the independent codec reads it. */
function parsed(bytes: Buffer, protocolVersion: ProtocolVersion): Packet[] {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    throw error;
  });
  expect(parser.parse(bytes)).toBe(0);
  return packets;
}

test('a session that outlives its connection is asked for as another codec reads it', () => {
  const [v5] = parsed(connectPacket('a', 5, 3600), 5);
  expect(v5).toMatchObject({ clean: false, clientId: 'a', properties: { sessionExpiryInterval: 3600 } });
  const [v4] = parsed(connectPacket('a', 4, 3600), 4);
  expect(v4).toMatchObject({ clean: false, clientId: 'a', protocolVersion: 4 });
});

test.each(versions)('the packets of version %i are what another codec reads', (version) => {
  const bytes = Buffer.concat([connectPacket('a', version, 0), subscribePacket(['b/c', 'd'], 1, version), disconnectPacket]);
  const [connect, subscribe, disconnect] = parsed(bytes, version);
  expect(connect).toMatchObject({ cmd: 'connect', clientId: 'a', clean: true, protocolVersion: version, keepalive: 300 });
  expect(subscribe).toMatchObject({
    cmd: 'subscribe',
    subscriptions: [
      { topic: 'b/c', qos: 1 },
      { topic: 'd', qos: 1 },
    ],
  });
  expect(disconnect).toMatchObject({ cmd: 'disconnect' });
});

const bursts = [
  { version: 4, qos: 0, properties: false },
  { version: 4, qos: 2, properties: true },
  { version: 5, qos: 0, properties: false },
  { version: 5, qos: 1, properties: true },
] as const;

test.each(bursts)('a burst has its fields where it says: %j', (shape) => {
  const burst = publishBurst({ topicName: 't/1', payload: payloadOf(3, 300), ...shape }, 3);
  for (let i = 0; i < 3; i++) {
    writeHeader(burst.view, i * burst.packetBytes + burst.payloadOffset, 7 + i, 3, 12.5);
    if (shape.qos > 0) burst.view.setUint16(i * burst.packetBytes + burst.packetIdOffset, 500 + i);
  }
  const packets = parsed(burst.bytes, shape.version) as IPublishPacket[];
  expect(packets).toHaveLength(3);
  for (const [i, packet] of packets.entries()) {
    expect(packet).toMatchObject({ topic: 't/1', qos: shape.qos, retain: false, dup: false });
    if (shape.qos > 0) expect(packet.messageId).toBe(500 + i);
    if (shape.version === 5 && shape.properties) {
      expect(packet.properties).toMatchObject({
        messageExpiryInterval: 3600,
        contentType: 'application/json',
        responseTopic: 'bench/answers/1',
      });
    }
    const payload = Buffer.from(packet.payload as Buffer);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    expect([readSequence(view, 0), readPublisher(view, 0), readTime(view, 0)]).toEqual([7 + i, 3, 12.5]);
    expect(new PayloadCheck(4, 300).isSound(payload, view, 0, 300)).toBe(true);
  }
});

test('every changed byte of a payload is noticed, of small ones and large ones', () => {
  for (const size of [16, 17, 64, 259, 1000]) {
    const payload = payloadOf(1, size);
    const view = new DataView(payload.buffer);
    writeHeader(view, 0, 99, 1, 4.25);
    const check = new PayloadCheck(3, size);
    expect(check.isSound(payload, view, 0, size)).toBe(true);
    expect(check.isSound(payload, view, 0, size - 1)).toBe(false);
    for (let at = 0; at < size; at++) {
      payload[at] ^= 0x04;
      expect(check.isSound(payload, view, 0, size), `byte ${at} of ${size}`).toBe(false);
      payload[at] ^= 0x04;
    }
  }
});

test('payloads of two publishers differ', () => {
  expect(payloadOf(0, 64).equals(payloadOf(1, 64))).toBe(false);
});

test.each(versions)('any split of what a broker sends is read alike, version %i', (version) => {
  const { bytes: publishes } = publishBurst({ topicName: 't/1', payload: payloadOf(0, 200), qos: 1, version, properties: true }, 3);
  const generate = (packet: Parameters<typeof mqttPacket.generate>[0]): Buffer => mqttPacket.generate(packet, { protocolVersion: version });
  const bytes = Buffer.concat([
    generate({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false }),
    generate({ cmd: 'suback', messageId: 1, granted: [0, 1] }),
    publishes,
    generate({ cmd: 'puback', messageId: 300, reasonCode: version === 5 ? 0x10 : 0 }),
    generate({ cmd: 'pubcomp', messageId: 301, reasonCode: 0 }),
  ]);
  const receiver = (seen: string[]) => ({
    connack: (code: number) => seen.push(`connack ${code}`),
    suback: (packetId: number, codes: Buffer) => seen.push(`suback ${packetId} ${codes.join(' ')}`),
    acknowledgement: (type: number, packetId: number, code: number) => seen.push(`${type} ${packetId} ${code}`),
    delivery: (qos: number, packetId: number, chunk: Buffer, _view: DataView, from: number, to: number) =>
      seen.push(`delivery ${qos} ${packetId} ${chunk.subarray(from, to).equals(payloadOf(0, 200))}`),
    disconnect: (code: number) => seen.push(`disconnect ${code}`),
  });
  const delivery = 'delivery 1 0 true';
  const expected = ['connack 0', 'suback 1 0 1', delivery, delivery, delivery, `4 300 ${version === 5 ? 16 : 0}`, '7 301 0'];
  for (let cut = 0; cut <= bytes.length; cut++) {
    const seen: string[] = [];
    const reader = new PacketReader(receiver(seen), version);
    // The chunk is written over after the call, as the generator's shared read buffer is.
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut, cut + 90), bytes.subarray(cut + 90)]) {
      const chunk = Buffer.from(new ArrayBuffer(part.length));
      part.copy(chunk);
      reader.read(chunk, new DataView(chunk.buffer), chunk.length);
      chunk.fill(0);
    }
    expect(seen).toEqual(expected);
  }
});
