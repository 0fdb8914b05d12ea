import { Duplex } from 'node:stream';
import { runWireTest, type Target, wireTests } from '@si-mqtt/conformance';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTarget } from './conformance-target.js';

/** Changes one packet of the server; undefined drops it. `position` is where the variable header begins. */
type Fault = (packet: Buffer, position: number) => Buffer | undefined;

const types = { connack: 2, publish: 3, pubcomp: 7, suback: 9, unsuback: 11, pingresp: 13, disconnect: 14 } as const;

/** A fault in packets of one type only. */
function inType(type: keyof typeof types, fault: Fault): Fault {
  return (packet, position) => (packet[0] >> 4 === types[type] ? fault(packet, position) : packet);
}

function withByte(packet: Buffer, position: number, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(packet);
  changed[position] = change(changed[position]);
  return changed;
}

const firstByte = (change: (byte: number) => number): Fault => inType('publish', (packet) => withByte(packet, 0, change));
const hasQos = (byte: number) => (byte & 0x06) !== 0;
const afterTopic = (packet: Buffer, position: number) => position + 2 + packet.readUInt16BE(position);

/** Deliberate faults, each with a statement of 5.0 whose tests must notice it. */
const faults: readonly (readonly [title: string, id: string, fault: Fault])[] = [
  ['DUP is lost on what is sent again', 'MQTT-3.3.1-1', firstByte((byte) => byte & ~0x08)],
  ['DUP is set on new messages', 'MQTT-4.3.2-2', firstByte((byte) => (hasQos(byte) ? byte | 0x08 : byte))],
  ['Session Present is always 0', 'MQTT-3.1.2-5', inType('connack', (packet, position) => withByte(packet, position, () => 0))],
  ['SUBACK codes come in another order', 'MQTT-3.9.3-1', inType('suback', (packet, position) => reversedCodes(packet, position))],
  ['UNSUBACK says success for unknown filters', 'MQTT-3.11.3-1', inType('unsuback', (packet) => zeroCodes(packet))],
  [
    'PUBCOMP has another identifier',
    'MQTT-4.3.3-11',
    inType('pubcomp', (packet, position) => withByte(packet, position, (byte) => byte ^ 1)),
  ],
  ['RETAIN is lost on retained messages', 'MQTT-3.3.1-9', firstByte((byte) => byte & ~0x01)],
  ['RETAIN is set on live messages', 'MQTT-3.3.1-12', firstByte((byte) => byte | 0x01)],
  ['every message comes twice', 'MQTT-3.8.4-3', inType('publish', (packet) => Buffer.concat([packet, packet]))],
  ['a takeover closes without DISCONNECT', 'MQTT-3.1.4-3', inType('disconnect', () => undefined)],
  [
    'DISCONNECT has another reason code',
    'MQTT-3.1.4-3',
    inType('disconnect', (packet, position) => withByte(packet, position, () => 0x8b)),
  ],
  [
    'deliveries share one packet identifier',
    'MQTT-2.2.1-4',
    inType('publish', (packet, position) => (hasQos(packet[0]) ? withByte(packet, afterTopic(packet, position) + 1, () => 1) : packet)),
  ],
  ['PINGREQ is not answered', 'MQTT-3.12.4-1', inType('pingresp', () => undefined)],
  [
    'a message is changed on its way',
    'MQTT-4.2.0-1',
    inType('publish', (packet) => withByte(packet, packet.length - 1, (byte) => byte ^ 1)),
  ],
  ['QoS 2 is delivered as QoS 1', 'MQTT-3.8.4-8', firstByte((byte) => ((byte & 0x06) === 4 ? byte ^ 0x06 : byte))],
];

function reversedCodes(packet: Buffer, position: number): Buffer {
  const start = position + 3;
  return Buffer.concat([packet.subarray(0, start), Buffer.from(packet.subarray(start)).reverse()]);
}

function zeroCodes(packet: Buffer): Buffer {
  const changed = Buffer.from(packet);
  for (let index = packet.lastIndexOf(0x11); index > 0 && changed[index] === 0x11; index = changed.lastIndexOf(0x11)) changed[index] = 0;
  return changed;
}

/** A connection through a proxy that passes on what the client sends, and the server's packets one by one through the fault. */
function through(fault: Fault, server: Duplex): Duplex {
  let rest = Buffer.alloc(0);
  const client = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => void server.write(chunk as Buffer, () => done()),
    final: (done) => void server.end(() => done()),
    destroy: (error, done) => {
      server.destroy();
      done(error);
    },
  });
  server.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      let [length, position] = [0, 1];
      while (rest[position] >= 0x80) length += (rest[position] & 0x7f) * 128 ** (position++ - 1);
      length += (rest[position] ?? 0) * 128 ** (position++ - 1);
      if (rest.length < position || rest.length < position + length) return;
      const changed = fault(rest.subarray(0, position + length), position);
      if (changed !== undefined) client.push(changed);
      rest = rest.subarray(position + length);
    }
  });
  for (const event of ['end', 'close', 'error']) server.once(event, () => client.push(null));
  return client;
}

let target: Target;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ target, stop } = await startTarget('tcp'));
});

afterAll(() => stop());

/** The verdicts of all tests of 5.0 that name the statement. */
async function verdicts(id: string, fault: Fault): Promise<string[]> {
  const broken = { ...target, connect: async () => through(fault, await target.connect()) };
  const named = wireTests.filter(({ version, ids }) => version === 5 && ids.includes(id));
  return (await Promise.all(named.map((one) => runWireTest(one, broken, { timeoutMilliseconds: 1500 })))).map(({ verdict }) => verdict);
}

test('the proxy alone changes no verdict', async () => {
  const ids = new Set(faults.map(([, id]) => id));
  for (const id of ids) expect(new Set(await verdicts(id, (packet) => packet)), id).toEqual(new Set(['holds']));
});

for (const [title, id, fault] of faults) {
  test(`a test of ${id} notices that ${title}`, async () => {
    expect(await verdicts(id, fault)).toContain('broken');
  });
}
