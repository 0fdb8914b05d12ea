import { describe, expect, it } from 'vitest';
import { Decoder, ProtocolError } from '../src/index.js';
import { packet, properties, raw, u16 } from './support/bytes.js';
import { byteByByte, decoderOptions, refusalOf, splits } from './support/decoding.js';
import { listAt, propertyPlaces, propertyRows } from './support/golden-rows.js';
import { refusalRows } from './support/refusal-rows.js';

describe('refused bytes', () => {
  for (const row of refusalRows) {
    for (const version of row.versions) {
      it(`${row.name}, ${version ?? 'first packet'} from a ${row.from}`, () => {
        const options = decoderOptions(row.from, version);
        const wholes = [[row.bytes], [Buffer.from(row.bytes)]];
        for (const chunks of [...wholes, ...splits(row.bytes), byteByByte(row.bytes)]) {
          const error = refusalOf(chunks, options);
          expect(error?.reasonCode).toBe(row.reasonCode);
          expect(error?.connackReturnCode).toBe(row.connackReturnCode);
        }
      });
    }
  }
});

describe('properties', () => {
  for (const place of propertyPlaces) {
    const options = decoderOptions(place.from, place.name === 'connect' || place.name === 'will' ? undefined : 5);
    const codeOf = (list: Uint8Array): number | undefined =>
      refusalOf([place.bytes(properties(listAt(place.name, list)))], options)?.reasonCode;

    for (const row of propertyRows) {
      const name = JSON.stringify(row.value);
      const identifierMeansAnother = place.name === 'publish' && 'subscriptionIdentifier' in row.value;
      if (identifierMeansAnother || (place.name === 'subscribe' && 'subscriptionIdentifiers' in row.value)) continue;
      if (!row.places.includes(place.name)) {
        const isOneSided = row.protocolErrorAt === place.name;
        it(`${place.name} refuses ${name}${isOneSided ? ' of the other side [MQTT-3.14.2-2]' : ' (section 2.2.2.2)'}`, () => {
          expect(codeOf(row.bytes)).toBe(isOneSided ? 0x82 : 0x81);
        });
        continue;
      }
      it(`${place.name} refuses wrong values of ${name}`, () => {
        for (const { bytes, reasonCode } of row.refused ?? []) expect(codeOf(bytes)).toBe(reasonCode);
        for (let length = 1; length < row.bytes.length; length += 1) {
          // Cut anywhere, a value reaches beyond the list. A list may end between two of the row's properties, though.
          if (Object.keys(row.value).length === 1) expect(codeOf(row.bytes.slice(0, length))).toBe(0x81);
        }
      });
      it(`${place.name} ${row.isRepeatable === true ? 'takes' : 'refuses'} ${name} twice`, () => {
        const twice = Uint8Array.of(...listAt(place.name, row.bytes), ...row.bytes);
        expect(codeOf(twice)).toBe(row.isRepeatable === true ? undefined : 0x82);
      });
    }
  }
});

describe('limits of the broker', () => {
  const limits = { ...decoderOptions('client', 5), propertiesMax: 2, topicLevelsMax: 3, topicFiltersMax: 2 };
  const codeOf = (bytes: Uint8Array): number | undefined => refusalOf([bytes], limits)?.reasonCode;
  const none = properties();
  const pair = [0x26, 'a', 'b'] as const;

  it('counts properties', () => {
    expect(codeOf(packet(0x30, 'a', properties(...pair, ...pair)))).toBeUndefined();
    expect(codeOf(packet(0x30, 'a', properties(...pair, ...pair, ...pair)))).toBe(0x97);
    expect(codeOf(packet(0x30, 'a', properties(...pair, ...pair, 0x01, 1)))).toBe(0x97);
  });

  it('counts topic levels, whether the name is known already or not', () => {
    const unlimited = decoderOptions('client', 5);
    const deep = packet(0x30, 'deep/er/and/deeper', none);
    expect(refusalOf([deep], unlimited)).toBeUndefined();
    expect(codeOf(deep)).toBe(0x90);
    expect(codeOf(packet(0x30, 'é/b/c/d', none))).toBe(0x90);
    expect(codeOf(packet(0x30, 'a/b/c', none))).toBeUndefined();
    expect(codeOf(packet(0x82, u16(1), none, 'a/b/c/#', 0))).toBe(0x8f);
    expect(codeOf(packet(0xa2, u16(1), none, 'a/b/c/#'))).toBe(0x8f);
    expect(codeOf(packet(0x82, u16(1), none, '$share/g/a/b/c', 0))).toBeUndefined();
    expect(codeOf(packet(0x82, u16(1), none, '$share/g/a/b/c/d', 0))).toBe(0x8f);
    const will = packet(0x10, 'MQTT', 4, 6, u16(0), 'c', 'a/b/c/d', raw([0, 0]));
    expect(refusalOf([will], { ...limits, protocolVersion: undefined })?.reasonCode).toBe(0x90);
  });

  it('counts filters', () => {
    expect(codeOf(packet(0x82, u16(1), none, 'a', 0, 'b', 0))).toBeUndefined();
    expect(codeOf(packet(0x82, u16(1), none, 'a', 0, 'b', 0, 'c', 0))).toBe(0x97);
    expect(codeOf(packet(0xa2, u16(1), none, 'a', 'b', 'c'))).toBe(0x97);
  });

  it('measures whole packets, and the limit may change between them', () => {
    const bytes = packet(0x30, 'a', none, raw('x'.repeat(94)));
    expect(bytes.length).toBe(100);
    const decoder = new Decoder({ receive: () => {} }, { ...limits, maximumPacketSize: 100 });
    decoder.push(bytes);
    decoder.maximumPacketSize = 99;
    expect(() => decoder.push(bytes.slice(0, 2))).toThrow(ProtocolError);
    decoder.push(bytes); // Ignored: it has stopped.
    expect(decoder.bufferedBytes).toBe(0);
  });
});
