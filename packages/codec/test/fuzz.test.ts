import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decoder, type DecoderOptions, encode, type Packet, ProtocolError, type ProtocolVersion, type Sender } from '../src/index.js';
import { anyConnect, anyPacket } from './support/arbitrary-packets.js';
import { decoderOptions, plain } from './support/decoding.js';
import { goldenRows } from './support/golden-rows.js';
import { mutated, Random } from './support/random.js';

const perCombination = 170_000; // Six combinations of version and side: more than a million packets.

/** What came of the bytes: the packets, and the reason code that they ended in. */
interface Outcome {
  packets: Packet[];
  reasonCode: number | undefined;
  buffered: number;
}

function outcomeOf(bytes: Uint8Array, cut: number, options: DecoderOptions): Outcome {
  const outcome: Outcome = { packets: [], reasonCode: undefined, buffered: 0 };
  const decoder = new Decoder(
    { receive: (packet) => void outcome.packets.push(packet.type === 'publish' ? plain(packet) : packet) },
    options,
  );
  try {
    if (cut > 0) decoder.push(bytes.subarray(0, cut));
    decoder.push(cut > 0 ? bytes.subarray(cut) : bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    outcome.reasonCode = error.reasonCode;
  }
  outcome.buffered = decoder.bufferedBytes;
  return outcome;
}

function seeds(version: ProtocolVersion, from: Sender): Uint8Array[] {
  const rows = goldenRows.filter((row) => row.versions.includes(version) && row.from.includes(from) && row.bytes.length < 200);
  const generated = fc.sample(anyPacket(version, from), { numRuns: 100, seed: 4 }).map((packet) => encode(packet, version));
  const connects =
    from === 'client' ? fc.sample(anyConnect(version), { numRuns: 50, seed: 5 }).map((packet) => encode(packet, version)) : [];
  return [...rows.map((row) => row.bytes), ...connects, ...generated.filter((bytes) => bytes.length < 200)];
}

/** 3.1 permits a DUP without meaning, which is nothing that an encoder writes. */
function canBeEncoded(packet: Packet): boolean {
  return !(packet.type === 'publish' && packet.dup && packet.qos === 0);
}

describe('mutated packets', () => {
  const stackTraceLimit = Error.stackTraceLimit;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  for (const version of [3, 4, 5] as const) {
    for (const from of ['client', 'server'] as const) {
      it(`${perCombination} of them, ${version} from a ${from}: refused, or packets that can be encoded; the same however they are cut`, {
        timeout: 60_000,
      }, () => {
        const random = new Random(version * 2 + from.length);
        const corpus = seeds(version, from);
        const known = decoderOptions(from, version);
        const unknown = decoderOptions(from, undefined);
        let refused = 0;
        let accepted = 0;
        for (let count = 0; count < perCombination; count += 1) {
          const seed = corpus[random.below(corpus.length)];
          const bytes = mutated(seed, corpus[random.below(corpus.length)], random);
          const options = seed[0] === 0x10 ? unknown : known;
          const whole = outcomeOf(bytes, 0, options);
          if (whole.reasonCode === undefined) accepted += 1;
          else refused += 1;
          if (whole.buffered > bytes.length || (whole.reasonCode !== undefined && whole.buffered > 0))
            throw new Error(`keeps ${whole.buffered} bytes`);
          if (count % 4 === 0) compareCut(bytes, whole, 1 + random.below(bytes.length), options);
          if (count % 4 === 1) compareEncoded(whole, version, from);
        }
        // Neither branch may be empty, or the run would prove nothing.
        expect(refused).toBeGreaterThan(perCombination / 10);
        expect(accepted).toBeGreaterThan(perCombination / 20);
      });
    }
  }

  it('leave nothing behind', () => {
    const random = new Random(99);
    const corpus = seeds(5, 'client');
    const options = decoderOptions('client', 5);
    const mutate = (times: number): void => {
      for (let count = 0; count < times; count += 1) {
        outcomeOf(mutated(corpus[random.below(corpus.length)], corpus[random.below(corpus.length)], random), 0, options);
      }
    };
    mutate(50_000); // Fills the cache of topic names.
    const before = process.memoryUsage();
    mutate(100_000);
    const after = process.memoryUsage();
    expect(after.heapUsed - before.heapUsed).toBeLessThan(64 * 1_048_576); // Garbage included: a leak of 1 kB each would be more.
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1_048_576);
  });
});

function compareCut(bytes: Uint8Array, whole: Outcome, cut: number, options: DecoderOptions): void {
  const parts = outcomeOf(bytes, cut, options);
  if (parts.reasonCode !== whole.reasonCode || parts.packets.length !== whole.packets.length || parts.buffered !== whole.buffered) {
    throw new Error(`another outcome when cut at ${cut}: ${Buffer.from(bytes).toString('hex')}`);
  }
}

/** Decoded, encoded, decoded and encoded again: the bytes no longer change. */
function compareEncoded({ packets }: Outcome, version: ProtocolVersion, from: Sender): void {
  for (const packet of packets) {
    if (!canBeEncoded(packet)) continue;
    const packetVersion = packet.type === 'connect' ? packet.protocolVersion : version;
    const bytes = encode(packet, packetVersion);
    const again = outcomeOf(bytes, 0, decoderOptions(from, packet.type === 'connect' ? undefined : packetVersion));
    const encodedAgain = again.packets.length === 1 ? encode(again.packets[0], packetVersion) : undefined;
    if (encodedAgain === undefined || Buffer.compare(bytes, encodedAgain) !== 0) {
      throw new Error(`does not come back: ${Buffer.from(bytes).toString('hex')}`);
    }
    // A packet that is followed by others on a known version is encoded as that version; CONNECT may change it.
    if (packet.type === 'connect') return;
  }
}
