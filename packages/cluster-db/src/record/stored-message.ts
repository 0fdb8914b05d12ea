import { copyPublishFrame, type DecodedPublish, Decoder, type Packet, publishFirstByte, type Will } from '@si-mqtt/codec';
import { Message, type Publisher } from '@si-mqtt/session';
import { ByteReader, ByteWriter, FormatError } from '../bytes.js';

/**
 * A message at rest: format version, who published it and when, and then an MQTT 5.0 PUBLISH packet. The packet was checked once, when it came
 * in, and mostly its bytes are the ones that came in and that will be sent; its packet identifier means nothing.
 */
const formatVersion = 1;
const hasUserName = 1;
/** No packet can be larger (section 2.1.4). */
const packetSizeMax = 268_435_460;

/** For the head, which is copied at once. */
const writer = new ByteWriter(256);

export function encodeMessage(message: Message): Uint8Array {
  const { publisher, qos } = message;
  writer.truncate(0);
  writer.u8(formatVersion).u8(publisher.userName === undefined ? 0 : hasUserName);
  writer.u48(message.receivedAt).text(publisher.clientId);
  if (publisher.userName !== undefined) writer.text(publisher.userName);
  const frame = message.frame(5, qos > 0);
  const head = writer.written();
  // From Node's pool: one buffer for each small message would be most of the work of the collector.
  const bytes = Buffer.allocUnsafe(head.length + frame.end - frame.start);
  bytes.set(head);
  copyPublishFrame(frame, publishFirstByte(qos, message.retain, false), 1, -1, bytes, head.length);
  return bytes;
}

/** The message keeps the bytes that it is given. */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== formatVersion) throw new FormatError(`a stored message has format ${version}; this program knows ${formatVersion}`);
  const flags = reader.u8();
  const receivedAt = reader.u48();
  const clientId = reader.text();
  const publisher: Publisher = { clientId, userName: (flags & hasUserName) === 0 ? undefined : reader.text() };
  const packet = decodePublish(reader.rest());
  return Message.ofPacket(packet, packet.topicName, packet.properties, 5, publisher, receivedAt);
}

function decodePublish(bytes: Uint8Array): DecodedPublish {
  let decoded: Packet | undefined;
  const decoder = new Decoder(
    {
      receive: (packet) => {
        decoded = packet;
      },
    },
    { from: 'client', protocolVersion: 5, maximumPacketSize: packetSizeMax },
  );
  try {
    decoder.push(bytes);
  } catch (error) {
    throw new FormatError('a stored message is not a PUBLISH packet', { cause: error });
  }
  if (decoded?.type !== 'publish') throw new FormatError('a stored message is not a PUBLISH packet');
  return decoded as DecodedPublish;
}

/** A will as it is stored: the delay beside the message that it becomes. */
export interface StoredWill {
  readonly delaySeconds: number;
  readonly message: Uint8Array;
}

export function encodeWill(will: Will, publisher: Publisher, now: number): StoredWill {
  const { willDelayInterval = 0, ...properties } = will.properties ?? {};
  const { topicName, payload, qos, retain } = will;
  const content = { topicName, payload, qos, retain, ...(Object.keys(properties).length > 0 ? { properties } : {}) };
  return { delaySeconds: willDelayInterval, message: encodeMessage(Message.of(content, publisher, now)) };
}

export function decodeWill(stored: StoredWill): Will {
  const { topicName, payload, qos, retain, properties } = decodeMessage(stored.message);
  const withDelay = stored.delaySeconds === 0 ? properties : { ...properties, willDelayInterval: stored.delaySeconds };
  return { topicName, payload, qos, retain, ...(withDelay === undefined ? {} : { properties: withDelay }) };
}
