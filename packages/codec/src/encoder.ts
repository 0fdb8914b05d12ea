import { acknowledgementLayout } from './encode/acknowledgement.js';
import { connackLayout, connectLayout } from './encode/connect.js';
import { authLayout, disconnectLayout } from './encode/disconnect.js';
import { type Layout } from './encode/layout.js';
import { newBytes } from './encode/new-bytes.js';
import { encodePublish, encodePublishInto, publishLength } from './encode/publish.js';
import { subackLayout, subscribeLayout, unsubackLayout, unsubscribeLayout } from './encode/subscribe.js';
import { remainingLengthMax } from './fixed-header.js';
import { type Packet, type ProtocolVersion, type PublishPacket } from './packets.js';
import { variableByteIntegerLength, Writer, writeVariableByteInteger } from './writer.js';

/**
 * Bytes that the packet takes on the wire, to be compared with a Maximum Packet Size. Properties are left out in 3.x.
 * @throws TypeError or RangeError for what no packet can say: a topic name with wildcards, packet identifier 0, a reason code of another packet …
 */
export function encodedLength(packet: Packet, protocolVersion: ProtocolVersion): number {
  return packet.type === 'publish' ? publishLength(packet, protocolVersion) : layoutLength(layoutOf(packet, protocolVersion));
}

/**
 * The packet in new bytes, which may be a view of a larger array, as those of Node's `Buffer.from` are: `buffer` has more than them.
 * Throws what `encodedLength` throws.
 */
export function encode(packet: Packet, protocolVersion: ProtocolVersion): Uint8Array {
  if (packet.type === 'publish') return encodePublish(packet, protocolVersion);
  const layout = layoutOf(packet, protocolVersion);
  const target = newBytes(layoutLength(layout));
  write(layout, target, 0);
  return target;
}

/**
 * Writes the packet to `target` at `offset`.
 * @returns the offset behind it.
 * @throws RangeError when it does not fit; else what `encodedLength` throws. What is then behind `offset` is not defined.
 */
export function encodeInto(packet: Packet, protocolVersion: ProtocolVersion, target: Uint8Array, offset: number): number {
  if (packet.type === 'publish') return encodePublishInto(packet, protocolVersion, target, offset);
  const layout = layoutOf(packet, protocolVersion);
  if (offset < 0 || offset + layoutLength(layout) > target.length) throw new RangeError('the packet does not fit');
  return write(layout, target, offset);
}

function write(layout: Layout, target: Uint8Array, offset: number): number {
  target[offset] = layout.firstByte;
  const writer = new Writer(target, writeVariableByteInteger(layout.remainingLength, target, offset + 1));
  layout.write(writer);
  return writer.at;
}

function layoutLength({ remainingLength }: Layout): number {
  if (remainingLength > remainingLengthMax) throw new RangeError(`the packet is longer than ${remainingLengthMax} bytes`);
  return 1 + variableByteIntegerLength(remainingLength) + remainingLength;
}

const pingreqLayout: Layout = { firstByte: 0xc0, remainingLength: 0, write: () => {} };
const pingrespLayout: Layout = { firstByte: 0xd0, remainingLength: 0, write: () => {} };

function layoutOf(packet: Exclude<Packet, PublishPacket>, protocolVersion: ProtocolVersion): Layout {
  switch (packet.type) {
    case 'connect':
      return connectLayout(packet, protocolVersion);
    case 'connack':
      return connackLayout(packet, protocolVersion);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return acknowledgementLayout(packet, protocolVersion);
    case 'subscribe':
      return subscribeLayout(packet, protocolVersion);
    case 'suback':
      return subackLayout(packet, protocolVersion);
    case 'unsubscribe':
      return unsubscribeLayout(packet, protocolVersion);
    case 'unsuback':
      return unsubackLayout(packet, protocolVersion);
    case 'pingreq':
      return pingreqLayout;
    case 'pingresp':
      return pingrespLayout;
    case 'disconnect':
      return disconnectLayout(packet, protocolVersion);
    case 'auth':
      return authLayout(packet, protocolVersion);
  }
}
