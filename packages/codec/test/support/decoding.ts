import {
  DecodedPublish,
  Decoder,
  type DecoderOptions,
  type Packet,
  ProtocolError,
  type ProtocolVersion,
  type Sender,
} from '../../src/index.js';

export const sizeLimit = 1_048_576;

export function decoderOptions(from: Sender, protocolVersion: ProtocolVersion | undefined): DecoderOptions {
  return { from, maximumPacketSize: sizeLimit, protocolVersion };
}

/** The packet as plain data that outlives the chunk. */
export function plain(packet: Packet): Packet {
  if (!(packet instanceof DecodedPublish)) return packet;
  const { type, dup, qos, retain, topicName, packetId, properties } = packet;
  const copy = { type, dup, qos, retain, topicName, packetId, payload: Uint8Array.from(packet.payload) };
  return properties === undefined ? copy : { ...copy, properties };
}

/** Packets out of these chunks; what the decoder throws is thrown. Fails when something is left over. */
export function decodeAll(chunks: Iterable<Uint8Array>, options: DecoderOptions): Packet[] {
  const packets: Packet[] = [];
  const decoder = new Decoder({ receive: (packet) => void packets.push(plain(packet)) }, options);
  for (const chunk of chunks) decoder.push(chunk);
  if (decoder.bufferedBytes !== 0) throw new Error(`${decoder.bufferedBytes} bytes left over`);
  return packets;
}

/** The refusal that these chunks end in, or undefined. */
export function refusalOf(chunks: Iterable<Uint8Array>, options: DecoderOptions): ProtocolError | undefined {
  try {
    decodeAll(chunks, options);
    return undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

/** The same bytes in two chunks, for every place to cut them. */
export function* splits(bytes: Uint8Array): Generator<Uint8Array[]> {
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.slice(0, at), bytes.slice(at)];
}

export function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** The packets as text in which bytes are hexadecimal and keys are sorted: equal texts are equal packets, and comparing them is quick. */
export function fingerprint(value: unknown): string {
  if (value instanceof Uint8Array) return `<${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}>`;
  if (Array.isArray(value)) return `[${value.map(fingerprint).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${key}:${fingerprint(item)}`)
    .join()}}`;
}
