import { encode, encodedLength } from '../encoder.js';
import { type Packet as CodecPacket, type ProtocolVersion } from '../packets.js';
import { asBuffer, type Bytes } from './buffer.js';
import { type Packet } from './packet.js';
import { toCodec } from './to-codec.js';

/** What `writeToStream` needs of a stream; every Node stream and its ports to browsers have it. */
export interface PacketStream {
  write(bytes: Bytes): boolean;
  cork?(): void;
  uncork?(): void;
  destroy?(error?: Error): unknown;
  emit?(event: 'error', error: Error): unknown;
}

/** As a rule the CONNECT packet of the connection, or the options of MQTT.js: only these fields are looked at. */
interface WriteOptions {
  readonly protocolVersion?: unknown;
  readonly properties?: { readonly maximumPacketSize?: unknown };
}

/**
 * One packet as bytes (a Buffer where there is one).
 * @param options `protocolVersion` 3, 4 (the default) or 5, not needed for CONNECT; `properties.maximumPacketSize`, bytes: acknowledgements, DISCONNECT
 *   and AUTH go without their reason string and user properties when they would be larger; when that does not suffice the result is empty.
 * @throws Error for a packet that MQTT does not allow.
 */
export function generate(packet: Packet, options?: object): Bytes {
  const codecPacket = prepare(packet, options);
  return asBuffer(codecPacket === undefined ? new Uint8Array(0) : encode(codecPacket, versionOf(packet, options)));
}

interface WriteToStream {
  /** Writes one packet; an invalid one destroys the stream with the error. Returns false when the stream asks to wait for `drain`. */
  (packet: Packet, stream: PacketStream, options?: object): boolean;
  /** Has no effect: this encoder needs no cache. It exists because MQTT.js sets it. */
  cacheNumbers: boolean;
}

export const writeToStream: WriteToStream = Object.assign(write, { cacheNumbers: true });

function write(packet: Packet, stream: PacketStream, options?: object): boolean {
  let bytes: Bytes;
  try {
    bytes = generate(packet, options);
  } catch (error) {
    fail(stream, error as Error);
    return false;
  }
  if (bytes.length === 0) return false;
  corkForThisTurn(stream);
  const mayContinue = stream.write(bytes);
  // As in mqtt-packet: packets that are small and few never ask their sender to wait.
  return waitsForDrain(packet) ? mayContinue : true;
}

function waitsForDrain(packet: Packet): boolean {
  switch (packet.cmd) {
    case 'publish':
    case 'subscribe':
    case 'suback':
    case 'unsubscribe':
    case 'pingreq':
    case 'pingresp':
      return true;
    default:
      return false;
  }
}

function fail(stream: PacketStream, error: Error): void {
  if (stream.destroy !== undefined) stream.destroy(error);
  else if (stream.emit !== undefined) stream.emit('error', error);
  else throw error;
}

const corked = new WeakSet<PacketStream>();
const resolved = Promise.resolve();

/** All packets of one turn of the event loop leave in one write, as with mqtt-packet, which corks and uncorks for each packet. */
function corkForThisTurn(stream: PacketStream): void {
  if (stream.cork === undefined || stream.uncork === undefined || corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  void resolved.then(() => {
    corked.delete(stream);
    stream.uncork?.();
  });
}

function versionOf(packet: object, options: object | undefined): ProtocolVersion {
  const asked: WriteOptions = ('cmd' in packet && packet.cmd === 'connect' ? packet : options) ?? {};
  if (asked.protocolVersion === 3 || asked.protocolVersion === 5) return asked.protocolVersion;
  // Absent, null and 0 are 3.1.1, and so is any other number in the options, as in mqtt-packet; in a CONNECT that would be sent as it is.
  if (asked === packet && asked.protocolVersion && asked.protocolVersion !== 4) throw new Error('Invalid protocol version');
  return 4;
}

/** The packet to encode; undefined when the receiver's maximum packet size leaves no room for it. */
function prepare(packet: object, options: WriteOptions | undefined): CodecPacket | undefined {
  const version = versionOf(packet, options);
  const codecPacket = toCodec(packet, version);
  const maximum = options?.properties?.maximumPacketSize;
  if (version !== 5 || typeof maximum !== 'number' || maximum === 0 || !shrinks(codecPacket)) return codecPacket;
  // The order of the attempts is that of mqtt-packet: the reason string goes first, then the user properties as well.
  for (const name of ['', 'reasonString', 'userProperties'] as const) {
    if (name !== '' && codecPacket.properties !== undefined) codecPacket.properties = { ...codecPacket.properties, [name]: undefined };
    if (encodedLength(codecPacket, version) <= maximum) return codecPacket;
  }
  return undefined;
}

type Shrinking = Extract<CodecPacket, { properties?: { reasonString?: string } }>;

/** CONNACK is not among them in mqtt-packet: its sender has seen the CONNECT and can do better. */
function shrinks(
  packet: CodecPacket,
): packet is Exclude<Shrinking, { type: 'connack' | 'connect' | 'publish' | 'subscribe' | 'unsubscribe' }> {
  switch (packet.type) {
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'suback':
    case 'unsuback':
    case 'disconnect':
    case 'auth':
      return true;
    default:
      return false;
  }
}
