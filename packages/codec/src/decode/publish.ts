import { type DecoderOptions } from '../decoder-options.js';
import { type ProtocolVersion, type PublishPacket, type PublishProperties, type QoS } from '../packets.js';
import { PropertyList } from '../property-table.js';
import { malformed, ProtocolError, protocolError } from '../protocol-error.js';
import { type PublishFrame } from '../publish-frame.js';
import { type Reader } from '../reader.js';
import { ReasonCode } from '../reason-codes.js';
import { TextCache, textHash } from '../text-cache.js';
import { checkTopicNameCharacters, topicLevels } from '../topic-syntax.js';
import { decodeUtf8, Utf8Kind, utf8Kind } from '../utf8.js';
import { messageExpiryAt, readProperties } from './properties.js';

/** Half a megabyte when full. */
const topicNames = new TextCache(4096, 128);

/**
 * A PUBLISH as it came in: the packet, and the bytes that it came in as. `bytes` and `payload` are valid until the receiver returns
 * (`ownFrame` copies them) unless it owns them; topic name and properties may be kept.
 */
export class DecodedPublish implements PublishPacket, PublishFrame {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly payloadStart: number;
  readonly end: number;
  readonly packetIdAt: number;
  readonly messageExpiryAt: number;
  readonly topicName: string;
  readonly packetId: number;
  readonly properties: PublishProperties | undefined;
  whole: Uint8Array | undefined;
  /** True: the packet was put together in an array that is nobody else's, and may be kept as it is. */
  ownsBytes: boolean;
  private view: Uint8Array | undefined;

  constructor(
    bytes: Uint8Array,
    start: number,
    payloadStart: number,
    end: number,
    topicName: string,
    packetIdAt: number,
    packetId: number,
    properties: PublishProperties | undefined,
    expiryAt: number,
  ) {
    this.bytes = bytes;
    this.start = start;
    this.payloadStart = payloadStart;
    this.end = end;
    this.topicName = topicName;
    this.packetIdAt = packetIdAt;
    this.packetId = packetId;
    this.properties = properties;
    this.messageExpiryAt = expiryAt;
    this.whole = undefined;
    this.ownsBytes = false;
    this.view = undefined;
  }

  get type(): 'publish' {
    return 'publish';
  }

  get dup(): boolean {
    return (this.bytes[this.start] & 0x08) !== 0;
  }

  get qos(): QoS {
    return ((this.bytes[this.start] >> 1) & 3) as QoS;
  }

  get retain(): boolean {
    return (this.bytes[this.start] & 0x01) !== 0;
  }

  get payload(): Uint8Array {
    return (this.view ??= this.bytes.subarray(this.payloadStart, this.end));
  }

  /** True when these bytes are right for any receiver of the same version: neither alias nor subscription identifiers belong to this connection. */
  get forwardable(): boolean {
    const properties = this.properties;
    return properties === undefined || (properties.topicAlias === undefined && properties.subscriptionIdentifiers === undefined);
  }
}

/** Section 3.3. The flags of the first byte are already checked. `at` is behind the fixed header. */
export function decodePublish(
  bytes: Uint8Array,
  start: number,
  at: number,
  end: number,
  reader: Reader,
  protocolVersion: ProtocolVersion,
  options: DecoderOptions,
): DecodedPublish {
  const topicStart = at + 2;
  if (topicStart > end) throw malformed('Topic Name reaches beyond the packet');
  const topicEnd = topicStart + ((bytes[at] << 8) | bytes[at + 1]);
  if (topicEnd > end) throw malformed('Topic Name reaches beyond the packet');
  const topicName = topicEnd === topicStart ? '' : readTopicName(bytes, topicStart, topicEnd, options);
  let next = topicEnd;
  let packetIdAt = -1;
  let packetId = 0;
  if ((bytes[start] & 0x06) !== 0) {
    packetIdAt = next;
    next += 2;
    if (next > end) throw malformed('Packet Identifier reaches beyond the packet');
    packetId = (bytes[packetIdAt] << 8) | bytes[packetIdAt + 1];
    if (packetId === 0) throw protocolError('PUBLISH with Packet Identifier 0'); // [MQTT-2.2.1-3]
  }
  if (protocolVersion !== 5) {
    if (topicName === '') throw malformed('PUBLISH with an empty Topic Name'); // [v3.1.1 MQTT-4.7.3-1]
    return new DecodedPublish(bytes, start, next, end, topicName, packetIdAt, packetId, undefined, -1);
  }
  let properties: PublishProperties | undefined;
  let expiryAt = -1;
  if (next < end && bytes[next] === 0) {
    next += 1; // Property Length 0, by far the most frequent.
  } else {
    reader.reset(bytes, next, end);
    properties = readProperties<PublishProperties>(reader, PropertyList.publish, options);
    expiryAt = messageExpiryAt;
    next = reader.at;
    if (options.from === 'client' && properties?.subscriptionIdentifiers !== undefined) {
      throw protocolError('Subscription Identifier in PUBLISH from a client'); // [MQTT-3.3.4-6]
    }
  }
  if (topicName === '' && properties?.topicAlias === undefined) throw protocolError('PUBLISH with neither Topic Name nor Topic Alias'); // section 3.3.2.1
  return new DecodedPublish(bytes, start, next, end, topicName, packetIdAt, packetId, properties, expiryAt);
}

function readTopicName(bytes: Uint8Array, start: number, end: number, options: DecoderOptions): string {
  const hash = textHash(bytes, start, end);
  let topicName = topicNames.find(bytes, start, end, hash);
  if (topicName === undefined) {
    const isAscii = utf8Kind(bytes, start, end) === Utf8Kind.ascii;
    if (isAscii) refuseWildcards(bytes, start, end);
    topicName = isAscii ? topicNames.add(bytes, start, end, hash) : decodeUtf8(bytes, start, end, 'Topic Name'); // [MQTT-3.3.2-1]
    if (!isAscii) {
      const problem = checkTopicNameCharacters(topicName);
      if (problem !== undefined) throw malformed(`Topic Name ${problem}`);
    }
  }
  if (options.topicLevelsMax !== undefined && topicName.length > options.topicLevelsMax) checkLevels(topicName, options.topicLevelsMax);
  return topicName;
}

/** [MQTT-3.3.2-2], before the name may enter the cache. */
function refuseWildcards(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === 0x2b || byte === 0x23) throw malformed('Topic Name contains a wildcard');
  }
}

/** A name of n levels has at least n - 1 characters, so that short ones need not be counted. */
function checkLevels(topicName: string, levelsMax: number): void {
  if (topicLevels(topicName) > levelsMax) {
    throw new ProtocolError(ReasonCode.topicNameInvalid, `Topic Name has more than ${levelsMax} levels`);
  }
}
