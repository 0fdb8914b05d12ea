import { type ProtocolVersion, type Sender } from '../../src/index.js';
import { binary, type Field, join, packet, properties, raw, u16, variable } from './bytes.js';

export interface RefusalRow {
  readonly name: string;
  /** Undefined before CONNECT. */
  readonly versions: readonly (ProtocolVersion | undefined)[];
  readonly from: Sender;
  readonly bytes: Uint8Array;
  readonly reasonCode: number;
  readonly connackReturnCode?: number;
}

const malformed = 0x81;
const protocolError = 0x82;
const unsupported = 0x84;
const none = properties();
const every: readonly ProtocolVersion[] = [3, 4, 5];
const v3x: readonly ProtocolVersion[] = [3, 4];
const v4 = [4] as const;
const v5 = [5] as const;
const first = [undefined] as const;

function refusal(
  name: string,
  versions: RefusalRow['versions'],
  from: Sender,
  reasonCode: number,
  bytes: Uint8Array,
  connackReturnCode?: number,
): RefusalRow {
  return { name, versions, from, bytes, reasonCode, connackReturnCode };
}

const hex = (text: string): Uint8Array => raw(text.split(' ').map((byte) => Number.parseInt(byte, 16)));

/** A PUBLISH with QoS 0 and without properties in any version, whose topic is these bytes. */
function publishTo(topic: Uint8Array, version: ProtocolVersion): Uint8Array {
  return packet(0x30, u16(topic.length), topic, ...(version === 5 ? [none] : []), raw('x'));
}

function inPublish(name: string, reasonCode: number, topic: Uint8Array): RefusalRow[] {
  return every.map((version) => refusal(name, [version], 'client', reasonCode, publishTo(topic, version)));
}

const badStrings: readonly (readonly [string, Uint8Array])[] = [
  ['U+0000 [MQTT-1.5.4-2]', hex('61 00 62')],
  ['U+0000 behind other characters [MQTT-1.5.4-2]', hex('c3 a9 00')],
  ['a continuation byte alone [MQTT-1.5.4-1]', hex('61 80')],
  ['a sequence that is cut off [MQTT-1.5.4-1]', hex('61 c3')],
  ['a sequence of three that is cut off [MQTT-1.5.4-1]', hex('e2 82')],
  ['a sequence of four that is cut off [MQTT-1.5.4-1]', hex('f0 9f 98')],
  ['a lead byte followed by ASCII [MQTT-1.5.4-1]', hex('c3 41')],
  ['a third byte that does not continue [MQTT-1.5.4-1]', hex('e2 82 41')],
  ['a fourth byte that does not continue [MQTT-1.5.4-1]', hex('f0 9f 98 c0')],
  ['an overlong slash in two bytes [MQTT-1.5.4-1]', hex('c0 af')],
  ['an overlong U+007F in two bytes [MQTT-1.5.4-1]', hex('c1 bf')],
  ['an overlong NUL, as Java writes it [MQTT-1.5.4-1]', hex('c0 80')],
  ['an overlong U+07FF in three bytes [MQTT-1.5.4-1]', hex('e0 9f bf')],
  ['an overlong U+FFFF in four bytes [MQTT-1.5.4-1]', hex('f0 8f bf bf')],
  ['the first surrogate [MQTT-1.5.4-1]', hex('ed a0 80')],
  ['the last surrogate [MQTT-1.5.4-1]', hex('ed bf bf')],
  ['a pair of surrogates [MQTT-1.5.4-1]', hex('ed a0 bd ed b8 80')],
  ['U+110000 [MQTT-1.5.4-1]', hex('f4 90 80 80')],
  ['the byte F5 [MQTT-1.5.4-1]', hex('f5 80 80 80')],
  ['the byte FF [MQTT-1.5.4-1]', hex('ff')],
];

/** Every place where a string can stand, around these bytes. */
const stringPlaces: readonly (readonly [string, Sender, ProtocolVersion | undefined, (text: Field) => Uint8Array])[] = [
  ['Topic Name', 'client', 4, (text) => packet(0x30, text, raw('x'))],
  ['Client Identifier [MQTT-3.1.3-4]', 'client', undefined, (text) => packet(0x10, 'MQTT', 4, 2, u16(1), text)],
  ['Will Topic [MQTT-3.1.3-11]', 'client', undefined, (text) => packet(0x10, 'MQTT', 4, 6, u16(1), 'c', text, binary())],
  ['User Name [MQTT-3.1.3-12]', 'client', undefined, (text) => packet(0x10, 'MQTT', 5, 0x82, u16(1), none, 'c', text)],
  ['Topic Filter [MQTT-3.8.3-1]', 'client', 4, (text) => packet(0x82, u16(1), text, 0)],
  ['Topic Filter of UNSUBSCRIBE [MQTT-3.10.3-1]', 'client', 5, (text) => packet(0xa2, u16(1), none, text)],
  ['User Property name [MQTT-1.5.7-1]', 'client', 5, (text) => packet(0x40, u16(1), 0, properties(0x26, text, 'v'))],
  ['User Property value [MQTT-1.5.7-1]', 'client', 5, (text) => packet(0x40, u16(1), 0, properties(0x26, 'n', text))],
  ['Response Topic [MQTT-3.3.2-13]', 'client', 5, (text) => packet(0x30, 'a', properties(0x08, text))],
  ['Content Type [MQTT-3.3.2-19]', 'client', 5, (text) => packet(0x30, 'a', properties(0x03, text))],
  ['Reason String', 'server', 5, (text) => packet(0xe0, 0x80, properties(0x1f, text))],
];

const stringRows: RefusalRow[] = stringPlaces.flatMap(([place, from, version, around]) => [
  ...badStrings.map(([name, bytes]) =>
    refusal(`${place} with ${name}`, [version], from, malformed, around(join(u16(bytes.length), bytes))),
  ),
  refusal(`${place} that is longer than its packet`, [version], from, malformed, around(u16(0xffff))),
]);

const headerRows: RefusalRow[] = [
  refusal('packet type 0', [undefined, ...every], 'client', malformed, hex('00 00')),
  refusal('packet type 15 before 5.0', v3x, 'client', malformed, hex('f0 00')),
  refusal('Remaining Length of five bytes', every, 'client', malformed, hex('30 80 80 80 80 01')),
  refusal('Remaining Length that takes two bytes for 0 [MQTT-1.5.5-1]', every, 'client', malformed, hex('c0 80 00')),
  refusal('Remaining Length that takes three bytes for 127 [MQTT-1.5.5-1]', every, 'client', malformed, hex('30 ff 80 00')),
  refusal('Remaining Length that takes four bytes for 16,383 [MQTT-1.5.5-1]', every, 'client', malformed, hex('30 ff ff 80 00')),
  refusal('a packet above the limit, as soon as its length is known', every, 'client', 0x95, hex('30 ff ff ff 7f')),
  refusal('a CONNECT above the limit', first, 'client', 0x95, hex('10 ff ff ff 7f')),
  ...[0x30, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0, 0xf0, 0x20, 0x90, 0xb0, 0xd0].map((byte) =>
    refusal(`0x${byte.toString(16)} before CONNECT [MQTT-3.1.0-1]`, first, 'client', protocolError, raw([byte])),
  ),
  refusal('a second CONNECT [MQTT-3.1.0-2]', every, 'client', protocolError, packet(0x10, 'MQTT', 4, 2, u16(0), 'c')),
  ...[0x20, 0x90, 0xb0, 0xd0].map((byte) => refusal(`0x${byte.toString(16)} from a client`, every, 'client', protocolError, raw([byte]))),
  ...[0x10, 0x82, 0xa2, 0xc0].map((byte) => refusal(`0x${byte.toString(16)} from a server`, every, 'server', protocolError, raw([byte]))),
  refusal('DISCONNECT from a server before 5.0', v3x, 'server', protocolError, hex('e0 00')),
  refusal('PUBLISH with QoS 3 [MQTT-3.3.1-4]', every, 'client', malformed, packet(0x36, 'a', u16(1), none)),
  refusal('PUBLISH with QoS 3, DUP and RETAIN [MQTT-3.3.1-4]', every, 'server', malformed, hex('3f')),
  refusal('PUBLISH with DUP and QoS 0 [MQTT-3.3.1-2]', [4, 5], 'client', malformed, hex('38')),
];

/** Each reserved flag of each packet that has them. */
const flagRows: RefusalRow[] = (
  [
    ['CONNECT [MQTT-2.1.3-1]', 0x10, 'client', first],
    ['CONNACK [MQTT-2.1.3-1]', 0x20, 'server', every],
    ['PUBACK [MQTT-2.1.3-1]', 0x40, 'client', every],
    ['PUBREC [MQTT-2.1.3-1]', 0x50, 'client', every],
    ['PUBREL [MQTT-3.6.1-1]', 0x62, 'client', [4, 5]],
    ['PUBCOMP [MQTT-2.1.3-1]', 0x70, 'client', every],
    ['SUBSCRIBE [MQTT-3.8.1-1]', 0x82, 'client', [4, 5]],
    ['SUBACK [MQTT-2.1.3-1]', 0x90, 'server', every],
    ['UNSUBSCRIBE [MQTT-3.10.1-1]', 0xa2, 'client', [4, 5]],
    ['UNSUBACK [MQTT-2.1.3-1]', 0xb0, 'server', every],
    ['PINGREQ [MQTT-2.1.3-1]', 0xc0, 'client', every],
    ['PINGRESP [MQTT-2.1.3-1]', 0xd0, 'server', every],
    ['DISCONNECT [MQTT-3.14.1-1]', 0xe0, 'client', every],
    ['AUTH [MQTT-3.15.1-1]', 0xf0, 'client', v5],
  ] as const
).flatMap(([name, byte, from, versions]) =>
  [1, 2, 4, 8].map((flag) => refusal(`${name} with flag ${flag} turned`, versions, from, malformed, raw([byte ^ flag]))),
);

/** 3.1 gives DUP a meaning on three packets, and nothing else. */
const flagRows31: RefusalRow[] = [0x60, 0x63, 0x66, 0x68, 0x6b, 0x80, 0x83, 0x86, 0x88, 0x8e, 0xa0, 0xa3, 0xa6, 0xa8, 0xab].map((byte) =>
  refusal(`first byte 0x${byte.toString(16)} in 3.1`, [3], 'client', malformed, raw([byte])),
);

const connectFlags = (flags: number, ...tail: Field[]): Uint8Array => packet(0x10, 'MQTT', 4, flags, u16(0), 'c', ...tail);
const connectFlags5 = (flags: number, ...tail: Field[]): Uint8Array => packet(0x10, 'MQTT', 5, flags, u16(0), none, 'c', ...tail);

const connectRows: RefusalRow[] = [
  refusal('CONNECT with another protocol name [MQTT-3.1.2-1]', first, 'client', unsupported, packet(0x10, 'MQTX', 4, 2, u16(0), 'c')),
  refusal('CONNECT with an empty protocol name [MQTT-3.1.2-1]', first, 'client', unsupported, packet(0x10, '', 4, 2, u16(0), 'c')),
  refusal(
    'CONNECT with a protocol name in small letters [MQTT-3.1.2-1]',
    first,
    'client',
    unsupported,
    packet(0x10, 'mqtt', 5, 2, u16(0), none, 'c'),
  ),
  ...[6, 7, 0x83, 0x85, 0xff].map((level) =>
    refusal(`CONNECT with level ${level} [MQTT-3.1.2-2]`, first, 'client', unsupported, packet(0x10, 'MQTT', level, 2, u16(0), 'c')),
  ),
  ...[0, 1, 2, 3].map((level) =>
    refusal(`MQTT with level ${level} [v3.1.1 MQTT-3.1.2-2]`, first, 'client', unsupported, packet(0x10, 'MQTT', level, 2, u16(0), 'c'), 1),
  ),
  ...[0, 4, 5, 6, 0x84].map((level) =>
    refusal(`MQIsdp with level ${level}`, first, 'client', unsupported, packet(0x10, 'MQIsdp', level, 2, u16(0), 'c'), 1),
  ),
  refusal('CONNECT with the reserved flag [v3.1.1 MQTT-3.1.2-3]', first, 'client', malformed, connectFlags(0x03)),
  refusal('CONNECT 5.0 with the reserved flag [MQTT-3.1.2-3]', first, 'client', malformed, connectFlags5(0x03)),
  refusal('CONNECT with Will QoS 3 [v3.1.1 MQTT-3.1.2-14]', first, 'client', malformed, connectFlags(0x1e, 'w', binary())),
  refusal('CONNECT 5.0 with Will QoS 3 [MQTT-3.1.2-12]', first, 'client', malformed, connectFlags5(0x1e, none, 'w', binary())),
  refusal('CONNECT 3.1 with Will QoS 3', first, 'client', malformed, packet(0x10, 'MQIsdp', 3, 0x1e, u16(0), 'c', 'w', binary())),
  refusal('CONNECT with Will QoS and no will [v3.1.1 MQTT-3.1.2-13]', first, 'client', malformed, connectFlags(0x0a)),
  refusal('CONNECT 5.0 with Will QoS and no will [MQTT-3.1.2-11]', first, 'client', malformed, connectFlags5(0x12)),
  refusal('CONNECT with Will Retain and no will [v3.1.1 MQTT-3.1.2-15]', first, 'client', malformed, connectFlags(0x22)),
  refusal('CONNECT 5.0 with Will Retain and no will [MQTT-3.1.2-13]', first, 'client', malformed, connectFlags5(0x22)),
  refusal('CONNECT with a password and no user name [v3.1.1 MQTT-3.1.2-22]', first, 'client', malformed, connectFlags(0x42, binary(1))),
  refusal(
    'CONNECT 3.1 with a password and no user name',
    first,
    'client',
    malformed,
    packet(0x10, 'MQIsdp', 3, 0x42, u16(0), 'c', binary(1)),
  ),
  refusal('CONNECT without the flagged user name [v3.1.1 MQTT-3.1.2-19]', first, 'client', malformed, connectFlags(0x82)),
  refusal('CONNECT 5.0 without the flagged user name [MQTT-3.1.2-17]', first, 'client', malformed, connectFlags5(0x82)),
  refusal('CONNECT without the flagged password [v3.1.1 MQTT-3.1.2-21]', first, 'client', malformed, connectFlags(0xc2, 'u')),
  refusal('CONNECT 5.0 without the flagged password [MQTT-3.1.2-19]', first, 'client', malformed, connectFlags5(0x42)),
  refusal('CONNECT without the flagged will [v3.1.1 MQTT-3.1.2-9]', first, 'client', malformed, connectFlags(0x06)),
  refusal('CONNECT 5.0 without the flagged will [MQTT-3.1.2-9]', first, 'client', malformed, connectFlags5(0x06)),
  refusal('CONNECT with a user name that is not flagged [v3.1.1 MQTT-3.1.2-18]', first, 'client', malformed, connectFlags(0x02, 'u')),
  refusal('CONNECT 5.0 with a user name that is not flagged [MQTT-3.1.2-16]', first, 'client', malformed, connectFlags5(0x02, 'u')),
  refusal('CONNECT 5.0 with bytes behind the password [MQTT-3.1.2-18]', first, 'client', malformed, connectFlags5(0xc2, 'u', binary(), 0)),
  refusal('CONNECT without a client identifier [MQTT-3.1.3-3]', first, 'client', malformed, packet(0x10, 'MQTT', 4, 2, u16(0))),
  ...['', 'a/#', '+'].flatMap((topic) => [
    refusal(`CONNECT with the will topic '${topic}'`, first, 'client', malformed, connectFlags(0x06, topic, binary())),
    refusal(
      `CONNECT 5.0 with the will topic '${topic}' [MQTT-4.7.0-1]`,
      first,
      'client',
      malformed,
      connectFlags5(0x06, none, topic, binary()),
    ),
  ]),
  refusal('CONNECT of Remaining Length 0', first, 'client', malformed, hex('10 00')),
  refusal(
    'CONNECT with Authentication Data and no method',
    first,
    'client',
    protocolError,
    packet(0x10, 'MQTT', 5, 2, u16(0), properties(0x16, binary(1)), 'c'),
  ),
  refusal('CONNACK with reserved flags [MQTT-3.2.2-1]', [4], 'server', malformed, packet(0x20, 2, 0)),
  refusal('CONNACK with reserved flags [MQTT-3.2.2-1]', v5, 'server', malformed, packet(0x20, 0x80, 0, none)),
  refusal('CONNACK with return code 6', v3x, 'server', protocolError, packet(0x20, 0, 6)),
  refusal('CONNACK that refuses with a session [v3.1.1 MQTT-3.2.2-4]', v4, 'server', protocolError, packet(0x20, 1, 5)),
  refusal('CONNACK that refuses with a session [MQTT-3.2.2-6]', v5, 'server', protocolError, packet(0x20, 1, 0x87, none)),
  refusal('CONNACK with Authentication Data and no method', v5, 'server', protocolError, packet(0x20, 0, 0, properties(0x16, binary(1)))),
  refusal('CONNACK that is too long', v3x, 'server', malformed, packet(0x20, 0, 0, 0)),
  refusal('CONNACK that is too short', every, 'server', malformed, packet(0x20, 0)),
  refusal('CONNACK without Property Length [MQTT-2.2.2-1]', v5, 'server', malformed, packet(0x20, 0, 0)),
];

const publishRows: RefusalRow[] = [
  ...['#', '+', 'a/#', 'a+b', 'é/+', '€#'].flatMap((topic) => inPublish(`PUBLISH to ${topic} [MQTT-3.3.2-2]`, malformed, raw(topic))),
  refusal('PUBLISH to nothing [v3.1.1 MQTT-4.7.3-1]', v3x, 'client', malformed, packet(0x30, '', raw('x'))),
  refusal('PUBLISH to nothing, without an alias (section 3.3.2.1)', v5, 'client', protocolError, packet(0x30, '', none)),
  refusal('PUBLISH with Packet Identifier 0 [v3.1.1 MQTT-2.3.1-1]', v3x, 'client', protocolError, packet(0x32, 'a', u16(0))),
  refusal('PUBLISH with Packet Identifier 0 [MQTT-2.2.1-3]', v5, 'client', protocolError, packet(0x34, 'a', u16(0), none)),
  refusal('PUBLISH from a server with Packet Identifier 0 [MQTT-2.2.1-4]', v5, 'server', protocolError, packet(0x34, 'a', u16(0), none)),
  refusal('PUBLISH without its Packet Identifier', every, 'client', malformed, packet(0x32, 'a', 0)),
  refusal('PUBLISH without Property Length', v5, 'client', malformed, packet(0x30, 'a')),
  refusal('PUBLISH of Remaining Length 0', every, 'client', malformed, hex('30 00')),
  refusal('PUBLISH of Remaining Length 1', every, 'client', malformed, hex('30 01 00')),
  refusal('PUBLISH whose properties are longer than the packet', v5, 'client', malformed, packet(0x30, 'a', 3, 0x01)),
  refusal('PUBLISH whose property is longer than its list', v5, 'client', malformed, packet(0x30, 'a', 2, 0x02, 0, 0, 0, 0)),
  refusal('PUBLISH whose Property Length takes too many bytes [MQTT-1.5.5-1]', v5, 'client', malformed, packet(0x30, 'a', 0x80, 0)),
  refusal('PUBLISH whose Property Length takes five bytes', v5, 'client', malformed, packet(0x30, 'a', 0x80, 0x80, 0x80, 0x80, 0)),
  refusal(
    'a Property Identifier that takes too many bytes [MQTT-1.5.5-1]',
    v5,
    'client',
    malformed,
    packet(0x30, 'a', properties(0x81, 0x00, 1)),
  ),
  refusal(
    'a Subscription Identifier that takes too many bytes [MQTT-1.5.5-1]',
    v5,
    'server',
    malformed,
    packet(0x30, 'a', properties(0x0b, 0x81, 0x00)),
  ),
  refusal(
    'PUBLISH with a Subscription Identifier from a client [MQTT-3.3.4-6]',
    v5,
    'client',
    protocolError,
    packet(0x30, 'a', properties(0x0b, 1)),
  ),
  ...[0x00, 0x04, 0x0a, 0x2b, 0x7f, 0xff].map((identifier) =>
    refusal(
      `unknown property 0x${identifier.toString(16)} (section 2.2.2.2)`,
      v5,
      'client',
      malformed,
      packet(0x30, 'a', properties(variable(identifier), 1)),
    ),
  ),
];

const acknowledgementRows: RefusalRow[] = (
  [
    ['PUBACK [MQTT-3.4.2-1]', 0x40, [0x01, 0x10, 0x11, 0x81, 0x92, 0xff]],
    ['PUBREC [MQTT-3.5.2-1]', 0x50, [0x01, 0x10, 0x92, 0xff]],
    ['PUBREL [MQTT-3.6.2-1]', 0x62, [0x10, 0x80, 0x91]],
    ['PUBCOMP [MQTT-3.7.2-1]', 0x70, [0x10, 0x80, 0x91]],
  ] as const
).flatMap(([name, byte, codes]) => [
  ...codes.map((code) =>
    refusal(`${name} with reason code 0x${code.toString(16)} from a client`, v5, 'client', protocolError, packet(byte, u16(1), code)),
  ),
  refusal(`${name} with Packet Identifier 0`, every, 'client', protocolError, packet(byte, u16(0))),
  refusal(`${name} of Remaining Length 0`, every, 'client', malformed, packet(byte)),
  refusal(`${name} of Remaining Length 1`, every, 'client', malformed, packet(byte, 1)),
  refusal(`${name} with a reason code before 5.0`, v3x, 'client', malformed, packet(byte, u16(1), 0)),
  refusal(`${name} with bytes behind its properties`, v5, 'client', malformed, packet(byte, u16(1), 0, none, 0)),
]);

const badFilters: readonly (readonly [string, string])[] = [
  ['', '[MQTT-4.7.3-1]'],
  ['a/#/b', '[MQTT-4.7.1-1]'],
  ['a#', '[MQTT-4.7.1-1]'],
  ['#/a', '[MQTT-4.7.1-1]'],
  ['##', '[MQTT-4.7.1-1]'],
  ['a+', '[MQTT-4.7.1-2]'],
  ['+a', '[MQTT-4.7.1-2]'],
  ['a/+b/c', '[MQTT-4.7.1-2]'],
  ['++', '[MQTT-4.7.1-2]'],
  ['$share/', '[MQTT-4.8.2-1]'],
  ['$share//a', '[MQTT-4.8.2-1]'],
  ['$share/g', '[MQTT-4.8.2-2]'],
  ['$share/g/', '[MQTT-4.8.2-2]'],
  ['$share/g+/a', '[MQTT-4.8.2-2]'],
  ['$share/#/a', '[MQTT-4.8.2-2]'],
  ['$share/g/a#', '[MQTT-4.7.1-1]'],
  ['$share/g/+a', '[MQTT-4.7.1-2]'],
];

const subscribeRows: RefusalRow[] = [
  ...badFilters.flatMap(([filter, identifier]) => [
    refusal(`SUBSCRIBE to '${filter}' ${identifier}`, v3x, 'client', malformed, packet(0x82, u16(1), filter, 0)),
    refusal(`SUBSCRIBE to '${filter}' ${identifier}`, v5, 'client', malformed, packet(0x82, u16(1), none, filter, 0)),
    refusal(`UNSUBSCRIBE from '${filter}' ${identifier}`, v3x, 'client', malformed, packet(0xa2, u16(1), filter)),
    refusal(`UNSUBSCRIBE from '${filter}' ${identifier}`, v5, 'client', malformed, packet(0xa2, u16(1), none, filter)),
  ]),
  refusal('SUBSCRIBE to nothing [v3.1.1 MQTT-3.8.3-3]', v3x, 'client', protocolError, packet(0x82, u16(1))),
  refusal('SUBSCRIBE to nothing [MQTT-3.8.3-2]', v5, 'client', protocolError, packet(0x82, u16(1), none)),
  refusal('UNSUBSCRIBE from nothing [v3.1.1 MQTT-3.10.3-2]', v3x, 'client', protocolError, packet(0xa2, u16(1))),
  refusal('UNSUBSCRIBE from nothing [MQTT-3.10.3-2]', v5, 'client', protocolError, packet(0xa2, u16(1), none)),
  refusal('SUBSCRIBE with Packet Identifier 0 [v3.1.1 MQTT-2.3.1-1]', v3x, 'client', protocolError, packet(0x82, u16(0), 'a', 0)),
  refusal('SUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3]', v5, 'client', protocolError, packet(0x82, u16(0), none, 'a', 0)),
  refusal('UNSUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3]', v5, 'client', protocolError, packet(0xa2, u16(0), none, 'a')),
  refusal('SUBSCRIBE without options for its last filter', every, 'client', malformed, packet(0x82, u16(1), 0, 1)),
  refusal('SUBSCRIBE with QoS 3 [v3.1.1 MQTT-3.8.3-4]', v3x, 'client', malformed, packet(0x82, u16(1), 'a', 3)),
  refusal('SUBSCRIBE with QoS 3 (section 3.8.3.1)', v5, 'client', protocolError, packet(0x82, u16(1), none, 'a', 3)),
  ...[4, 8, 16, 32, 64, 128].map((bit) =>
    refusal(`SUBSCRIBE with reserved bit ${bit} [v3.1.1 MQTT-3.8.3-4]`, v4, 'client', malformed, packet(0x82, u16(1), 'a', bit)),
  ),
  ...[64, 128].map((bit) =>
    refusal(`SUBSCRIBE with reserved bit ${bit} [MQTT-3.8.3-5]`, v5, 'client', malformed, packet(0x82, u16(1), none, 'a', bit)),
  ),
  refusal('SUBSCRIBE with Retain Handling 3 (section 3.8.3.1)', v5, 'client', protocolError, packet(0x82, u16(1), none, 'a', 0x30)),
  refusal(
    'SUBSCRIBE with No Local on a shared subscription [MQTT-3.8.3-4]',
    v5,
    'client',
    protocolError,
    packet(0x82, u16(1), none, '$share/g/a', 4),
  ),
  refusal('SUBSCRIBE without Property Length', v5, 'client', malformed, packet(0x82, u16(1))),
  refusal('SUBACK without codes', v3x, 'server', protocolError, packet(0x90, u16(1))),
  refusal('SUBACK without codes [MQTT-3.8.4-6]', v5, 'server', protocolError, packet(0x90, u16(1), none)),
  refusal('SUBACK 3 [v3.1.1 MQTT-3.9.3-2]', v3x, 'server', protocolError, packet(0x90, u16(1), 3)),
  refusal('SUBACK 0x80 in 3.1, which has no failure', [3], 'server', protocolError, packet(0x90, u16(1), 0x80)),
  refusal('SUBACK 0x87 before 5.0 [v3.1.1 MQTT-3.9.3-2]', v4, 'server', protocolError, packet(0x90, u16(1), 0x87)),
  ...[0x03, 0x04, 0x11, 0x81, 0xff].map((code) =>
    refusal(`SUBACK ${code} [MQTT-3.9.3-2]`, v5, 'server', protocolError, packet(0x90, u16(1), none, code)),
  ),
  ...[0x01, 0x10, 0x81, 0xff].map((code) =>
    refusal(`UNSUBACK ${code} [MQTT-3.11.3-2]`, v5, 'server', protocolError, packet(0xb0, u16(1), none, code)),
  ),
  refusal('UNSUBACK with a payload before 5.0', v3x, 'server', malformed, packet(0xb0, u16(1), 0)),
  refusal('UNSUBACK without codes', v5, 'server', protocolError, packet(0xb0, u16(1), none)),
];

const otherRows: RefusalRow[] = [
  refusal('PINGREQ with a body', every, 'client', malformed, packet(0xc0, 0)),
  refusal('PINGRESP with a body', every, 'server', malformed, packet(0xd0, 0)),
  refusal('DISCONNECT with a body before 5.0', v3x, 'client', malformed, packet(0xe0, 0)),
  ...[0x01, 0x05, 0x84, 0x87, 0x8b, 0x8e, 0x9d, 0xa2, 0xff].map((code) =>
    refusal(`DISCONNECT 0x${code.toString(16)} from a client [MQTT-3.14.2-1]`, v5, 'client', protocolError, packet(0xe0, code)),
  ),
  ...[0x04, 0x84, 0x88, 0xff].map((code) =>
    refusal(`DISCONNECT 0x${code.toString(16)} from a server [MQTT-3.14.2-1]`, v5, 'server', protocolError, packet(0xe0, code)),
  ),
  refusal('DISCONNECT with bytes behind its properties', v5, 'client', malformed, packet(0xe0, 0, none, 0)),
  refusal('AUTH without Property Length (section 3.15.2.1)', v5, 'client', malformed, packet(0xf0, 0x18)),
  refusal('AUTH without a method', v5, 'client', protocolError, packet(0xf0, 0x18, none)),
  refusal('AUTH 0 with properties and without a method', v5, 'server', protocolError, packet(0xf0, 0, properties(0x1f, 'r'))),
  refusal('AUTH 0 from a client [MQTT-3.15.2-1]', v5, 'client', protocolError, packet(0xf0)),
  refusal('AUTH 0x19 from a server [MQTT-3.15.2-1]', v5, 'server', protocolError, packet(0xf0, 0x19, properties(0x15, 'm'))),
  refusal('AUTH 0x87 [MQTT-3.15.2-1]', v5, 'client', protocolError, packet(0xf0, 0x87, properties(0x15, 'm'))),
  refusal('AUTH with bytes behind its properties', v5, 'client', malformed, packet(0xf0, 0x18, properties(0x15, 'm'), 0)),
];

export const refusalRows: readonly RefusalRow[] = [
  ...stringRows,
  ...headerRows,
  ...flagRows,
  ...flagRows31,
  ...connectRows,
  ...publishRows,
  ...acknowledgementRows,
  ...subscribeRows,
  ...otherRows,
];
