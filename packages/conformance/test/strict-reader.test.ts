import { describe, expect, test } from 'vitest';
import { type Version } from '../src/wire/requests.js';
import { ServerBreach } from '../src/wire/server-breach.js';
import { StrictReader } from '../src/wire/strict-reader.js';

const breaches: readonly (readonly [Version, string, string])[] = [
  [4, '21020000', 'CONNACK with flags'],
  [4, '20020200', 'CONNACK with a reserved acknowledge flag'],
  [4, '20020006', 'CONNACK with an unknown return code'],
  [4, '20020101', 'Session Present with a refusal'],
  [3, '20020100', 'Session Present in 3.1'],
  [4, '2003000000', 'bytes behind CONNACK'],
  [5, '20020000', 'CONNACK of 5.0 without properties'],
  [5, '2003000300', 'CONNACK with a SUBACK code'],
  [5, '20050000022601', 'a property that is cut off'],
  [5, '200600000221000a', 'Property Length against content'],
  [5, '2006000003210000', 'Receive Maximum 0'],
  [5, '200900000621000121000a', 'a property twice'],
  [5, '20050000023501', 'an unknown property'],
  [5, '20050000020100', 'a property of PUBLISH in CONNACK'],
  [4, '308000', 'Remaining Length not in its shortest form'],
  [4, '3080808080', 'Remaining Length of five bytes'],
  [4, '3603000161', 'QoS 3'],
  [4, '3803000161', 'DUP with QoS 0'],
  [4, '32050001610000', 'Packet Identifier 0'],
  [4, '3003000123', 'a wildcard in the Topic Name'],
  [4, '30020000', 'an empty Topic Name'],
  [4, '3003000100', 'U+0000'],
  [4, '300500036f80ff', 'ill-formed UTF-8'],
  [4, '300400050061', 'a length beyond the end'],
  [5, '300700016103230000', 'Topic Alias 0'],
  [5, '3006000161020b00', 'Subscription Identifier 0'],
  [5, '3006000161020102', 'Payload Format Indicator 2'],
  [4, '40020000', 'PUBACK with identifier 0'],
  [4, '4003000100', 'PUBACK of 3.1.1 with a reason code'],
  [5, '4003000192', 'PUBACK with a PUBREL code'],
  [4, '60020001', 'PUBREL without its flags'],
  [4, '9003000103', 'SUBACK with 3'],
  [3, '9003000180', 'a failure in SUBACK of 3.1'],
  [4, '90020001', 'SUBACK without codes'],
  [4, 'b003000100', 'UNSUBACK of 3.1.1 with codes'],
  [5, 'b004000100aa', 'UNSUBACK with an unknown code'],
  [4, 'd00100', 'PINGRESP with content'],
  [4, 'e000', 'DISCONNECT of a 3.1.1 server'],
  [5, 'e0078105110000000a', 'Session Expiry Interval in DISCONNECT of a server'],
  [5, 'e00104', 'DISCONNECT with a code of clients'],
  [5, 'f00119', 'AUTH with a code of clients'],
  [4, 'f000', 'AUTH in 3.1.1'],
  [4, '1000', 'CONNECT from a server'],
  [4, '8200', 'SUBSCRIBE from a server'],
  [4, 'c000', 'PINGREQ from a server'],
];

describe('the strict reader', () => {
  for (const [version, hexadecimal, title] of breaches) {
    test(`refuses ${title} (version ${version})`, () => {
      expect(() => new StrictReader(version).read(Buffer.from(hexadecimal, 'hex'))).toThrow(ServerBreach);
    });
  }

  test('reads the same from any chunking', () => {
    const stream = Buffer.from(`20030000003206000161000700${'4002000a'}d000e0020000`, 'hex');
    const whole = new StrictReader(5).read(stream);
    expect(whole.map(({ type }) => type)).toEqual(['connack', 'publish', 'puback', 'pingresp', 'disconnect']);
    const bytewise = new StrictReader(5);
    expect([...stream].flatMap((byte) => bytewise.read(Buffer.of(byte)))).toEqual(whole);
    expect(bytewise.pendingBytes).toBe(0);
  });

  test('gives every property of a PUBLISH', () => {
    const content = '3c280003612f620005230101020000000a03000163080001720900020001260001 6e0001 760b8001 0b05 23 0003 70'.replaceAll(
      ' ',
      '',
    );
    const [packet] = new StrictReader(5).read(Buffer.from(`${content.slice(0, 2)}${lengthOf(content)}${content.slice(4)}`, 'hex'));
    expect(packet).toMatchObject({ type: 'publish', topic: 'a/b', qos: 2, dup: true, retain: false, packetId: 5 });
    expect(packet.type === 'publish' && packet.properties).toMatchObject({
      payloadFormatIndicator: 1,
      messageExpiryInterval: 10,
      contentType: 'c',
      responseTopic: 'r',
      correlationData: Buffer.of(0, 1),
      userProperties: [['n', 'v']],
      subscriptionIdentifiers: [128, 5],
      topicAlias: 3,
    });
    expect(packet.type === 'publish' && packet.payload.toString()).toBe('p');
  });
});

function lengthOf(content: string): string {
  return ((content.length - 4) / 2).toString(16).padStart(2, '0');
}
