import { PacketIdMap } from '../packet-id-map.js';
import { type QueuePosition } from '../ports/journal.js';
import { type Delivery } from './delivery.js';

const packetIdMax = 65_535;

/**
 * Deliveries of QoS 1 and 2 that were sent and are not finished, under packet identifiers of the session's own [MQTT-2.2.1-4].
 * Both collections keep the order in which they have to be sent again: publications as they were first sent [MQTT-4.6.0-1],
 * PUBRELs as the PUBRECs came [MQTT-4.6.0-4].
 */
export class Inflight {
  /** PUBLISH sent, PUBACK or PUBREC awaited. */
  readonly published: PacketIdMap<Delivery> = new PacketIdMap();
  /** PUBREL sent, PUBCOMP awaited; with the delivery's place in the journal, 0 if it has none. */
  readonly released: PacketIdMap<QueuePosition> = new PacketIdMap();
  private lastPacketId = 0;

  get size(): number {
    return this.published.size + this.released.size;
  }

  /** Gives the delivery a free packet identifier; call only while fewer than 65,535 are in use. */
  add(delivery: Delivery): void {
    let packetId = this.lastPacketId;
    do {
      packetId = packetId === packetIdMax ? 1 : packetId + 1;
    } while (this.published.has(packetId) || this.released.has(packetId));
    this.lastPacketId = packetId;
    delivery.packetId = packetId;
    this.published.set(packetId, delivery);
  }

  /** Takes back what a store had in flight, under its old identifier. */
  restore(delivery: Delivery): void {
    this.published.set(delivery.packetId, delivery);
    this.lastPacketId = delivery.packetId;
  }
}
