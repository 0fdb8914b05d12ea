import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DecodedPublish, Decoder, encode, type Packet, ProtocolError, type PublishPacket } from '../src/index.js';
import { decoderOptions, plain } from './support/decoding.js';

const options = decoderOptions('client', 4);

function publish(packetId: number, payloadLength = 3): Uint8Array {
  const payload = new Uint8Array(payloadLength).fill(packetId);
  return encode({ type: 'publish', dup: false, qos: 1, retain: false, topicName: `t/${packetId}`, packetId, payload }, 4);
}

function joined(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Packets 1 to `count`, in one run of bytes. */
function run(count: number): Uint8Array {
  return joined(...Array.from({ length: count }, (_, index) => publish(index + 1)));
}

interface Recorder {
  readonly decoder: Decoder;
  readonly packetIds: number[];
  onPacket: (packetId: number, packet: Packet) => void;
}

function record(onPacket: Recorder['onPacket'] = () => {}): Recorder {
  const packetIds: number[] = [];
  const decoder = new Decoder(
    {
      receive(packet) {
        const copy = plain(packet) as PublishPacket;
        expect([...copy.payload].every((byte) => byte === copy.packetId)).toBe(true);
        packetIds.push(copy.packetId);
        recorder.onPacket(copy.packetId, packet);
      },
    },
    options,
  );
  const recorder: Recorder = { decoder, packetIds, onPacket };
  return recorder;
}

const sequence = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('Decoder', () => {
  it('says of a packet that came in pieces that its bytes are its own, and of no other', () => {
    const seen: DecodedPublish[] = [];
    const { decoder } = record((_, packet) => void seen.push(packet as DecodedPublish));
    const [first, second, third] = [publish(1), publish(2, 1000), publish(3)];
    const head = joined(first, second.subarray(0, 500));
    const tail = joined(second.subarray(500), third);
    decoder.push(head);
    decoder.push(tail);
    expect(seen.map(({ ownsBytes }) => ownsBytes)).toEqual([false, true, false]);
    head.fill(0);
    tail.fill(0);
    expect(seen[1].bytes).toEqual(second);
  });

  it('delivers every complete packet of a chunk and keeps the rest', () => {
    const { decoder, packetIds } = record();
    const bytes = run(3);
    decoder.push(bytes.slice(0, bytes.length - 1));
    expect(packetIds).toEqual([1, 2]);
    expect(decoder.bufferedBytes).toBe(publish(3).length - 1);
    decoder.push(bytes.slice(-1));
    expect(packetIds).toEqual([1, 2, 3]);
    expect(decoder.bufferedBytes).toBe(0);
  });

  it('takes only as much of a buffer as came, wherever that is cut', () => {
    const bytes = run(5);
    const buffer = new Uint8Array(4096).fill(0xff);
    for (let cut = 1; cut < bytes.length; cut++) {
      const { decoder, packetIds } = record();
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        buffer.set(piece);
        decoder.push(buffer, piece.length);
        buffer.fill(0xff);
      }
      expect(packetIds).toEqual(sequence(5));
      expect(decoder.bufferedBytes).toBe(0);
    }
  });

  it('recognises texts of properties, and never takes one for another', () => {
    const seen: unknown[] = [];
    const decoder = new Decoder({ receive: (packet) => void seen.push(plain(packet)) }, decoderOptions('client', 5));
    // More than are remembered, of one length, some longer than is remembered, some that are not ASCII; each of them twice.
    const texts = Array.from(
      { length: 1500 },
      (_, index) => `${index % 7 === 0 ? 'é' : 'e'}${String(index).padStart(index % 5 === 0 ? 80 : 6, '-')}`,
    );
    for (const text of [...texts, ...texts, ...texts.slice(0, 20), ...texts.slice(0, 20)]) {
      const properties = {
        contentType: text,
        responseTopic: text,
        correlationData: Uint8Array.from([1, 2, 3]),
        userProperties: [[text, '']],
      } as const;
      const packet = {
        type: 'publish',
        dup: false,
        qos: 0,
        retain: false,
        topicName: text,
        packetId: 0,
        payload: new Uint8Array(1),
        properties,
      } as const;
      decoder.push(encode(packet, 5));
      expect(seen.pop()).toMatchObject({ topicName: text, properties });
    }
  });

  it('does not hold on to the chunk: it may be overwritten as soon as push returns', () => {
    const { decoder, packetIds } = record();
    const bytes = run(20);
    const chunk = new Uint8Array(7);
    for (let at = 0; at < bytes.length; at += chunk.length) {
      const piece = bytes.subarray(at, at + chunk.length);
      chunk.set(piece);
      decoder.push(chunk.subarray(0, piece.length));
      chunk.fill(0xff);
    }
    expect(packetIds).toEqual(sequence(20));
  });

  it('learns the version from CONNECT, in the same chunk as what follows', () => {
    const packets: Packet[] = [];
    const decoder = new Decoder({ receive: (packet) => void packets.push(plain(packet)) }, decoderOptions('client', undefined));
    expect(decoder.protocolVersion).toBeUndefined();
    decoder.push(
      joined(
        encode({ type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId: '' }, 5),
        encode({ type: 'puback', packetId: 1, reasonCode: 0x87 }, 5),
      ),
    );
    expect(decoder.protocolVersion).toBe(5);
    expect(packets.map((packet) => packet.type)).toEqual(['connect', 'puback']);
  });

  it('an empty chunk changes nothing', () => {
    const { decoder, packetIds } = record();
    decoder.push(new Uint8Array(0));
    decoder.push(publish(1).slice(0, 3));
    decoder.push(new Uint8Array(0));
    expect(decoder.bufferedBytes).toBe(3);
    decoder.push(publish(1).slice(3));
    expect(packetIds).toEqual([1]);
  });
});

describe('pause', () => {
  for (const chunkLength of [1, 5, 11, 1000]) {
    it(`after every packet keeps the rest for resume, chunks of ${chunkLength} bytes`, () => {
      const recorder = record(() => recorder.decoder.pause());
      const { decoder, packetIds } = recorder;
      const bytes = run(9);
      for (let at = 0; at < bytes.length; at += chunkLength) {
        const before = packetIds.length;
        decoder.push(bytes.slice(at, at + chunkLength));
        expect(packetIds.length - before).toBeLessThanOrEqual(1);
      }
      while (decoder.paused) {
        const before = packetIds.length;
        decoder.resume();
        expect(packetIds.length - before).toBeLessThanOrEqual(1);
      }
      expect(packetIds).toEqual(sequence(9));
      expect(decoder.bufferedBytes).toBe(0);
    });
  }

  it('appends what is pushed meanwhile, behind what was there', () => {
    const recorder = record((packetId) => {
      if (packetId === 2) recorder.decoder.pause();
    });
    const { decoder, packetIds } = recorder;
    const bytes = run(6);
    const half = publish(1).length * 3 + 4; // In the middle of packet 4.
    decoder.push(bytes.slice(0, half));
    decoder.push(bytes.slice(half));
    expect(packetIds).toEqual([1, 2]);
    expect(decoder.bufferedBytes).toBe(publish(1).length * 4);
    decoder.resume();
    expect(packetIds).toEqual(sequence(6));
  });

  it('and resume within receive do not nest', () => {
    let depth = 0;
    const recorder = record(() => {
      expect(depth).toBe(0);
      depth += 1;
      recorder.decoder.pause();
      recorder.decoder.resume();
      depth -= 1;
    });
    recorder.decoder.push(run(5));
    expect(recorder.packetIds).toEqual(sequence(5));
    expect(recorder.decoder.paused).toBe(false);
  });

  it('before the first byte holds everything', () => {
    const { decoder, packetIds } = record();
    decoder.pause();
    decoder.push(run(2));
    expect(packetIds).toEqual([]);
    decoder.resume();
    decoder.resume();
    expect(packetIds).toEqual([1, 2]);
  });

  it('what a receiver pushes within receive comes behind the rest of the chunk', () => {
    const recorder = record((packetId) => {
      if (packetId === 1) {
        recorder.decoder.push(publish(3).slice(0, 2));
        recorder.decoder.push(publish(3).slice(2));
      }
    });
    recorder.decoder.push(joined(publish(1), publish(2)));
    expect(recorder.packetIds).toEqual([1, 2, 3]);
    const second = record((packetId) => {
      if (packetId === 1) second.decoder.push(joined(publish(2).slice(5), publish(3)));
    });
    second.decoder.push(joined(publish(1), publish(2).slice(0, 5)));
    expect(second.packetIds).toEqual([1, 2, 3]);
    expect(second.decoder.bufferedBytes).toBe(0);
    const third = record((packetId) => {
      if (packetId === 1) third.decoder.push(publish(2));
    });
    third.decoder.pause();
    third.decoder.push(publish(1));
    third.decoder.resume();
    expect(third.packetIds).toEqual([1, 2]);
  });

  it('a breach in what was held comes out of resume', () => {
    const { decoder } = record();
    decoder.pause();
    decoder.push(Uint8Array.of(0x00, 0x00));
    expect(() => decoder.resume()).toThrow(ProtocolError);
    expect(decoder.bufferedBytes).toBe(0);
  });
});

/** What may happen to a decoder, in any order: bytes come, somebody pauses or resumes; and after some packets the receiver pauses. */
type Step = { readonly push: number } | 'pause' | 'resume';
const steps = fc.array(
  fc.oneof<Arbitrary<Step>[]>(
    fc.integer({ min: 1, max: 90 }).map((push) => ({ push })),
    fc.constant('pause'),
    fc.constant('resume'),
  ),
  { minLength: 1, maxLength: 60 },
);

describe('any sequence of pushes, pauses and resumes', () => {
  it('gives the same packets, and keeps exactly the bytes that are not delivered', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (sequenceOfSteps, pauseEvery) => {
        const recorder = record((packetId) => {
          if (packetId % pauseEvery === 0) recorder.decoder.pause();
        });
        const { decoder, packetIds } = recorder;
        const bytes = run(40);
        const lengths = sequence(40).map((packetId) => publish(packetId).length);
        let at = 0;
        for (const step of sequenceOfSteps) {
          if (step === 'pause') decoder.pause();
          else if (step === 'resume') decoder.resume();
          else {
            decoder.push(bytes.slice(at, at + step.push));
            at = Math.min(bytes.length, at + step.push);
          }
          const delivered = lengths.slice(0, packetIds.length).reduce((sum, length) => sum + length, 0);
          expect(decoder.bufferedBytes).toBe(at - delivered);
        }
        decoder.push(bytes.slice(at));
        while (decoder.paused) decoder.resume();
        expect(packetIds).toEqual(sequence(40));
        expect(decoder.bufferedBytes).toBe(0);
      }),
      { numRuns: 500, seed: 11 },
    );
  });
});

describe('stop', () => {
  it('within receive ends the chunk there, and everything later is ignored', () => {
    const recorder = record((packetId) => {
      if (packetId === 2) recorder.decoder.stop();
    });
    recorder.decoder.push(joined(run(4), publish(5).slice(0, 4)));
    recorder.decoder.push(run(3));
    expect(recorder.packetIds).toEqual([1, 2]);
    expect(recorder.decoder.bufferedBytes).toBe(0);
  });

  it('drops what is held', () => {
    const { decoder, packetIds } = record();
    decoder.pause();
    decoder.push(run(2));
    decoder.stop();
    expect(decoder.bufferedBytes).toBe(0);
    decoder.resume();
    expect(packetIds).toEqual([]);
  });

  it('within a packet that was completed from pieces', () => {
    const recorder = record(() => recorder.decoder.stop());
    recorder.decoder.push(publish(1).slice(0, 4));
    recorder.decoder.push(joined(publish(1).slice(4), run(2)));
    expect(recorder.packetIds).toEqual([1]);
    expect(recorder.decoder.bufferedBytes).toBe(0);
  });
});

describe('what a receiver throws', () => {
  it('comes out of push as it is, and the decoder has stopped', () => {
    const failure = new Error('not ours');
    const recorder = record((packetId) => {
      if (packetId === 2) throw failure;
    });
    let thrown: unknown;
    try {
      recorder.decoder.push(joined(run(3), publish(4).slice(0, 3)));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(failure);
    expect(recorder.decoder.bufferedBytes).toBe(0);
    recorder.decoder.push(run(1));
    expect(recorder.packetIds).toEqual([1, 2]);
  });
});

describe('hostile input', () => {
  const generous = { ...options, maximumPacketSize: 268_435_460 };

  it('a packet that declares 256 MB costs what has arrived', () => {
    const decoder = new Decoder({ receive: () => {} }, generous);
    const before = process.memoryUsage().arrayBuffers;
    decoder.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
    for (let index = 0; index < 100; index += 1) decoder.push(Uint8Array.of(1));
    expect(decoder.bufferedBytes).toBe(105);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000);
  });

  it('10,000 decoders with half a packet hold little', () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 10_000 }, () => {
      const decoder = new Decoder({ receive: () => {} }, generous);
      decoder.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1));
      return decoder;
    });
    expect(decoders.every((decoder) => decoder.bufferedBytes === 7)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000 * 128);
  });

  it('one-byte chunks take linear time', () => {
    const time = (length: number): number => {
      const bytes = publish(1, length);
      const { decoder, packetIds } = record();
      const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
      const start = process.hrtime.bigint();
      for (const piece of pieces) decoder.push(piece);
      const elapsed = Number(process.hrtime.bigint() - start);
      expect(packetIds).toEqual([1]);
      return elapsed;
    };
    time(20_000);
    const small = Math.min(time(40_000), time(40_000), time(40_000));
    const large = Math.min(time(640_000), time(640_000));
    expect(large / small).toBeLessThan(16 * 8); // Quadratic would be 256.
  });

  it('a pause after every packet of a large chunk takes linear time', () => {
    const count = 20_000;
    const chunk = new Uint8Array(count * 4);
    for (let index = 0; index < count; index += 1) chunk.set([0x40, 2, 0, 1], index * 4);
    let received = 0;
    const decoder = new Decoder(
      {
        receive() {
          received += 1;
          decoder.pause();
        },
      },
      options,
    );
    decoder.push(chunk);
    const start = process.hrtime.bigint();
    while (decoder.paused) decoder.resume();
    expect(received).toBe(count);
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeLessThan(1000); // Copying the rest each time would move 800 MB.
  });

  it('frees the room of a packet once it was delivered', () => {
    const { decoder } = record();
    const bytes = publish(1, 500_000);
    decoder.push(bytes.slice(0, 499_999));
    expect(decoder.bufferedBytes).toBe(499_999);
    decoder.push(bytes.slice(499_999));
    expect(decoder.bufferedBytes).toBe(0);
  });
});
