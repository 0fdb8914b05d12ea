/** What a reader tells its owner. Bytes are valid until the call returns. */
export interface PacketReceiver {
  connack(returnCode: number): void;
  suback(packetId: number, reasonCodes: Buffer): void;
  /** PUBACK, PUBREC, PUBREL or PUBCOMP. */
  acknowledgement(type: number, packetId: number, reasonCode: number): void;
  delivery(qos: number, packetId: number, bytes: Buffer, view: DataView, payloadOffset: number, end: number): void;
  /** The broker's DISCONNECT. */
  disconnect(reasonCode: number): void;
}

export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
const CONNACK = 2;
const PUBLISH = 3;
const SUBACK = 9;
const DISCONNECT = 14;

/** Cuts what one connection receives into packets; any chunking gives the same calls. */
export class PacketReader {
  readonly #receiver: PacketReceiver;
  readonly #version: 4 | 5;
  /** The beginning of a packet whose end has not come yet: the first `#restBytes` bytes. */
  #rest: Buffer | undefined;
  #restView: DataView | undefined;
  #restBytes = 0;

  constructor(receiver: PacketReceiver, version: 4 | 5) {
    this.#receiver = receiver;
    this.#version = version;
  }

  /**
   * @param bytes may be written over after the call
   * @param view of the same memory
   * @throws Error for a packet that a broker does not send to this generator
   */
  read(bytes: Buffer, view: DataView, length: number): void {
    if (this.#restBytes === 0) {
      const offset = this.#readPackets(bytes, view, length);
      if (offset < length) this.#keep(bytes, offset, length);
      return;
    }
    this.#keep(bytes, 0, length);
    const offset = this.#readPackets(this.#rest!, this.#restView!, this.#restBytes);
    this.#rest!.copyWithin(0, offset, this.#restBytes);
    this.#restBytes -= offset;
    // Connections that seldom cut a packet keep no memory for it.
    if (this.#restBytes === 0) this.#rest = this.#restView = undefined;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const needed = this.#restBytes + to - from;
    if (this.#rest === undefined || this.#rest.length < needed) {
      const grown = Buffer.from(new ArrayBuffer(needed * 2));
      this.#rest?.copy(grown, 0, 0, this.#restBytes);
      this.#rest = grown;
      this.#restView = new DataView(grown.buffer);
    }
    bytes.copy(this.#rest, this.#restBytes, from, to);
    this.#restBytes = needed;
  }

  /** Gives the offset behind the last complete packet. */
  #readPackets(bytes: Buffer, view: DataView, length: number): number {
    let offset = 0;
    for (;;) {
      let at = offset + 1;
      let remainingLength = 0;
      let shift = 0;
      for (;;) {
        if (at >= length) return offset;
        const byte = bytes[at++];
        remainingLength |= (byte & 127) << shift;
        if (byte < 128) break;
        shift += 7;
      }
      const end = at + remainingLength;
      if (end > length) return offset;
      const firstByte = bytes[offset];
      if (firstByte >> 4 === PUBLISH) this.#publish(firstByte, bytes, view, at, end);
      else this.#other(firstByte >> 4, bytes, at, end);
      offset = end;
    }
  }

  #publish(firstByte: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    const qos = (firstByte >> 1) & 3;
    let at = start + 2 + view.getUint16(start);
    let packetId = 0;
    if (qos > 0) {
      packetId = view.getUint16(at);
      at += 2;
    }
    if (this.#version === 5) {
      let propertyLength = 0;
      let shift = 0;
      for (;;) {
        const byte = bytes[at++];
        propertyLength |= (byte & 127) << shift;
        if (byte < 128) break;
        shift += 7;
      }
      at += propertyLength;
    }
    this.#receiver.delivery(qos, packetId, bytes, view, at, end);
  }

  #other(type: number, bytes: Buffer, at: number, end: number): void {
    switch (type) {
      case PUBACK:
      case PUBREC:
      case PUBREL:
      case PUBCOMP:
        this.#receiver.acknowledgement(type, (bytes[at] << 8) | bytes[at + 1], end > at + 2 ? bytes[at + 2] : 0);
        break;
      case CONNACK:
        this.#receiver.connack(bytes[at + 1]);
        break;
      case SUBACK: {
        // The generator sends no SUBSCRIBE that a broker would answer with more than 127 bytes of properties.
        const properties = this.#version === 5 ? 1 + bytes[at + 2] : 0;
        this.#receiver.suback((bytes[at] << 8) | bytes[at + 1], bytes.subarray(at + 2 + properties, end));
        break;
      }
      case DISCONNECT:
        this.#receiver.disconnect(end > at ? bytes[at] : 0);
        break;
      default:
        throw new Error(`the broker sent a packet of type ${type}`);
    }
  }
}
