import { describe, expect, test } from 'vitest';
import { hex, ours, parseOurs, parseTheirs, theirs } from './both.js';

// Every row is a difference that packages/mqtt-packet/README.md names. A row that mqtt-packet begins to agree with fails here.

type Version = 3 | 4 | 5;
type Bytes = readonly [name: string, version: Version, bytes: string];

const refusedHere: readonly Bytes[] = [
  ['a Remaining Length of more bytes than needed [MQTT-1.5.5-1]', 4, '30 83 00 00 01 61'],
  ['bytes behind the end of a packet', 4, '40 03 00 01 00'],
  ['a body in a PINGREQ', 4, 'c0 01 00'],
  ['packet identifier 0 [MQTT-2.2.1-3]', 4, '32 05 00 01 61 00 00'],
  ['an empty topic name [MQTT-4.7.3-1]', 4, '30 02 00 00'],
  ['a wildcard in a topic name [MQTT-3.3.2-2]', 4, '30 05 00 03 61 2f 23'],
  ['a filter that is none [MQTT-4.7.1-1]', 4, '82 07 00 01 00 02 61 23 00'],
  ['U+0000 in a string [MQTT-1.5.4-2]', 4, '30 03 00 01 00'],
  ['bytes that are not UTF-8 [MQTT-1.5.4-1]', 4, '30 04 00 02 c3 28'],
  ['DUP with QoS 0 [MQTT-3.3.1-2]', 4, '38 03 00 01 61'],
  ['a SUBSCRIBE without filters [MQTT-3.8.3-2]', 4, '82 02 00 01'],
  ['an UNSUBSCRIBE without filters [MQTT-3.10.3-2]', 4, 'a2 02 00 01'],
  ['a CONNACK that refuses and claims a session [MQTT-3.2.2-6]', 4, '20 02 01 05'],
  ['a return code of CONNACK that does not exist', 4, '20 02 00 06'],
  ['MQIsdp with level 4', 4, '10 0f 00 06 4d 51 49 73 64 70 04 02 00 00 00 01 61'],
  ['a password without user name in 3.1.1 [v3.1.1 MQTT-3.1.2-22]', 4, '10 10 00 04 4d 51 54 54 04 42 00 00 00 01 61 00 01 62'],
  ['a property that belongs to another packet', 5, '40 06 00 01 10 02 01 01'],
  ['a property that stands twice', 5, '30 08 00 01 61 04 01 00 01 00'],
  ['a boolean property of value 2', 5, '30 06 00 01 61 02 01 02'],
  ['Topic Alias 0', 5, '30 07 00 01 61 03 23 00 00'],
  ['Receive Maximum 0', 5, '20 06 00 00 03 21 00 00'],
  ['Subscription Identifier 0', 5, '82 09 00 01 02 0b 00 00 01 61 00'],
  ['neither topic name nor alias', 5, '30 03 00 00 00'],
  ['No Local on a shared subscription [MQTT-3.8.3-4]', 5, '82 10 00 01 00 00 0a 24 73 68 61 72 65 2f 73 2f 61 04'],
];

const acceptedHere: readonly Bytes[] = [
  ['AUTH of Remaining Length 0 (section 3.15.2.1)', 5, 'f0 00'],
  ['a repeated PUBREL of 3.1, with DUP', 3, '6a 02 00 01'],
  ['a reserved bit of CONNECT in 3.1, which 3.1 calls unused', 3, '10 0f 00 06 4d 51 49 73 64 70 03 03 00 00 00 01 61'],
  ['the reason code 0x8C of DISCONNECT (table in section 2.4)', 5, 'e0 02 8c 00'],
];

describe('what only mqtt-packet accepts', () => {
  test.each(refusedHere)('%s', (_name, protocolVersion, bytes) => {
    const parsed = parseTheirs({ protocolVersion }, hex(bytes));
    expect(parsed.error).toBeUndefined();
    expect(parsed.packets).toHaveLength(1);
    const refused = parseOurs({ protocolVersion }, hex(bytes));
    expect(refused.packets).toEqual([]);
    expect(refused.error).toHaveProperty('reasonCode');
  });
});

describe('what only this codec accepts', () => {
  test.each(acceptedHere)('%s', (_name, protocolVersion, bytes) => {
    expect(parseTheirs({ protocolVersion }, hex(bytes)).error).toBeInstanceOf(Error);
    const parsed = parseOurs({ protocolVersion }, hex(bytes));
    expect(parsed.error).toBeUndefined();
    expect(parsed.packets).toHaveLength(1);
  });
});

test('an empty first value of a repeated user property is kept', () => {
  const bytes = hex('30 11 00 01 61 0d 26 00 01 6e 00 00 26 00 01 6e 00 01 76');
  expect(parseTheirs({ protocolVersion: 5 }, bytes).packets[0]['properties']).toMatchObject({ userProperties: { n: 'v' } });
  expect(parseOurs({ protocolVersion: 5 }, bytes).packets[0]['properties']).toMatchObject({ userProperties: { n: ['', 'v'] } });
});

const refusedPackets: readonly (readonly [name: string, version: Version, packet: object])[] = [
  ['messageId 0', 4, { cmd: 'puback', messageId: 0 }],
  ['an empty topic', 4, { cmd: 'publish', topic: '', payload: '' }],
  ['a topic with a wildcard', 4, { cmd: 'publish', topic: 'a/#', payload: '' }],
  ['a topic with U+0000', 4, { cmd: 'publish', topic: 'a\0', payload: '' }],
  ['a filter that is none', 4, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a#', qos: 0 }] }],
  ['QoS 3 in a subscription', 5, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 3 }] }],
  ['a protocolId of another version', 4, { cmd: 'connect', clientId: 'a', protocolId: 'MQIsdp', protocolVersion: 4 }],
  ['a property of another packet', 5, { cmd: 'puback', messageId: 1, properties: { topicAlias: 1 } }],
  ['topicAlias 0', 5, { cmd: 'publish', topic: 'a', payload: '', properties: { topicAlias: 0 } }],
  ['a reason code of another packet', 5, { cmd: 'puback', messageId: 1, reasonCode: 0x92 }],
  ['a session in a refusal', 4, { cmd: 'connack', returnCode: 5, sessionPresent: true }],
];

describe('what only mqtt-packet generates', () => {
  test.each(refusedPackets)('%s', (_name, protocolVersion, packet) => {
    expect(theirs.generate(packet as theirs.Packet, { protocolVersion }).length).toBeGreaterThan(0);
    expect(() => ours.generate(packet as ours.Packet, { protocolVersion })).toThrow(Error);
  });
});

const generatedHere: readonly (readonly [name: string, version: Version, packet: object])[] = [
  ['a password without user name, in 5.0', 5, { cmd: 'connect', clientId: 'a', protocolVersion: 5, password: 'p' }],
  ['an empty client identifier without Clean Start, in 5.0', 5, { cmd: 'connect', clientId: '', protocolVersion: 5, clean: false }],
];

describe('what only this codec generates', () => {
  test.each(generatedHere)('%s', (_name, protocolVersion, packet) => {
    expect(() => theirs.generate(packet as theirs.Packet, { protocolVersion })).toThrow(Error);
    const parsed = parseTheirs({}, ours.generate(packet as ours.Packet, { protocolVersion }));
    expect(parsed.error).toBeUndefined();
    expect(parsed.packets).toHaveLength(1);
  });
});

test('protocolVersion 3 without protocolId is MQTT 3.1, not level 3 of a protocol that does not exist', () => {
  const packet = { cmd: 'connect', clientId: 'a', protocolVersion: 3 } as const;
  expect(ours.generate(packet)).toEqual(theirs.generate({ ...packet, protocolId: 'MQIsdp' }));
  expect(theirs.generate(packet)).not.toEqual(ours.generate(packet));
});

test('DUP is not sent with QoS 0 [MQTT-3.3.1-2], empty userProperties do not swallow the packet', () => {
  const publish = { cmd: 'publish', topic: 'a', payload: 'b', qos: 0, dup: true, retain: false } as const;
  expect(ours.generate(publish)[0]).toBe(0x30);
  expect(theirs.generate(publish)[0]).toBe(0x38);
  const withEmpty = { ...publish, dup: false, properties: { userProperties: {} } };
  expect(ours.generate(withEmpty, { protocolVersion: 5 })).toHaveLength(7);
  expect(theirs.generate(withEmpty, { protocolVersion: 5 })).toHaveLength(0);
});
