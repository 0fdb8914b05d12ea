import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acknowledgementLengthMax,
  copyPublishFrame,
  copyPublishHead,
  DecodedPublish,
  Decoder,
  encode,
  encodeAcknowledgementInto,
  moveFrame,
  ownFrame,
  type ProtocolVersion,
  type PublishFrame,
  type PublishPacket,
  type PublishProperties,
  publishFirstByte,
  publishFrame,
} from '../src/index.js';
import { anyTopicName } from './support/arbitrary-packets.js';
import { decoderOptions } from './support/decoding.js';

const payload = Uint8Array.of(1, 2, 3, 4, 5);
const properties: PublishProperties = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 3600,
  contentType: 't',
  userProperties: [['a', 'b']],
};

function copied(frame: PublishFrame, firstByte: number, packetId: number, expiry: number): Uint8Array {
  const length = frame.end - frame.start;
  const target = new Uint8Array(length + 4).fill(0xaa);
  expect(copyPublishFrame(frame, firstByte, packetId, expiry, target, 2)).toBe(length + 2);
  expect([...target.subarray(0, 2), ...target.subarray(-2)]).toEqual([0xaa, 0xaa, 0xaa, 0xaa]);
  return target.slice(2, -2);
}

/** Decodes one PUBLISH in the middle of a chunk and hands it to `use` while it is valid. */
function withDecoded(packet: PublishPacket, version: ProtocolVersion, use: (decoded: DecodedPublish) => void): void {
  const before = encode({ type: 'puback', packetId: 9, reasonCode: 0 }, version);
  const bytes = encode(packet, version);
  let seen = 0;
  const decoder = new Decoder(
    {
      receive(received) {
        if (!(received instanceof DecodedPublish)) return;
        seen += 1;
        use(received);
      },
    },
    decoderOptions('server', version),
  );
  decoder.push(Uint8Array.of(...before, ...bytes, ...before));
  expect(seen).toBe(1);
}

describe('publishFrame', () => {
  for (const version of [3, 4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      it(`copies to what encode writes, ${version} QoS ${qos}`, () => {
        fc.assert(
          fc.property(anyTopicName, fc.uint8Array({ maxLength: 300 }), fc.boolean(), (topicName, content, hasExpiry) => {
            const list = hasExpiry ? properties : { contentType: 'x' };
            const frame = publishFrame(version, { topicName, payload: content, properties: list }, qos > 0);
            const packetId = qos === 0 ? 0 : 777;
            const packet: PublishPacket = { type: 'publish', dup: qos > 0, qos, retain: true, topicName, packetId, payload: content };
            const withList = { ...packet, properties: hasExpiry && version === 5 ? { ...list, messageExpiryInterval: 5 } : list };
            const expected = encode(withList, version);
            expect(copied(frame, publishFirstByte(qos, true, qos > 0), packetId, 5)).toEqual(expected);
            expect(copied(ownFrame(frame), publishFirstByte(qos, true, qos > 0), packetId, 5)).toEqual(expected);
            const room = { bytes: new Uint8Array(1000), take: () => 300 };
            const among = publishFrame(version, { topicName, payload: content, properties: list }, qos > 0, room);
            expect(among.start).toBe(300);
            expect(copied(among, publishFirstByte(qos, true, qos > 0), packetId, 5), 'in room that is given').toEqual(expected);
            const head = new Uint8Array(expected.length);
            const headEnd = copyPublishHead(frame, publishFirstByte(qos, true, qos > 0), packetId, 5, head, 0);
            expect(headEnd).toBe(expected.length - content.length);
            expect(head.subarray(0, headEnd)).toEqual(expected.subarray(0, headEnd));
            expect(frame.bytes.subarray(frame.payloadStart, frame.end)).toEqual(content);
          }),
          { numRuns: 100, seed: 6 },
        );
      });
    }
  }

  it('leaves the Message Expiry Interval as it is for -1, and patches it up to 32 bits [MQTT-3.3.2-6]', () => {
    for (const list of [{ messageExpiryInterval: 3600 }, properties]) {
      const frame = publishFrame(5, { topicName: 'a', payload, properties: list }, false);
      const expected = (messageExpiryInterval: number) =>
        encode(
          {
            type: 'publish',
            dup: false,
            qos: 0,
            retain: false,
            topicName: 'a',
            packetId: 0,
            payload,
            properties: { ...list, messageExpiryInterval },
          },
          5,
        );
      expect(copied(frame, 0x30, 0, -1)).toEqual(expected(3600));
      expect(copied(frame, 0x30, 0, 0xffff_fffe)).toEqual(expected(0xffff_fffe));
      expect(copied(frame, 0x30, 0, 0)).toEqual(expected(0));
    }
  });

  it('stands for its topic by an alias, and carries subscription identifiers', () => {
    const list = { topicAlias: 7, subscriptionIdentifiers: [5, 300] };
    const frame = publishFrame(5, { topicName: '', payload, properties: list }, true);
    withDecoded(
      { type: 'publish', dup: false, qos: 1, retain: false, topicName: '', packetId: 3, payload, properties: list },
      5,
      (decoded) => {
        expect(copied(frame, 0x32, 3, -1)).toEqual(copied(decoded, 0x32, 3, -1));
        expect(decoded.properties).toEqual(list);
      },
    );
  });

  it('refuses what no packet can say', () => {
    expect(() => publishFrame(5, { topicName: '', payload }, false)).toThrow(TypeError);
    expect(() => publishFrame(4, { topicName: '', payload, properties: { topicAlias: 1 } }, false)).toThrow(TypeError);
    expect(() => publishFrame(4, { topicName: 'a/+', payload }, false)).toThrow(TypeError);
    expect(() => publishFrame(4, { topicName: '\ud800', payload }, false)).toThrow(TypeError);
    expect(() => publishFrame(4, { topicName: 'x'.repeat(65_536), payload }, false)).toThrow(RangeError);
    expect(() => publishFrame(5, { topicName: 'x', payload, properties: { topicAlias: 0 } }, false)).toThrow(RangeError);
  });
});

describe('DecodedPublish', () => {
  const packet: PublishPacket = { type: 'publish', dup: true, qos: 2, retain: true, topicName: 'a/é', packetId: 513, payload, properties };

  it('is a frame: it can be copied to another receiver without being encoded', () => {
    withDecoded(packet, 5, (decoded) => {
      expect(decoded.forwardable).toBe(true);
      const expected = encode(
        { ...packet, dup: false, qos: 1, retain: false, packetId: 2, properties: { ...properties, messageExpiryInterval: 9 } },
        5,
      );
      expect(copied(decoded, 0x32, 2, 9)).toEqual(expected);
      expect(copied(decoded, 0x32, 2, 9), 'a second time').toEqual(expected);
      expect(decoded.start).toBeGreaterThan(0);
      expect(copied(ownFrame(decoded), 0x32, 2, 9), 'on bytes of its own').toEqual(expected);
      const shared = new Uint8Array(7 + expected.length);
      expect(copied(moveFrame(decoded, shared, 7), 0x32, 2, 9), 'on bytes that others share').toEqual(expected);
      expect(() => moveFrame(decoded, shared, 8)).toThrow(RangeError);
    });
  });

  it('has the fields of the packet', () => {
    withDecoded(packet, 5, (decoded) => {
      const { type, dup, qos, retain, topicName, packetId } = decoded;
      expect({
        type,
        dup,
        qos,
        retain,
        topicName,
        packetId,
        payload: Uint8Array.from(decoded.payload),
        properties: decoded.properties,
      }).toEqual(packet);
      expect(decoded.payload).toBe(decoded.payload);
    });
  });

  it('is not forwardable with an alias or with subscription identifiers', () => {
    for (const list of [{ topicAlias: 1 }, { subscriptionIdentifiers: [1] }]) {
      withDecoded({ ...packet, properties: list }, 5, (decoded) => expect(decoded.forwardable).toBe(false));
    }
    withDecoded({ ...packet, properties: undefined }, 4, (decoded) => {
      expect(decoded.forwardable).toBe(true);
      expect(decoded.messageExpiryAt).toBe(-1);
    });
  });

  it('outlives its chunk as an own frame; its properties are copies anyway', () => {
    const list = { ...properties, correlationData: Uint8Array.of(7, 8) };
    const chunk = encode({ ...packet, properties: list }, 5);
    const expected = copied({ ...publishFrame(5, { topicName: packet.topicName, payload, properties: list }, true) }, 0x32, 4, -1);
    const kept: { frame?: PublishFrame; properties?: PublishProperties } = {};
    const decoder = new Decoder(
      {
        receive(received) {
          if (!(received instanceof DecodedPublish)) return;
          kept.frame = ownFrame(received);
          kept.properties = received.properties;
        },
      },
      decoderOptions('client', 5),
    );
    decoder.push(chunk);
    chunk.fill(0xff);
    expect(copied(kept.frame!, 0x32, 4, -1)).toEqual(expected);
    expect(kept.properties).toEqual(list);
  });

  it('gives equal topic names as the same string, and never a wrong one', () => {
    const names: string[] = [];
    const decoder = new Decoder(
      { receive: (received) => void names.push((received as PublishPacket).topicName) },
      decoderOptions('client', 4),
    );
    const expected = Array.from({ length: 20_000 }, (_, index) => (index % 3 === 0 ? `t/${index}` : `topic/${index % 1999}`));
    for (const topicName of expected)
      decoder.push(encode({ ...packet, dup: false, qos: 0, packetId: 0, topicName, properties: undefined }, 4));
    expect(names).toEqual(expected);
  });
});

describe('copying', () => {
  const frame = publishFrame(4, { topicName: 'a', payload }, true);

  it('refuses what does not fit, another layout and packet identifier 0', () => {
    const length = frame.end - frame.start;
    expect(() => copyPublishFrame(frame, 0x32, 1, -1, new Uint8Array(length - 1), 0)).toThrow(RangeError);
    expect(() => copyPublishFrame(frame, 0x32, 1, -1, new Uint8Array(length), 1)).toThrow(RangeError);
    expect(() => copyPublishHead(frame, 0x32, 1, -1, new Uint8Array(frame.payloadStart - 1), 0)).toThrow(RangeError);
    expect(() => copyPublishFrame(frame, 0x30, 1, -1, new Uint8Array(100), 0)).toThrow(TypeError);
    expect(() => copyPublishFrame(publishFrame(4, { topicName: 'a', payload }, false), 0x32, 1, -1, new Uint8Array(100), 0)).toThrow(
      TypeError,
    );
    expect(() => copyPublishFrame(frame, 0x32, 0, -1, new Uint8Array(100), 0)).toThrow(RangeError);
    expect(() => copyPublishFrame(frame, 0x32, 65_536, -1, new Uint8Array(100), 0)).toThrow(RangeError);
  });
});

describe('encodeAcknowledgementInto', () => {
  it('writes what encode writes', () => {
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      for (const version of [3, 4, 5] as const) {
        for (const packetId of [1, 255, 256, 65_535]) {
          const reasonCode = type === 'puback' || type === 'pubrec' ? 0x97 : 0x92;
          for (const code of version === 5 ? [0, reasonCode] : [0]) {
            const target = new Uint8Array(acknowledgementLengthMax + 1);
            const end = encodeAcknowledgementInto(type, packetId, code, version, target, 1);
            expect(target.slice(1, end)).toEqual(encode({ type, packetId, reasonCode: code }, version));
          }
        }
      }
    }
  });

  it('leaves reason codes out before 5.0', () => {
    const target = new Uint8Array(4);
    expect(encodeAcknowledgementInto('puback', 1, 0x87, 4, target, 0)).toBe(4);
    expect(target).toEqual(Uint8Array.of(0x40, 2, 0, 1));
  });

  it('refuses what does not fit and what no packet can say', () => {
    expect(() => encodeAcknowledgementInto('puback', 1, 0, 4, new Uint8Array(3), 0)).toThrow(RangeError);
    expect(() => encodeAcknowledgementInto('puback', 1, 0x87, 5, new Uint8Array(4), 0)).toThrow(RangeError);
    expect(() => encodeAcknowledgementInto('puback', 0, 0, 4, new Uint8Array(9), 0)).toThrow(RangeError);
    expect(() => encodeAcknowledgementInto('pubrel', 1, 0x87, 5, new Uint8Array(9), 0)).toThrow(RangeError);
  });
});
