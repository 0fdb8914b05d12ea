import { readFileSync } from 'node:fs';
import { Decoder, type Packet } from '@si-mqtt/codec';
import { expect, it } from 'vitest';
import { first, inflightAtTheEnd, second } from './readme-example.js';

const textAt = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it("README's example is the file that these tests import", () => {
  const block = /```ts\n([\s\S]+?)```/.exec(textAt('../README.md'))?.[1];
  expect(block).toBe(textAt('readme-example.ts'));
});

it("README's example: the message comes again under its packet identifier with DUP, and PUBACK ends it [MQTT-4.4.0-1]", () => {
  const received = (chunks: readonly Uint8Array[]): Packet[] => {
    const packets: Packet[] = [];
    const receive = (packet: Packet): void => {
      packets.push(packet);
    };
    const decoder = new Decoder({ receive }, { from: 'server', maximumPacketSize: 1000, protocolVersion: 5 });
    for (const chunk of chunks) decoder.push(chunk);
    return packets;
  };
  const publish = { type: 'publish', topicName: 'lamp/state', qos: 1, packetId: 1, retain: false };
  expect(received(first.written)).toEqual([expect.objectContaining({ ...publish, dup: false })]);
  expect(received(second.written)).toEqual([expect.objectContaining({ ...publish, dup: true })]);
  expect(inflightAtTheEnd).toBe(0);
});
