import fc from 'fast-check';
import { generate, type Packet as TheirPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decoder, encode, type Packet, ProtocolError, type ProtocolVersion, type Sender } from '../src/index.js';
import { anyConnect, anyPacket } from './support/arbitrary-packets.js';
import { raw } from './support/bytes.js';
import { decodeAll, decoderOptions, fingerprint, plain } from './support/decoding.js';
import { goldenRows } from './support/golden-rows.js';
import { comparable, theirOutcome, translated } from './support/mqtt-packet.js';
import { mutated, Random } from './support/random.js';
import { refusalRows } from './support/refusal-rows.js';

interface Difference {
  /** What the refusing side says. */
  readonly message: RegExp;
  readonly why: string;
}

/** Accepted here and refused by mqtt-packet 9. */
const onlyOurs: readonly Difference[] = [
  { message: /must be 0x2 for (pubrel|subscribe|unsubscribe) packet/, why: '3.1 sets DUP on these when they are sent again' },
  { message: /bits 7-2 must be 0/, why: '3.1 calls the upper six bits of the requested QoS unused' },
  {
    message: /Cannot parse (username|password)/,
    why: '3.1: the Remaining Length takes precedence over the flags of user name and password',
  },
  { message: /Connect flag bit 0 must be 0/, why: '3.1 calls this bit unused' },
  { message: /Will (QoS|Retain Flag) must be set to zero/, why: '3.1 gives these flags no meaning without a will' },
  { message: /Invalid connack flags/, why: '3.1 calls the first byte of CONNACK unused' },
  { message: /Invalid auth reason code/, why: 'section 3.15.2.1: AUTH of Remaining Length 0 is Success without properties' },
  { message: /Invalid disconnect reason code/, why: 'section 2.4 lists 0x8C for DISCONNECT' },
];

/** Accepted by mqtt-packet 9 and refused here. */
const onlyTheirs: readonly Difference[] = [
  { message: /bytes too many$/, why: 'bytes behind the last field are no part of any packet' },
  { message: /reaches beyond the packet$/, why: 'a field that is cut off' },
  { message: /not well-formed UTF-8$/, why: '[MQTT-1.5.4-1]' },
  { message: /contains U\+0000$/, why: '[MQTT-1.5.4-2]' },
  { message: /takes more bytes than it needs$|takes more than four bytes$/, why: '[MQTT-1.5.5-1]' },
  { message: /Topic(?: Name)? contains a wildcard$/, why: '[MQTT-3.3.2-2] [MQTT-3.3.2-14]' },
  { message: /(Topic|Topic Name|Topic Filter) is empty$|empty Topic Name$|neither Topic Name nor Topic Alias$/, why: '[MQTT-4.7.3-1]' },
  { message: /^Topic Filter has/, why: '[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]' },
  { message: /Packet Identifier (is )?0$/, why: '[MQTT-2.2.1-3]' },
  { message: /without (topic filters|reason codes)$/, why: '[MQTT-3.8.3-2] [MQTT-3.10.3-2] [MQTT-3.8.4-6]' },
  { message: /from a (client|server)$/, why: 'a packet, property or reason code of the other side' },
  { message: /before CONNECT$/, why: '[MQTT-3.1.0-1]' },
  { message: /^a second CONNECT$/, why: '[MQTT-3.1.0-2]' },
  { message: /with reason code \d+$/, why: 'a reason code that the packet does not have, in 3.1 SUBACK also 0x80' },
  { message: /with DUP and QoS 0$/, why: '[MQTT-3.3.1-2]' },
  { message: /is not allowed here$/, why: 'section 2.2.2.2: the property belongs to another packet' },
  { message: /stands twice$/, why: 'section 2.2.2.2 and each property: at most once' },
  { message: /is neither 0 nor 1$/, why: 'sections 3.1.2.11.6 and following: a byte that is 0 or 1' },
  {
    message: /^(topicAlias|receiveMaximum|maximumPacketSize|Subscription Identifier) is 0$/,
    why: '[MQTT-3.3.2-8] and sections 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2',
  },
  { message: /^Will QoS is 3$/, why: '[MQTT-3.1.2-12]' },
  { message: /^Password without User Name$/, why: '[v3.1.1 MQTT-3.1.2-22]' },
  { message: /protocol level/, why: '[MQTT-3.1.2-2]: a level with a name that it does not go with' },
  { message: /^Authentication Data without|^AUTH without Authentication Method$/, why: 'sections 3.1.2.11.10 and 3.15.2.2.2' },
  { message: /^No Local on a shared subscription$/, why: '[MQTT-3.8.3-4]' },
  { message: /^CONNACK refuses with Session Present$/, why: '[MQTT-3.2.2-6]' },
];

/** Accepted by both, and not the same. */
const bothDiffer: readonly {
  readonly why: string;
  readonly applies: (ours: Packet, theirs: TheirPacket, version: ProtocolVersion) => boolean;
}[] = [
  { why: '3.1 has no Session Present', applies: (ours, _theirs, version) => ours.type === 'connack' && version === 3 },
  {
    why: 'mqtt-packet forgets the empty value of a user property when another of the same name follows',
    applies: (ours) => {
      const list =
        ours.type === 'connect' ? [ours.properties, ours.will?.properties] : ['properties' in ours ? ours.properties : undefined];
      return list.some((properties) => {
        const pairs = properties !== undefined && 'userProperties' in properties ? (properties.userProperties ?? []) : [];
        return pairs.some(([name, value], index) => value === '' && pairs.slice(index + 1).some((pair) => pair[0] === name));
      });
    },
  },
];

interface Tally {
  agreed: number;
  readonly seen: Set<string>;
  readonly unlisted: string[];
}

function ourOutcome(
  bytes: Uint8Array,
  from: Sender,
  version: ProtocolVersion | undefined,
): { packets: Packet[]; error?: ProtocolError; rest: number } {
  const packets: Packet[] = [];
  const decoder = new Decoder({ receive: (packet) => void packets.push(plain(packet)) }, decoderOptions(from, version));
  try {
    decoder.push(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { packets, error, rest: 0 };
  }
  return { packets, rest: decoder.bufferedBytes };
}

function compare(bytes: Uint8Array, from: Sender, version: ProtocolVersion, isFirst: boolean, tally: Tally): void {
  const ours = ourOutcome(bytes, from, isFirst ? undefined : version);
  const theirs = theirOutcome(bytes, version);
  const note = (list: readonly Difference[], message: string): void => {
    const difference = list.find((candidate) => candidate.message.test(message));
    if (difference === undefined) tally.unlisted.push(`${message}: ${Buffer.from(bytes).toString('hex')}`);
    else tally.seen.add(difference.why);
  };
  if (ours.error !== undefined) {
    if (ours.packets.length === 0 && theirs.error === undefined && theirs.packets.length === 1) note(onlyTheirs, ours.error.message);
    return;
  }
  const [packet] = ours.packets;
  if (packet === undefined || ours.packets.length > 1 || ours.rest > 0) return; // Several packets, or none that is complete: nothing to compare one by one.
  if (theirs.error !== undefined) return note(onlyOurs, theirs.error.message);
  const [theirPacket] = theirs.packets;
  if (theirPacket === undefined) return note(onlyOurs, 'no packet');
  const packetVersion = packet.type === 'connect' ? packet.protocolVersion : version;
  if (fingerprint(comparable(packet)) === fingerprint(translated(theirPacket, packetVersion))) {
    tally.agreed += 1;
    return;
  }
  const difference = bothDiffer.find((candidate) => candidate.applies(packet, theirPacket, packetVersion));
  if (difference === undefined) tally.unlisted.push(`not the same: ${Buffer.from(bytes).toString('hex')}`);
  else tally.seen.add(difference.why);
}

describe('mqtt-packet 9 as a second opinion', () => {
  const stackTraceLimit = Error.stackTraceLimit;
  const seen = new Set<string>();
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  for (const version of [3, 4, 5] as const) {
    for (const from of ['client', 'server'] as const) {
      it(`valid and mutated packets, ${version} from a ${from}: the same, or a listed difference`, { timeout: 60_000 }, () => {
        const random = new Random(7);
        const rows = goldenRows.filter((row) => row.versions.includes(version) && row.from.includes(from) && row.bytes.length < 1000);
        const connects = from === 'client' ? fc.sample(anyConnect(version), { numRuns: 150, seed: 8 }) : [];
        const packets = [...connects, ...fc.sample(anyPacket(version, from), { numRuns: 300, seed: 9 })];
        const corpus = [...rows.map((row) => row.bytes), ...packets.map((packet) => encode(packet, version))];
        const tally: Tally = { agreed: 0, seen, unlisted: [] };
        const refused = refusalRows.filter((row) => row.from === from && (row.versions as readonly unknown[]).includes(version));
        const refusedFirst = version === 5 && from === 'client' ? refusalRows.filter((row) => row.versions.includes(undefined)) : [];
        for (const { bytes } of refused) compare(bytes, from, version, false, tally);
        for (const { bytes } of refusedFirst) compare(bytes, from, version, true, tally);
        for (const bytes of corpus) compare(bytes, from, version, bytes[0] === 0x10, tally);
        expect(tally.agreed).toBeGreaterThan(corpus.length * 0.9);
        for (let count = 0; count < 15_000; count += 1) {
          const seed = corpus[random.below(corpus.length)];
          compare(mutated(seed, corpus[random.below(corpus.length)], random), from, version, seed[0] === 0x10, tally);
        }
        expect(tally.unlisted).toEqual([]);
        expect(tally.agreed).toBeGreaterThan(1000);
      });
    }
  }

  it('every listed difference was met', () => {
    const listed = [...onlyOurs, ...onlyTheirs, ...bothDiffer].map((difference) => difference.why);
    expect(listed.filter((why) => !seen.has(why))).toEqual([]);
  });

  it('what it generates is decoded to what it meant', () => {
    const packets: TheirPacket[] = [
      {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 5,
        clean: true,
        clientId: 'c',
        keepalive: 9,
        properties: { receiveMaximum: 5, userProperties: { a: ['1', '2'] } },
      },
      {
        cmd: 'publish',
        topic: 'a/b',
        payload: Buffer.from('x'),
        qos: 1,
        messageId: 3,
        dup: false,
        retain: true,
        properties: { payloadFormatIndicator: true, subscriptionIdentifier: [1, 200] },
      },
      {
        cmd: 'subscribe',
        messageId: 4,
        subscriptions: [{ topic: '$share/g/a', qos: 2, nl: false, rap: true, rh: 1 }],
        properties: { subscriptionIdentifier: 300 },
      },
      { cmd: 'suback', messageId: 4, granted: [2], properties: { reasonString: 'r' } },
      { cmd: 'disconnect', reasonCode: 0x8e, properties: { serverReference: 's' } },
    ];
    for (const packet of packets) {
      const from = packet.cmd === 'connect' || packet.cmd === 'subscribe' ? 'client' : 'server';
      const [decoded] = decodeAll(
        [generate(packet, { protocolVersion: 5 })],
        decoderOptions(from, packet.cmd === 'connect' ? undefined : 5),
      );
      expect(fingerprint(comparable(decoded))).toBe(fingerprint(translated(packet, 5)));
    }
  });

  it('known: it loses the order of user properties of different names, which 5.0 keeps [MQTT-3.3.2-18]', () => {
    const userProperties = [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ] as const; // prettier-ignore
    const bytes = encode({ type: 'puback', packetId: 1, reasonCode: 0, properties: { userProperties } }, 5);
    expect(decodeAll([bytes], decoderOptions('client', 5))).toMatchObject([{ properties: { userProperties } }]);
    expect(theirOutcome(bytes, 5).packets[0]).toMatchObject({ properties: { userProperties: { a: '2', b: ['1', '3'] } } });
  });

  it('known: it accepts Topic Alias 0 [MQTT-3.3.2-8], and refuses AUTH of Remaining Length 0', () => {
    expect(theirOutcome(raw([0x30, 7, 0, 1, 0x61, 3, 0x23, 0, 0]), 5).packets).toHaveLength(1);
    expect(theirOutcome(raw([0xf0, 0]), 5).error).toBeInstanceOf(Error);
  });
});
