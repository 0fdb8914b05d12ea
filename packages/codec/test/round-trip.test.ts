import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, encodedLength, isWellFormedString, type Packet, type ProtocolVersion, type Sender } from '../src/index.js';
import { anyConnect, anyPacket } from './support/arbitrary-packets.js';
import { byteByByte, decodeAll, decoderOptions, fingerprint } from './support/decoding.js';

const versions: readonly ProtocolVersion[] = [3, 4, 5];
const sides: readonly Sender[] = ['client', 'server'];

/** Cuts bytes into chunks of the given lengths, over and over. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const length = lengths[index % lengths.length];
    chunks.push(bytes.slice(at, at + length));
    at += length;
  }
  return chunks;
}

describe('round trip', () => {
  for (const version of versions) {
    it(`of any CONNECT, ${version}`, () => {
      fc.assert(
        fc.property(anyConnect(version), (packet) => {
          const bytes = encode(packet, version);
          expect(encodedLength(packet, version)).toBe(bytes.length);
          expect(fingerprint(decodeAll([bytes], decoderOptions('client', undefined)))).toBe(fingerprint([packet]));
          expect(fingerprint(decodeAll([Buffer.from(bytes)], decoderOptions('client', undefined)))).toBe(fingerprint([packet]));
        }),
        { numRuns: 1000, seed: 1 },
      );
    });

    for (const from of sides) {
      it(`of any packets from a ${from} in any chunks, ${version}`, () => {
        const packets = fc.array(anyPacket(version, from), { minLength: 1, maxLength: 6 });
        const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })), {
          minLength: 1,
          maxLength: 5,
        });
        fc.assert(
          fc.property(packets, lengths, fc.boolean(), (expected: Packet[], chunkLengths, asBuffers) => {
            const encoded = expected.map((packet) => encode(packet, version));
            encoded.forEach((piece, index) => expect(encodedLength(expected[index], version)).toBe(piece.length));
            const bytes = Uint8Array.from(encoded.flatMap((piece) => [...piece]));
            const chunks = cut(bytes, chunkLengths).map((chunk) => (asBuffers ? Buffer.from(chunk) : chunk));
            const options = decoderOptions(from, version);
            expect(fingerprint(decodeAll([bytes], options))).toBe(fingerprint(expected));
            expect(fingerprint(decodeAll(chunks, options))).toBe(fingerprint(expected));
          }),
          { numRuns: 400, seed: 2 },
        );
      });
    }
  }

  it('of strings of every code point [MQTT-1.5.4-1]', () => {
    const options = decoderOptions('client', 5);
    for (let start = 1; start < 0x110000; start += 5000) {
      let value = '';
      for (let codePoint = start; codePoint < Math.min(start + 5000, 0x110000); codePoint += 1) {
        if (codePoint < 0xd800 || codePoint > 0xdfff) value += String.fromCodePoint(codePoint);
      }
      expect(isWellFormedString(value)).toBe(true);
      const packet: Packet = { type: 'puback', packetId: 1, reasonCode: 0, properties: { reasonString: value } };
      const bytes = encode(packet, 5);
      expect(fingerprint(bytes.subarray(-Buffer.byteLength(value)))).toBe(fingerprint(new TextEncoder().encode(value)));
      expect(fingerprint(decodeAll([bytes], options)), 'portable').toBe(fingerprint([packet]));
      expect(fingerprint(decodeAll([Buffer.from(bytes)], options)), 'by the methods of the chunk').toBe(fingerprint([packet]));
    }
  });

  it('agrees with the platform about what is UTF-8, for any bytes', () => {
    const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const options = decoderOptions('client', 5);
    const nearUtf8 = fc.array(
      fc.constantFrom(
        0x41,
        0x7f,
        0x80,
        0x8f,
        0x90,
        0x9f,
        0xa0,
        0xbf,
        0xc0,
        0xc1,
        0xc2,
        0xdf,
        0xe0,
        0xe1,
        0xed,
        0xef,
        0xf0,
        0xf1,
        0xf4,
        0xf5,
        0xff,
      ),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(nearUtf8, (content) => {
        let expected: string | undefined;
        try {
          expected = fatal.decode(Uint8Array.from(content));
        } catch {
          expected = undefined;
        }
        const bytes = Uint8Array.of(0x40, content.length + 7, 0, 1, 0, content.length + 3, 0x1f, 0, content.length, ...content);
        let decoded: string | undefined;
        try {
          const [packet] = decodeAll(byteByByte(bytes), options);
          decoded = packet?.type === 'puback' ? packet.properties?.reasonString : undefined;
        } catch {
          decoded = undefined;
        }
        expect(decoded).toBe(expected);
      }),
      { numRuns: 10_000, seed: 3 },
    );
  });
});
