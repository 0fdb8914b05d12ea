import { type AcknowledgementType, type Packet, type PublishFrame, type ReasonCode } from '@si-mqtt/codec';
import { type Output } from '@si-mqtt/session';

interface HeldPacket {
  /** Of a publication to the client; 0 for all others. */
  readonly publishPacketId: number;
  /** Of a PUBACK or PUBREC; 0 for all others. */
  readonly answeredPacketId: number;
  sendTo(output: Output): void;
}

export class HeldPublish implements HeldPacket {
  readonly publishPacketId: number;
  readonly answeredPacketId: number = 0;
  private readonly frame: PublishFrame;
  private readonly firstByte: number;
  private readonly messageExpiryInterval: number;

  constructor(frame: PublishFrame, firstByte: number, packetId: number, messageExpiryInterval: number) {
    this.frame = frame;
    this.firstByte = firstByte;
    this.publishPacketId = packetId;
    this.messageExpiryInterval = messageExpiryInterval;
  }

  sendTo(output: Output): void {
    output.sendPublish(this.frame, this.firstByte, this.publishPacketId, this.messageExpiryInterval);
  }
}

export class HeldAcknowledgement implements HeldPacket {
  readonly publishPacketId: number = 0;
  reasonCode: ReasonCode;
  private readonly type: AcknowledgementType;
  private readonly packetId: number;

  constructor(type: AcknowledgementType, packetId: number, reasonCode: ReasonCode) {
    this.type = type;
    this.packetId = packetId;
    this.reasonCode = reasonCode;
  }

  get answeredPacketId(): number {
    return this.type === 'puback' || this.type === 'pubrec' ? this.packetId : 0;
  }

  sendTo(output: Output): void {
    output.sendAcknowledgement(this.type, this.packetId, this.reasonCode);
  }
}

export class HeldControlPacket implements HeldPacket {
  readonly publishPacketId: number = 0;
  readonly answeredPacketId: number = 0;
  private readonly packet: Packet;

  constructor(packet: Packet) {
    this.packet = packet;
  }

  sendTo(output: Output): void {
    output.send(this.packet);
  }
}

/**
 * What one connection may not send yet, in order, each packet with the batch of the journal that must be committed first. Publications are
 * bounded by the client's Receive Maximum; answers, because a connection for which too many packets wait is not read.
 */
export class HeldPackets {
  /** What is added waits for this batch. */
  batch = 0;
  private packets: HeldPacket[] = [];
  private batches: number[] = [];

  get length(): number {
    return this.packets.length;
  }

  add(packet: HeldPacket): void {
    this.packets.push(packet);
    this.batches.push(this.batch);
  }

  /** False: no such publication waits. */
  revoke(packetId: number): boolean {
    const index = this.packets.findIndex(({ publishPacketId }) => publishPacketId === packetId);
    if (index < 0) return false;
    this.packets.splice(index, 1);
    this.batches.splice(index, 1);
    return true;
  }

  /** The PUBACK or PUBREC says no instead. False: there is none. */
  refuse(packetId: number, reasonCode: ReasonCode): boolean {
    // Of several, as of a QoS 2 publication that was repeated, the last one was made by what is refused now.
    const held = this.packets.findLast(({ answeredPacketId }) => answeredPacketId === packetId);
    if (!(held instanceof HeldAcknowledgement)) return false;
    held.reasonCode = reasonCode;
    return true;
  }

  /** Sends what may leave. True: nothing waits any more. */
  sendTo(output: Output, committedBatch: number): boolean {
    const { packets, batches } = this;
    let count = 0;
    while (count < packets.length && batches[count] <= committedBatch) packets[count++].sendTo(output);
    if (count < packets.length) {
      this.packets = packets.slice(count);
      this.batches = batches.slice(count);
      return false;
    }
    this.packets = [];
    this.batches = [];
    return this.batch <= committedBatch;
  }
}
