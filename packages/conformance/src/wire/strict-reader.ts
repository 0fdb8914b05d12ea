import { hexadecimal } from './bytes.js';
import { PacketBody } from './packet-body.js';
import { type Version } from './requests.js';
import { ServerBreach } from './server-breach.js';
import { type AcknowledgementType, reasonCodesOf, type ServerPacket } from './server-packets.js';

/** Largest packet that the reader collects; suites never ask for more. */
const largestPacket = 8 * 1024 * 1024;

/**
 * Splits a server's bytes into packets and judges each: type, flags, shortest lengths, properties allowed there, reason codes, text.
 * Written for conformance alone, so that no fault of a codec under test can agree with itself.
 */
export class StrictReader {
  private readonly version: Version;
  private rest: Buffer = Buffer.alloc(0);

  constructor(version: Version) {
    this.version = version;
  }

  /** The packets that the chunk completes. Throws ServerBreach at the first byte that is wrong. */
  read(chunk: Uint8Array): ServerPacket[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const packets: ServerPacket[] = [];
    for (;;) {
      const size = this.sizeOfFirst();
      if (size === undefined || this.rest.length < size.total) return packets;
      const raw = this.rest.subarray(0, size.total);
      this.rest = this.rest.subarray(size.total);
      packets.push(readPacket(this.version, raw, size.header));
    }
  }

  /** Bytes of a packet that has not come completely. */
  get pendingBytes(): number {
    return this.rest.length;
  }

  private sizeOfFirst(): { header: number; total: number } | undefined {
    let length = 0;
    for (let index = 1; index <= 4; index++) {
      const digit = this.rest[index];
      if (digit === undefined) return undefined;
      length += (digit & 0x7f) * 128 ** (index - 1);
      if (digit < 0x80) {
        if (digit === 0 && index > 1) throw new ServerBreach(`Remaining Length is not in its shortest form: ${hexadecimal(this.rest)}`);
        if (length > largestPacket) throw new ServerBreach(`a packet of ${length} bytes was never asked for`);
        return { header: index + 1, total: index + 1 + length };
      }
    }
    throw new ServerBreach(`Remaining Length takes more than four bytes: ${hexadecimal(this.rest)}`);
  }
}

/** One whole packet, fixed header included. */
function readPacket(version: Version, raw: Buffer, header: number): ServerPacket {
  const body = new PacketBody(raw, header, version);
  const type = raw[0] >> 4;
  if (type !== 3) requireFlags(raw, type === 6 ? 2 : 0);
  const read = readers[type];
  if (read === undefined) throw new ServerBreach(`a server never sends packet type ${type}: ${hexadecimal(raw)}`);
  const packet = read(body, raw);
  body.finish();
  return packet;
}

function requireFlags(raw: Buffer, flags: number): void {
  if ((raw[0] & 0x0f) !== flags)
    throw new ServerBreach(`reserved fixed header flags are ${raw[0] & 0x0f}, not ${flags}: ${hexadecimal(raw)}`);
}

const readers: Readonly<Record<number, ((body: PacketBody, raw: Buffer) => ServerPacket) | undefined>> = {
  2: readConnack,
  3: readPublish,
  4: (body, raw) => readAcknowledgement('puback', body, raw),
  5: (body, raw) => readAcknowledgement('pubrec', body, raw),
  6: (body, raw) => readAcknowledgement('pubrel', body, raw),
  7: (body, raw) => readAcknowledgement('pubcomp', body, raw),
  9: readSuback,
  11: readUnsuback,
  13: (_body, raw) => ({ type: 'pingresp', raw }),
  14: readDisconnect,
  15: readAuth,
};

function readConnack(body: PacketBody, raw: Buffer): ServerPacket {
  const flags = body.byte('Connect Acknowledge Flags');
  if (flags > 1) body.fail('Connect Acknowledge Flags have a reserved bit set');
  const reasonCode = body.byte('reason code');
  if (body.version < 5 ? reasonCode > 5 : !reasonCodesOf.connack.includes(reasonCode)) body.fail(`no CONNACK reason code: ${reasonCode}`);
  const sessionPresent = flags === 1;
  if (sessionPresent && (reasonCode !== 0 || body.version === 3)) body.fail('Session Present is set where it must not be');
  return { type: 'connack', sessionPresent, reasonCode, properties: body.properties('connack'), raw };
}

function readPublish(body: PacketBody, raw: Buffer): ServerPacket {
  const qos = (raw[0] >> 1) & 3;
  const dup = (raw[0] & 8) !== 0;
  if (qos === 3) body.fail('PUBLISH has both QoS bits set');
  if (qos === 0 && dup) body.fail('PUBLISH of QoS 0 has DUP set');
  const topicBytes = body.binary('Topic Name');
  const topic = body.text('Topic Name', topicBytes);
  if (/[+#]/.test(topic)) body.fail(`Topic Name has a wildcard: ${topic}`);
  const packetId = qos === 0 ? undefined : body.packetId();
  const properties = body.properties('publish');
  if (topic === '' && properties.topicAlias === undefined) body.fail('Topic Name is empty and there is no Topic Alias');
  return { type: 'publish', topic, topicBytes, qos, dup, retain: (raw[0] & 1) !== 0, packetId, properties, payload: body.remaining(), raw };
}

function readAcknowledgement(type: AcknowledgementType, body: PacketBody, raw: Buffer): ServerPacket {
  const packetId = body.packetId();
  const reasonCode = body.version === 5 && !body.atEnd ? body.byte('reason code') : 0;
  if (!reasonCodesOf[type].includes(reasonCode)) body.fail(`no ${type} reason code: ${reasonCode}`);
  return { type, packetId, reasonCode, properties: body.optionalProperties(type), raw };
}

function readSuback(body: PacketBody, raw: Buffer): ServerPacket {
  const packetId = body.packetId();
  const properties = body.properties('suback');
  const reasonCodes = [...body.remaining()];
  const allowed = body.version === 5 ? reasonCodesOf.suback : body.version === 4 ? [0, 1, 2, 0x80] : [0, 1, 2];
  if (reasonCodes.length === 0 || !reasonCodes.every((code) => allowed.includes(code)))
    body.fail('SUBACK without codes, or with one that is not defined');
  return { type: 'suback', packetId, reasonCodes, properties, raw };
}

function readUnsuback(body: PacketBody, raw: Buffer): ServerPacket {
  const packetId = body.packetId();
  const properties = body.properties('unsuback');
  const reasonCodes = body.version === 5 ? [...body.remaining()] : [];
  if (body.version === 5 && reasonCodes.length === 0) body.fail('UNSUBACK without reason codes');
  if (!reasonCodes.every((code) => reasonCodesOf.unsuback.includes(code))) body.fail('UNSUBACK with a reason code that is not defined');
  return { type: 'unsuback', packetId, reasonCodes, properties, raw };
}

function readDisconnect(body: PacketBody, raw: Buffer): ServerPacket {
  if (body.version < 5) body.fail('only clients send DISCONNECT before MQTT 5.0');
  const reasonCode = body.atEnd ? 0 : body.byte('reason code');
  if (!reasonCodesOf.disconnect.includes(reasonCode)) body.fail(`no DISCONNECT reason code of a server: ${reasonCode}`);
  return { type: 'disconnect', reasonCode, properties: body.optionalProperties('disconnect'), raw };
}

function readAuth(body: PacketBody, raw: Buffer): ServerPacket {
  if (body.version < 5) body.fail('there is no AUTH before MQTT 5.0');
  const reasonCode = body.atEnd ? 0 : body.byte('reason code');
  if (!reasonCodesOf.auth.includes(reasonCode)) body.fail(`no AUTH reason code of a server: ${reasonCode}`);
  return { type: 'auth', reasonCode, properties: body.optionalProperties('auth'), raw };
}
