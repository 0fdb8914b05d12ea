import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  atOf,
  compareBytes,
  decodeMessage,
  decodeWill,
  type Entry,
  encodeMessage,
  encodeWill,
  FormatError,
  type LogPosition,
  RecordWriter,
  readRecord,
} from '../src/index.js';
import { entries, fullMessage, plainMessage, will } from './golden/format-1.js';

interface Golden {
  readonly record: string;
  readonly plainMessage: string;
  readonly fullMessage: string;
}
const golden = JSON.parse(readFileSync(new URL('golden/format-1.json', import.meta.url), 'utf8')) as Golden;
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (of: Uint8Array) => Buffer.from(of).toString('hex');
/** Views into a body, as values. */
const values = (of: unknown) => structuredClone(of);

/** Walks over the parts of a record: kind, length, content. */
function isMessageEnd(whole: Uint8Array, length: number): boolean {
  const view = new DataView(whole.buffer, whole.byteOffset);
  for (let at = 1; at < whole.length; ) {
    const isMessage = whole[at] === 1;
    at += 5 + view.getUint32(at + 1);
    if (isMessage && at === length) return true;
  }
  return false;
}

function recordOf(list: ReturnType<typeof entries>): Uint8Array {
  const writer = new RecordWriter();
  for (const [index, entry] of list.entries()) expect(writer.add(entry)).toBe(index);
  return writer.finish();
}

describe('records', () => {
  it('of format 1 are read', () => {
    expect(values(readRecord(bytes(golden.record)))).toEqual(values(entries()));
  });

  it('are written in format 1', () => {
    expect(hex(recordOf(entries()))).toBe(golden.record);
  });

  it('that were cut off anywhere are refused, and nothing is read beyond the end', () => {
    const whole = bytes(golden.record);
    const ends = new Set<number>();
    for (const count of entries().keys()) ends.add(recordOf(entries().slice(0, count)).length);
    for (let length = 0; length < whole.length; length += 1) {
      const cut = whole.slice(0, length);
      // A message stands before the first entry that refers to it.
      if (ends.has(length) || isMessageEnd(whole, length)) readRecord(cut);
      else expect(() => readRecord(cut), `${length} bytes`).toThrow(FormatError);
    }
  });

  it('with any changed bytes are read or refused with FormatError', () => {
    const whole = bytes(golden.record);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }), (changes) => {
        const changed = whole.slice();
        for (const [at, value] of changes) changed[at] = value;
        try {
          readRecord(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of another format, or with unknown entries, are refused by name', () => {
    expect(() => readRecord(Uint8Array.of(2))).toThrow('a record has format 2; this program knows 1');
    expect(() => readRecord(Uint8Array.of(1, 99, 0, 0, 0, 0))).toThrow('entry of kind 99');
    expect(() => readRecord(Uint8Array.of(1, 4, 0, 0, 0, 25, ...new Uint8Array(25)))).toThrow('longer than its content');
    expect(() => readRecord(Uint8Array.of(1, 12, 0, 0, 0, 1, 0))).toThrow('a message that the record does not have');
  });

  it('hold a message once, however many entries need it', () => {
    const writer = new RecordWriter();
    const [first] = entries().filter(
      (entry): entry is Extract<Entry, { readonly packetId: number; message: unknown }> => entry.kind === 'enqueued',
    );
    writer.add(first);
    const { bytes: once } = writer;
    writer.add({ ...first, position: 1 });
    expect([writer.entries, writer.messages]).toEqual([2, 1]);
    expect(writer.bytes - once).toBeLessThan(70);
    const [one, two] = readRecord(writer.finish());
    expect('message' in one && 'message' in two && one.message === two.message).toBe(true);
  });
});

describe('messages', () => {
  it.each([
    ['plainMessage', plainMessage],
    ['fullMessage', fullMessage],
  ] as const)('%s is read and written in format 1', (name, message) => {
    const read = decodeMessage(bytes(golden[name]));
    expect([read.topicName, read.qos, read.retain, read.publisher, read.receivedAt, read.expiresAt]).toEqual([
      message.topicName,
      message.qos,
      message.retain,
      message.publisher,
      message.receivedAt,
      message.expiresAt,
    ]);
    expect(read.properties).toEqual(message.properties);
    expect(new Uint8Array(read.payload)).toEqual(message.payload);
    expect(hex(encodeMessage(message))).toBe(golden[name]);
    expect(hex(encodeMessage(read))).toBe(golden[name]);
  });

  it('that are damaged are refused', () => {
    expect(() => decodeMessage(Uint8Array.of(7))).toThrow('a stored message has format 7; this program knows 1');
    expect(() => decodeMessage(bytes(golden.plainMessage).subarray(0, -1))).toThrow(FormatError);
  });

  it('that are wills keep their delay', () => {
    expect(decodeWill(encodeWill(will, plainMessage.publisher, 0))).toEqual(will);
    const { properties: _, ...bare } = will;
    expect(decodeWill(encodeWill(bare, plainMessage.publisher, 0))).toEqual(bare);
  });
});

it('the order of `at` is that of the entries', () => {
  const order: [number, LogPosition, number][] = [
    [0, { seat: 0, epoch: 1, seq: 1 }, 0],
    [0, { seat: 0, epoch: 1, seq: 1 }, 65_535],
    [0, { seat: 0, epoch: 1, seq: 2 ** 33 + 1 }, 0],
    [0, { seat: 0, epoch: 1, seq: 2 ** 48 - 1 }, 0],
    [0, { seat: 0, epoch: 2, seq: 1 }, 0],
    [0, { seat: 0, epoch: 0xffff_ffff, seq: 1 }, 0],
    [1, { seat: 0, epoch: 1, seq: 1 }, 0],
  ];
  const all = order.map(([sessionEpoch, position, index]) => atOf(sessionEpoch, position, index));
  expect([...all].sort(compareBytes)).toEqual(all);
});
