import { describe, expect, it } from 'vitest';
import { encode, encodedLength, encodeInto, type Packet, type ProtocolVersion } from '../src/index.js';
import { variable } from './support/bytes.js';

const payload = new Uint8Array(3);
const request = { topicFilter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
const connect: Packet = { type: 'connect', protocolVersion: 4, cleanStart: true, keepAlive: 0, clientId: 'c' };
const publish: Packet = { type: 'publish', dup: false, qos: 0, retain: false, topicName: 'a', packetId: 0, payload };
const long = 'x'.repeat(65_536);

/** What a program can get wrong, and the error that tells it. */
const mistakes: readonly (readonly [string, Packet, ProtocolVersion, typeof TypeError | typeof RangeError])[] = [
  ['a topic name with + [MQTT-3.3.2-2]', { ...publish, topicName: 'a/+' }, 4, TypeError],
  ['a topic name with # [MQTT-3.3.2-2]', { ...publish, topicName: '#' }, 5, TypeError],
  ['a topic name with U+0000 [MQTT-1.5.4-2]', { ...publish, topicName: 'a\0' }, 4, TypeError],
  ['a topic name with half a pair of surrogates [MQTT-1.5.4-1]', { ...publish, topicName: '\ud800a' }, 4, TypeError],
  ['a topic name with the other half [MQTT-1.5.4-1]', { ...publish, topicName: 'é\udc00' }, 4, TypeError],
  ['an empty topic name [MQTT-4.7.3-1]', { ...publish, topicName: '' }, 4, TypeError],
  ['an empty topic name and no alias [MQTT-4.7.3-1]', { ...publish, topicName: '', properties: {} }, 5, TypeError],
  ['an empty topic name with an alias before 5.0', { ...publish, topicName: '', properties: { topicAlias: 1 } }, 4, TypeError],
  ['a topic name above 65,535 bytes [MQTT-4.7.3-3]', { ...publish, topicName: long }, 4, RangeError],
  ['a topic name above 65,535 bytes in UTF-8 [MQTT-4.7.3-3]', { ...publish, topicName: '€'.repeat(21_846) }, 4, RangeError],
  ['DUP with QoS 0 [MQTT-3.3.1-2]', { ...publish, dup: true }, 4, TypeError],
  ['QoS 3 [MQTT-3.3.1-4]', { ...publish, qos: 3 as 2, packetId: 1 }, 4, RangeError],
  ['packet identifier 0 [MQTT-2.2.1-3]', { ...publish, qos: 1 }, 4, RangeError],
  ['packet identifier 65,536', { ...publish, qos: 1, packetId: 65_536 }, 4, RangeError],
  ['packet identifier 1.5', { ...publish, qos: 1, packetId: 1.5 }, 4, RangeError],
  ['topic alias 0 [MQTT-3.3.2-8]', { ...publish, properties: { topicAlias: 0 } }, 5, RangeError],
  ['a subscription identifier of 0', { ...publish, properties: { subscriptionIdentifiers: [1, 0] } }, 5, RangeError],
  ['a subscription identifier that is too large', { ...publish, properties: { subscriptionIdentifiers: [268_435_456] } }, 5, RangeError],
  ['a response topic with a wildcard [MQTT-3.3.2-14]', { ...publish, properties: { responseTopic: '#' } }, 5, TypeError],
  ['a message expiry below 0', { ...publish, properties: { messageExpiryInterval: -1 } }, 5, RangeError],
  ['a message expiry above 32 bits', { ...publish, properties: { messageExpiryInterval: 2 ** 32 } }, 5, RangeError],
  ['a message expiry that is not a number', { ...publish, properties: { messageExpiryInterval: Number.NaN } }, 5, RangeError],
  ['a payload format of 2', { ...publish, properties: { payloadFormatIndicator: 2 as 1 } }, 5, RangeError],
  ['a user property with U+0000 [MQTT-1.5.7-1]', { ...publish, properties: { userProperties: [['a', '\0']] } }, 5, TypeError],
  ['correlation data above 65,535 bytes', { ...publish, properties: { correlationData: new Uint8Array(65_536) } }, 5, RangeError],
  ['CONNECT of another version', connect, 5, TypeError],
  ['CONNECT 5.0 of a bridge', { ...connect, protocolVersion: 5, bridge: true }, 5, TypeError],
  ['a password without a user name [v3.1.1 MQTT-3.1.2-22]', { ...connect, password: payload }, 4, TypeError],
  ['Authentication Data without a method', { ...connect, protocolVersion: 5, properties: { authenticationData: payload } }, 5, TypeError],
  [
    'a flag that is no boolean',
    { ...connect, protocolVersion: 5, properties: { requestProblemInformation: 1 as unknown as true } },
    5,
    TypeError,
  ],
  ['Receive Maximum 0', { ...connect, protocolVersion: 5, properties: { receiveMaximum: 0 } }, 5, RangeError],
  ['Maximum Packet Size 0', { ...connect, protocolVersion: 5, properties: { maximumPacketSize: 0 } }, 5, RangeError],
  ['a keep alive above 16 bits', { ...connect, keepAlive: 65_536 }, 4, RangeError],
  ['a client identifier with a surrogate [MQTT-3.1.3-4]', { ...connect, clientId: '\udfff' }, 4, TypeError],
  ['a will topic with a wildcard', { ...connect, will: { topicName: '+', payload, qos: 0, retain: false } }, 4, TypeError],
  ['Will QoS 3 [MQTT-3.1.2-12]', { ...connect, will: { topicName: 'w', payload, qos: 3 as 2, retain: false } }, 4, RangeError],
  [
    'a will payload above 65,535 bytes',
    { ...connect, will: { topicName: 'w', payload: new Uint8Array(65_536), qos: 0, retain: false } },
    4,
    RangeError,
  ],
  ['return code 6', { type: 'connack', sessionPresent: false, reasonCode: 6 }, 4, RangeError],
  ['a reason code of 5.0 in a CONNACK before it', { type: 'connack', sessionPresent: false, reasonCode: 0x87 }, 4, RangeError],
  ['a reason code that CONNACK does not have [MQTT-3.2.2-8]', { type: 'connack', sessionPresent: false, reasonCode: 1 }, 5, RangeError],
  ['a refusal with a session [MQTT-3.2.2-6]', { type: 'connack', sessionPresent: true, reasonCode: 0x87 }, 5, TypeError],
  ['packet identifier 0 in PUBACK', { type: 'puback', packetId: 0, reasonCode: 0 }, 4, RangeError],
  ['a reason code before 5.0', { type: 'puback', packetId: 1, reasonCode: 0x87 }, 4, RangeError],
  ['a reason code that PUBREL does not have [MQTT-3.6.2-1]', { type: 'pubrel', packetId: 1, reasonCode: 0x87 }, 5, RangeError],
  ['no topic filter [MQTT-3.8.3-2]', { type: 'subscribe', packetId: 1, subscriptions: [] }, 4, RangeError],
  [
    'a topic filter with # in the middle [MQTT-4.7.1-1]',
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...request, topicFilter: '#/a' }] },
    4,
    TypeError,
  ],
  [
    'No Local on a shared subscription [MQTT-3.8.3-4]',
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...request, topicFilter: '$share/g/a', noLocal: true }] },
    5,
    TypeError,
  ],
  [
    'Subscription Options before 5.0',
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...request, retainAsPublished: true }] },
    4,
    TypeError,
  ],
  ['Retain Handling 3', { type: 'subscribe', packetId: 1, subscriptions: [{ ...request, retainHandling: 3 as 2 }] }, 5, RangeError],
  ['packet identifier 0 in SUBSCRIBE [MQTT-2.2.1-3]', { type: 'subscribe', packetId: 0, subscriptions: [request] }, 4, RangeError],
  ['no topic filter in UNSUBSCRIBE [MQTT-3.10.3-2]', { type: 'unsubscribe', packetId: 1, topicFilters: [] }, 5, RangeError],
  ['no reason code in SUBACK [MQTT-3.8.4-6]', { type: 'suback', packetId: 1, reasonCodes: [] }, 5, RangeError],
  ['0x87 in a SUBACK of 3.1.1 [v3.1.1 MQTT-3.9.3-2]', { type: 'suback', packetId: 1, reasonCodes: [0x87] }, 4, RangeError],
  ['0x80 in a SUBACK of 3.1', { type: 'suback', packetId: 1, reasonCodes: [0x80] }, 3, RangeError],
  ['no reason code in UNSUBACK', { type: 'unsuback', packetId: 1, reasonCodes: [] }, 5, RangeError],
  ['a reason code that UNSUBACK does not have [MQTT-3.11.3-2]', { type: 'unsuback', packetId: 1, reasonCodes: [1] }, 5, RangeError],
  ['a reason code in DISCONNECT before 5.0', { type: 'disconnect', reasonCode: 4 }, 4, RangeError],
  ['a reason code that DISCONNECT does not have [MQTT-3.14.2-1]', { type: 'disconnect', reasonCode: 1 }, 5, RangeError],
  ['AUTH before 5.0', { type: 'auth', reasonCode: 0 }, 4, TypeError],
  ['AUTH without a method', { type: 'auth', reasonCode: 0x18 }, 5, TypeError],
  [
    'a reason code that AUTH does not have [MQTT-3.15.2-1]',
    { type: 'auth', reasonCode: 1, properties: { authenticationMethod: 'm' } },
    5,
    RangeError,
  ],
];

describe('the encoder refuses', () => {
  for (const [name, packet, version, errorClass] of mistakes) {
    it(`${name}, ${version}`, () => {
      expect(() => encode(packet, version)).toThrow(errorClass);
      expect(() => encodeInto(packet, version, new Uint8Array(200_000), 0)).toThrow(errorClass);
      // The flags of a PUBLISH do not change its length.
      if (!/QoS [03] \[MQTT-3\.3|^packet identifier/.test(name)) expect(() => encodedLength(packet, version)).toThrow(errorClass);
    });
  }

  it('a PUBLISH above the largest Remaining Length', () => {
    // A payload that only says that it is long: nothing is allocated.
    const huge = { length: 268_435_456 } as Uint8Array;
    expect(() => encodedLength({ ...publish, payload: huge }, 4)).toThrow(RangeError);
  });
});

describe('the encoder', () => {
  it('takes the fewest bytes for Remaining Length [MQTT-1.5.5-1]', () => {
    const lengths = [
      [127, 1],
      [128, 2],
      [16_383, 2],
      [16_384, 3],
      [2_097_151, 3],
      [2_097_152, 4],
      [268_435_455, 4],
    ] as const;
    for (const [remainingLength, bytes] of lengths) {
      const length = remainingLength - 3; // The topic name takes three.
      expect(encodedLength({ ...publish, payload: { length } as Uint8Array }, 4)).toBe(1 + bytes + remainingLength);
      if (remainingLength > 2_097_152) continue;
      const encoded = encode({ ...publish, payload: new Uint8Array(length) }, 4);
      expect(encoded.subarray(1, 1 + bytes)).toEqual(variable(remainingLength));
      expect(encoded.length).toBe(1 + bytes + remainingLength);
    }
  });

  it('leaves properties out before 5.0', () => {
    const bytes = encode(publish, 4);
    expect(encode({ ...publish, properties: { messageExpiryInterval: 1 } }, 4)).toEqual(bytes);
    const suback: Packet = { type: 'suback', packetId: 1, reasonCodes: [0] };
    expect(encode({ ...suback, properties: { reasonString: 'r' } }, 4)).toEqual(encode(suback, 4));
  });

  it('treats an empty list of properties as none', () => {
    expect(encode({ type: 'puback', packetId: 1, reasonCode: 0, properties: {} }, 5)).toEqual(Uint8Array.of(0x40, 2, 0, 1));
    expect(encode({ type: 'disconnect', reasonCode: 0, properties: { userProperties: [] } }, 5)).toEqual(Uint8Array.of(0xe0, 0));
  });

  it('writes nothing before a packet that does not fit', () => {
    const target = new Uint8Array(encodedLength(connect, 4) - 1);
    expect(() => encodeInto(connect, 4, target, 0)).toThrow(RangeError);
    expect(target).toEqual(new Uint8Array(target.length));
    expect(() => encodeInto(publish, 4, new Uint8Array(20), -1)).toThrow(RangeError);
  });
});
