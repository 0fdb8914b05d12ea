import { type Sender } from './decoder-options.js';
import { type AcknowledgementType, type ProtocolVersion } from './packets.js';
import { malformed, type ProtocolError, protocolError } from './protocol-error.js';

/** The upper four bits of the first byte (section 2.1.2). */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** First bytes of the packets whose flags never vary [MQTT-2.1.3-1]. */
export const acknowledgementFirstByte: Readonly<Record<AcknowledgementType, number>> = {
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
};

/** The largest Remaining Length (section 2.1.4). */
export const remainingLengthMax = 268_435_455;

const names = Object.keys(PacketType).map((name) => name.toUpperCase());
const fromServerOnly = [PacketType.connack, PacketType.suback, PacketType.unsuback, PacketType.pingresp] as number[];
const fromClientOnly = [PacketType.connect, PacketType.subscribe, PacketType.unsubscribe, PacketType.pingreq] as number[];
/** Packets that 3.1 calls re-delivered when DUP is set. */
const repeatedIn31 = [PacketType.pubrel, PacketType.subscribe, PacketType.unsubscribe] as number[];

/** A name for logs, in capitals. */
export function packetName(firstByte: number): string {
  return names[(firstByte >> 4) - 1] ?? 'packet of type 0';
}

/** What is wrong with a packet's first byte, as far as it alone tells; undefined when nothing is. Before CONNECT `protocolVersion` is undefined. */
function firstByteProblem(firstByte: number, from: Sender, protocolVersion: ProtocolVersion | undefined): ProtocolError | undefined {
  const type = firstByte >> 4;
  const flags = firstByte & 0x0f;
  const name = packetName(firstByte);
  if (type === 0) return malformed('packet type 0 is forbidden');
  if (protocolVersion === undefined) {
    if (type !== PacketType.connect) return protocolError(`${name} before CONNECT`); // [MQTT-3.1.0-1]
    return flags === 0 ? undefined : malformed('CONNECT has reserved flags set'); // [MQTT-2.1.3-1]
  }
  if (type === PacketType.auth && protocolVersion !== 5) return malformed('packet type 15 is forbidden before MQTT 5.0');
  if (type === PacketType.connect && from === 'client') return protocolError('a second CONNECT'); // [MQTT-3.1.0-2]
  if ((from === 'client' ? fromServerOnly : fromClientOnly).includes(type)) return protocolError(`${name} from a ${from}`);
  if (type === PacketType.disconnect && from === 'server' && protocolVersion !== 5) return protocolError('DISCONNECT from a server');
  if (type === PacketType.publish) return publishFlagsProblem(flags, protocolVersion);
  const expected = repeatedIn31.includes(type) ? 0b0010 : 0;
  if (flags === expected) return undefined;
  // 3.1 sets DUP on these when they are sent again.
  if (protocolVersion === 3 && repeatedIn31.includes(type) && flags === (expected | 0b1000)) return undefined;
  return malformed(`${name} has reserved flags set`); // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
}

function publishFlagsProblem(flags: number, protocolVersion: ProtocolVersion): ProtocolError | undefined {
  const qos = (flags >> 1) & 3;
  if (qos === 3) return malformed('PUBLISH with QoS 3'); // [MQTT-3.3.1-4]
  // [MQTT-3.3.1-2]; 3.1 only says that DUP has no meaning with QoS 0.
  if (qos === 0 && (flags & 8) !== 0 && protocolVersion !== 3) return malformed('PUBLISH with DUP and QoS 0');
  return undefined;
}

const accepted = 1;
const tables = new Map<string, Uint8Array>();

/** For each first byte whether it may come: one look per packet in place of the rules. */
export function acceptedFirstBytes(from: Sender, protocolVersion: ProtocolVersion | undefined): Uint8Array {
  const key = `${from} ${protocolVersion}`;
  let table = tables.get(key);
  if (table === undefined) {
    table = new Uint8Array(256);
    for (let firstByte = 0; firstByte < 256; firstByte += 1) {
      if (firstByteProblem(firstByte, from, protocolVersion) === undefined) table[firstByte] = accepted;
    }
    tables.set(key, table);
  }
  return table;
}

/** Throws what `acceptedFirstBytes` has refused. */
export function refuseFirstByte(firstByte: number, from: Sender, protocolVersion: ProtocolVersion | undefined): never {
  throw firstByteProblem(firstByte, from, protocolVersion) ?? malformed('first byte refused');
}
