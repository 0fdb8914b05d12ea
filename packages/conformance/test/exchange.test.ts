import { expect, test } from 'vitest';
import { describePackets } from '../src/wire/describe.js';
import { Exchange, exchangeText } from '../src/wire/exchange.js';
import { property } from '../src/wire/properties.js';
import { acknowledge, connect, disconnect, publish, subscribe, unsubscribe } from '../src/wire/requests.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Bytes, and what a reader of the report is told about them. */
const rows: readonly (readonly [version: 3 | 4 | 5, content: Buffer, lines: readonly string[]])[] = [
  [
    5,
    connect(5, { clientId: 'c', properties: [property.receiveMaximum(7)], will: { topic: 'w', payload: 'x', qos: 1, retain: true } }),
    [
      'CONNECT "MQTT" level 5, Clean Start 1, Keep Alive 0, receiveMaximum 7, client id "c", will QoS 1 RETAIN, will topic "w", will payload "x"',
    ],
  ],
  [
    4,
    connect(4, { clientId: '', cleanStart: false, userName: 'u', password: 'secret' }),
    ['CONNECT "MQTT" level 4, Clean Session 0, Keep Alive 0, client id "", user name "u", password of 6 bytes'],
  ],
  [5, hex('20 03 00 87 00'), ['CONNACK 0x87 Not authorized, Session Present 0']],
  [4, hex('20 02 01 00'), ['CONNACK 0x00 Connection Accepted, Session Present 1']],
  [
    5,
    publish(5, { topic: 'a/b', qos: 1, packetId: 3, dup: true, retain: true, payload: 'p', properties: [property.userProperty('k', 'v')] }),
    ['PUBLISH QoS 1 DUP RETAIN, topic "a/b", id 3, userProperty "k" = "v", payload "p"'],
  ],
  [5, acknowledge('pubrel', 9, 0x92), ['PUBREL id 9 0x92 Packet Identifier not found']],
  [4, hex('40 02 00 01 d0 00'), ['PUBACK id 1', 'PINGRESP']],
  [
    5,
    subscribe(5, 2, [{ filter: 'f', qos: 1, noLocal: true }, { filter: '#' }]),
    ['SUBSCRIBE id 2, filter "f" QoS 1 options 0x05, filter "#" QoS 0'],
  ],
  [5, hex('90 05 00 02 00 01 a2'), ['SUBACK id 2, 0x01 Granted QoS 1, 0xa2 Wildcard Subscriptions not supported']],
  [4, hex('90 04 00 02 02 80'), ['SUBACK id 2, 0x02 Granted QoS 2, 0x80 Failure']],
  [5, unsubscribe(5, 4, ['f']), ['UNSUBSCRIBE id 4, filter "f"']],
  [5, disconnect(0x04), ['DISCONNECT 0x04 Disconnect with Will Message']],
  [5, hex('e0 00'), ['DISCONNECT']],
  [4, hex('83 06 00 01 00 01 61 00'), ['SUBSCRIBE with flags 3 id 1, filter "a" QoS 0']],
  [4, hex('30 0a 00 01 61 70'), ['PUBLISH (4 of 10 bytes) QoS 0, topic "a", payload "p"']],
  [4, hex('30 03 00 09 61'), ['PUBLISH (malformed: cut off)']],
  [
    4,
    hex('30 ff ff ff ff 01'),
    ['PUBLISH (malformed: a length of more than four bytes)', 'packet type 0 with flags 1 (malformed: cut off)'],
  ],
  [5, hex('30 06 00 01 61 02 7e 00'), ['PUBLISH QoS 0, topic "a", property 0x7e, which is not defined, payload ""']],
  [4, hex('c0 02 00 00'), ['PINGREQ, 2 bytes more']],
];

for (const [version, content, lines] of rows) {
  test(`tells what ${content.toString('hex').slice(0, 40)} means`, () => {
    expect(describePackets(content, version)).toEqual(lines);
  });
}

test('never fails, whatever the bytes', () => {
  let state = 11;
  for (let round = 0; round < 20_000; round++) {
    const content = Buffer.alloc(round % 24);
    for (let index = 0; index < content.length; index++) content[index] = (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) >> 16;
    expect(describePackets(content, round % 2 === 0 ? 4 : 5).length).toBeLessThan(12);
  }
});

test('shows the steps of all connections, and no password', () => {
  const exchange = new Exchange(4, ['secret']);
  exchange.record(1, 'sent', connect(4, { clientId: 'c', userName: 'u', password: 'secret' }));
  exchange.record(1, 'received', hex('20 02 00 00'));
  exchange.record(2, 'closed by the server');
  expect(exchangeText(exchange.steps())).toBe(
    [
      '1 → CONNECT "MQTT" level 4, Clean Session 1, Keep Alive 0, client id "c", user name "u", password of 6 bytes',
      '    10 18 00 04 4d 51 54 54 04 c2 00 00 00 01 63 00 01 75 00 06 ** ** ** ** ** **',
      '1 ← CONNACK 0x00 Connection Accepted, Session Present 0',
      '    20 02 00 00',
      '2 ← the server closed the connection',
    ].join('\n'),
  );
});

test('keeps the last steps only, and the beginning of long ones', () => {
  const exchange = new Exchange(4);
  for (let index = 0; index < 100; index++) exchange.record(index, 'sent', Buffer.alloc(1000, 0x30));
  const steps = exchange.steps();
  expect(steps.length).toBe(24);
  expect(steps[0].connection).toBe(76);
  expect(steps[0].hexadecimal).toMatch(/^(30 ){64}… \(1000 bytes\)$/);
});
