/** What a reader tells its owner. */
export interface PacketReceiver {
  connack(returnCode: number): void;
  suback(returnCode: number): void;
  /** A QoS 0 PUBLISH, with the sequence number at the beginning of its payload. */
  delivery(sequence: number): void;
}

const CONNACK = 2;
const PUBLISH = 3;
const SUBACK = 9;

/** Cuts what one connection receives into packets; any chunking gives the same calls. */
export class PacketReader {
  readonly #receiver: PacketReceiver;
  /** The beginning of a packet whose end has not come yet. */
  #rest: Buffer | undefined;

  constructor(receiver: PacketReceiver) {
    this.#receiver = receiver;
  }

  /**
   * @param chunk may be written over after the call
   * @throws Error for a packet that a broker does not send to this generator
   */
  read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    for (;;) {
      const next = this.#readPacket(bytes, offset);
      if (next === offset) break;
      offset = next;
    }
    this.#rest = offset === bytes.length ? undefined : Buffer.from(bytes.subarray(offset));
  }

  /** Gives the offset behind the packet, or `offset` itself if the packet is not complete. */
  #readPacket(bytes: Buffer, offset: number): number {
    let at = offset + 1;
    let remainingLength = 0;
    let factor = 1;
    for (;;) {
      if (at >= bytes.length) return offset;
      const byte = bytes[at++];
      remainingLength += (byte & 127) * factor;
      if (byte < 128) break;
      factor *= 128;
    }
    const end = at + remainingLength;
    if (end > bytes.length) return offset;
    this.#report(bytes, bytes[offset], at);
    return end;
  }

  #report(bytes: Buffer, firstByte: number, at: number): void {
    switch (firstByte >> 4) {
      case PUBLISH:
        if ((firstByte & 0x06) !== 0) throw new Error('the broker delivered with a QoS above 0');
        this.#receiver.delivery(bytes.readUInt32BE(at + 2 + bytes.readUInt16BE(at)));
        break;
      case CONNACK:
        this.#receiver.connack(bytes[at + 1]);
        break;
      case SUBACK:
        this.#receiver.suback(bytes[at + 2]);
        break;
      default:
        throw new Error(`the broker sent a packet of type ${firstByte >> 4}`);
    }
  }
}
