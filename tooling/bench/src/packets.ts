/** The few MQTT 3.1.1 packets that the generator sends. */

const KEEP_ALIVE_SECONDS = 300;
const CONNECT = 0x10;
const PUBLISH_QOS_0 = 0x30;
const SUBSCRIBE = 0x82;
const DISCONNECT = 0xe0;

/** Length prefix of two bytes, and the text. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

function packet(firstByte: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [firstByte];
  let rest = body.length;
  do {
    header.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

/** A clean session. */
export function connectPacket(clientId: string): Buffer {
  return packet(CONNECT, text('MQTT'), Buffer.from([4, 0x02, KEEP_ALIVE_SECONDS >> 8, KEEP_ALIVE_SECONDS & 0xff]), text(clientId));
}

/** Asks for `topicFilter` at QoS 0. */
export function subscribePacket(topicFilter: string): Buffer {
  return packet(SUBSCRIBE, Buffer.from([0, 1]), text(topicFilter), Buffer.from([0]));
}

export const disconnectPacket: Buffer = packet(DISCONNECT);

/** Equal PUBLISH packets, QoS 0, one behind the other; the first four bytes of each payload are a sequence number that is written before each use. */
export interface PublishBurst {
  readonly bytes: Buffer;
  /** How many bytes one packet takes. */
  readonly packetBytes: number;
  /** Where the sequence number stands in a packet. */
  readonly sequenceOffset: number;
}

/** @param payloadBytes at least 4 */
export function publishBurst(topicName: string, payloadBytes: number, count: number): PublishBurst {
  const one = packet(PUBLISH_QOS_0, text(topicName), Buffer.alloc(payloadBytes, 'x'));
  return {
    bytes: Buffer.concat(Array.from({ length: count }, () => one)),
    packetBytes: one.length,
    sequenceOffset: one.length - payloadBytes,
  };
}

/** Numbers the first `count` packets of the burst, from `first` on. */
export function numberBurst(burst: PublishBurst, first: number, count: number): void {
  let offset = burst.sequenceOffset;
  for (let i = 0; i < count; i++) {
    burst.bytes.writeUInt32BE((first + i) >>> 0, offset);
    offset += burst.packetBytes;
  }
}
