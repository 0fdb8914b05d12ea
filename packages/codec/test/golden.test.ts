import { describe, expect, it } from 'vitest';
import { encode, encodedLength, encodeInto, type Packet, type ProtocolVersion, type Sender } from '../src/index.js';
import { byteByByte, decodeAll, decoderOptions, plain, splits } from './support/decoding.js';
import { type GoldenRow, goldenRows } from './support/golden-rows.js';

interface Case {
  readonly title: string;
  readonly row: GoldenRow;
  readonly from: Sender;
  readonly version: ProtocolVersion;
}

const cases: Case[] = goldenRows.flatMap((row) =>
  row.versions.flatMap((version) => row.from.map((from) => ({ title: `${row.name}, ${version} from a ${from}`, row, from, version }))),
);

/** CONNECT tells its version itself; everything else comes on a connection whose version is known. */
function optionsOf({ row, from, version }: Case): ReturnType<typeof decoderOptions> {
  return decoderOptions(from, row.packet.type === 'connect' ? undefined : version);
}

describe('golden bytes', () => {
  it('has rows for all packets in both directions', () => {
    const types = new Set(goldenRows.map((row) => row.packet.type));
    expect(types.size).toBe(15);
    expect(cases.length).toBeGreaterThan(300);
  });

  for (const testCase of cases) {
    const { row, version, title } = testCase;
    const options = optionsOf(testCase);
    it(title, () => {
      const expected: Packet[] = [plain(row.packet)];
      expect(decodeAll([row.bytes], options), 'decode').toEqual(expected);
      expect(decodeAll([Buffer.from(row.bytes)], options), 'decode, with the methods of a Buffer').toEqual(expected);
      if (row.isCanonical !== false) {
        expect(encode(row.packet, version), 'encode').toEqual(row.bytes);
        expect(encodedLength(row.packet, version)).toBe(row.bytes.length);
        const target = new Uint8Array(row.bytes.length + 5).fill(0xaa);
        expect(encodeInto(row.packet, version, target, 3)).toBe(row.bytes.length + 3);
        expect(target).toEqual(Uint8Array.of(0xaa, 0xaa, 0xaa, ...row.bytes, 0xaa, 0xaa));
        expect(() => encodeInto(row.packet, version, target, 6)).toThrow(RangeError);
      } else {
        // What is valid without being canonical is decoded to something that can be encoded (a DUP without meaning apart).
        if (row.packet.type !== 'publish') expect(decodeAll([encode(row.packet, version)], options)).toEqual(expected);
      }
      if (row.bytes.length > 1000) return; // Splitting costs a decoder per byte; the long rows are there for their lengths.
      for (const chunks of splits(row.bytes)) expect(decodeAll(chunks, options)).toEqual(expected);
      expect(decodeAll(byteByByte(row.bytes), options)).toEqual(expected);
    });
  }
});
