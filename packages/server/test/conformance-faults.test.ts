import { runWireTest, type Target, wireTests } from '@si-mqtt/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTarget } from './conformance-target.js';
import { afterTopic, type Change, type Fault, hasQos, inType, overFaultyProxy, withByte } from './faulty-proxy.js';

const fromServer = (change: Change): Fault => ({ server: () => change });
const fromClient = (change: Change): Fault => ({ client: () => change });
const publishFlags = (change: (byte: number) => number): Fault => fromServer(inType('publish', (packet) => withByte(packet, 0, change)));
const connectFlags = (change: (byte: number) => number): Fault =>
  fromClient(inType('connect', (packet, position) => withByte(packet, position + 7, change)));
/** The options of the last filter. */
const subscriptionOptions = (change: (byte: number) => number): Fault =>
  fromClient(inType('subscribe', (packet) => withByte(packet, packet.length - 1, change)));
const byteOf = (type: Parameters<typeof inType>[0], offset: number, change: (byte: number) => number): Fault =>
  fromServer(
    inType(type, (packet, position) => (packet.length > position + offset ? withByte(packet, position + offset, change) : packet)),
  );

/** Deliberate faults, each with a statement of 5.0 whose tests must notice it. */
const faults: readonly (readonly [title: string, id: string, fault: Fault])[] = [
  ['DUP is lost on what is sent again', 'MQTT-3.3.1-1', publishFlags((byte) => byte & ~0x08)],
  ['DUP is set on new messages', 'MQTT-4.3.2-2', publishFlags((byte) => ((byte & 0x06) !== 0 ? byte | 0x08 : byte))],
  ['Session Present is always 0', 'MQTT-3.1.2-5', byteOf('connack', 0, () => 0)],
  ['Session Present is always 1', 'MQTT-3.1.2-6', byteOf('connack', 0, () => 1)],
  ['SUBACK codes come in another order', 'MQTT-3.9.3-1', fromServer(inType('suback', reversedCodes))],
  ['UNSUBACK says success for unknown filters', 'MQTT-3.11.3-1', fromServer(inType('unsuback', zeroCodes))],
  ['PUBACK refuses for another reason', 'MQTT-3.4.2-1', byteOf('puback', 2, (byte) => (byte >= 0x80 ? 0x97 : byte))],
  ['PUBCOMP has another identifier', 'MQTT-4.3.3-11', byteOf('pubcomp', 1, (byte) => byte ^ 1)],
  ['PUBREL is not sent', 'MQTT-4.3.3-4', fromServer(inType('pubrel', () => undefined))],
  ['an owed PUBREL is not sent again', 'MQTT-4.4.0-1', { server: () => withoutOwedPubrels() }],
  ['RETAIN is lost on retained messages', 'MQTT-3.3.1-9', publishFlags((byte) => byte & ~0x01)],
  ['RETAIN is set on live messages', 'MQTT-3.3.1-12', publishFlags((byte) => byte | 0x01)],
  ['retained messages come for shared subscriptions', 'MQTT-3.3.1-9', fromClient(inType('subscribe', withoutShare))],
  ['every message comes twice', 'MQTT-3.8.4-3', fromServer(inType('publish', (packet) => Buffer.concat([packet, packet])))],
  ['messages come in another order', 'MQTT-4.6.0-5', { server: () => inType('publish', pairsTurnedRound()) }],
  ['what is in flight is sent again in another order', 'MQTT-4.4.0-1', { server: () => inType('publish', pairsTurnedRound()) }],
  ['a takeover closes without DISCONNECT', 'MQTT-3.1.4-3', fromServer(inType('disconnect', () => undefined))],
  ['DISCONNECT has another reason code', 'MQTT-3.1.4-3', byteOf('disconnect', 0, () => 0x8b)],
  [
    'deliveries share one packet identifier',
    'MQTT-2.2.1-4',
    fromServer(
      inType('publish', (packet, position) => (hasQos(packet) ? withByte(packet, afterTopic(packet, position) + 1, () => 1) : packet)),
    ),
  ],
  ['PINGREQ is not answered', 'MQTT-3.12.4-1', fromServer(inType('pingresp', () => undefined))],
  [
    'a message is changed on its way',
    'MQTT-4.2.0-1',
    fromServer(inType('publish', (packet) => withByte(packet, packet.length - 1, (byte) => byte ^ 1))),
  ],
  ['QoS 2 is delivered as QoS 1', 'MQTT-3.8.4-8', publishFlags((byte) => ((byte & 0x06) === 4 ? byte ^ 0x06 : byte))],
  ['a clean start goes on with the old session', 'MQTT-3.1.2-4', connectFlags((byte) => byte & ~0x02)],
  ['a retained will is not retained', 'MQTT-3.1.2-15', connectFlags((byte) => byte & ~0x20)],
  [
    'Maximum Packet Size is not obeyed',
    'MQTT-3.1.2-24',
    fromClient(inType('connect', (packet) => replaced(packet, '27000000', '2700ffff'))),
  ],
  ['Receive Maximum is not obeyed', 'MQTT-3.3.4-9', fromClient(inType('connect', (packet) => replaced(packet, '2100', '21ff')))],
  ['Topic Alias Maximum is not obeyed', 'MQTT-3.1.2-26', fromClient(inType('connect', (packet) => replaced(packet, '2200', '22ff')))],
  ['No Local is not obeyed', 'MQTT-3.8.3-3', subscriptionOptions((byte) => byte & ~0x04)],
  ['Retain As Published is not obeyed', 'MQTT-3.3.1-13', subscriptionOptions((byte) => byte & ~0x08)],
  ['Retain Handling is not obeyed', 'MQTT-3.3.1-11', subscriptionOptions((byte) => byte & ~0x30)],
  ['Message Expiry Interval is sent on as it came', 'MQTT-3.3.2-6', fromServer(inType('publish', withWholeExpiry))],
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

/** Bytes in hexadecimal by others of the same length, where they come first. */
function replaced(packet: Buffer, from: string, to: string): Buffer {
  const at = packet.indexOf(Buffer.from(from, 'hex'));
  return at < 0 ? packet : Buffer.concat([packet.subarray(0, at), Buffer.from(to, 'hex'), packet.subarray(at + to.length / 2)]);
}

/** What is sent before the first PUBREC of a connection was answered is owed. */
function withoutOwedPubrels(): Change {
  let isFresh = false;
  return (packet) => {
    if (packet[0] >> 4 === 3) isFresh = true;
    return packet[0] >> 4 === 6 && !isFresh ? undefined : packet;
  };
}

/** Each second packet before the one that came before it. */
function pairsTurnedRound(): Change {
  let first: Buffer | undefined;
  return (packet) => {
    if (first === undefined) {
      first = Buffer.from(packet);
      return undefined;
    }
    const both = Buffer.concat([packet, first]);
    first = undefined;
    return both;
  };
}

/** The one filter of a SUBSCRIBE without its share: every member gets everything then, and what is retained as well. */
function withoutShare(packet: Buffer, position: number): Buffer {
  // Packet Identifier, and no properties.
  const at = position + 3;
  const filter = packet.subarray(at + 2, at + 2 + packet.readUInt16BE(at)).toString();
  const [, plain] = /^\$share\/[^/]+\/(.+)$/.exec(filter) ?? [];
  if (plain === undefined) return packet;
  const body = Buffer.concat([packet.subarray(position, at), Buffer.of(0, plain.length), Buffer.from(plain), packet.subarray(-1)]);
  return Buffer.concat([packet.subarray(0, 1), Buffer.of(body.length), body]);
}

function withWholeExpiry(packet: Buffer, position: number): Buffer {
  const at = packet.indexOf(Buffer.of(0x02, 0, 0, 0), afterTopic(packet, position));
  return at < 0 ? packet : withByte(packet, at + 4, () => 100);
}

let target: Target;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ target, stop } = await startTarget('tcp'));
});

afterAll(() => stop());

/** The verdicts of all tests of 5.0 that name the statement. */
async function verdicts(id: string, fault: Fault): Promise<string[]> {
  const broken = { ...target, connect: overFaultyProxy(fault, target.connect) };
  const named = wireTests.filter(({ version, ids }) => version === 5 && ids.includes(id));
  return (await Promise.all(named.map((one) => runWireTest(one, broken, { timeoutMilliseconds: 1500 })))).map(({ verdict }) => verdict);
}

test('the proxy alone changes no verdict', { timeout: 60_000 }, async () => {
  const ids = new Set(faults.map(([, id]) => id));
  const inert: Fault = { server: () => (packet) => packet, client: () => (packet) => packet };
  for (const id of ids) expect(new Set(await verdicts(id, inert)), id).toEqual(new Set(['holds']));
});

// They wait most of the time.
describe.concurrent('a test of', () => {
  for (const [title, id, fault] of faults) {
    test(`${id} notices that ${title}`, async ({ expect }) => {
      expect(await verdicts(id, fault)).toContain('broken');
    });
  }
});
