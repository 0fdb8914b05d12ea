import { monotonicMilliseconds } from '../clock.js';
import { Client, type Hub } from './client.js';
import { type TrafficLoad, topicName } from './load.js';
import { PUBACK, PUBCOMP, PUBREC } from './packet-reader.js';
import { type PublishBurst, publishBurst } from './packets.js';
import { payloadOf, writeHeader } from './payload.js';

const PUBREL_FIRST_BYTE = 0x62;
const PACKET_ID_MAX = 65_535;

/** Sends numbered messages, a burst with each write. */
export class Publisher extends Client {
  readonly #load: TrafficLoad;
  readonly index: number;
  readonly #burst: PublishBurst;
  readonly #topics: number;
  /** Messages that were sent, and so the next sequence number. */
  published = 0;
  /** Of these, above QoS 0, not yet acknowledged. */
  inflight = 0;
  #packetId = 0;

  constructor(hub: Hub, load: TrafficLoad, index: number) {
    super(hub, `bench-pub-${index}`);
    this.#load = load;
    this.index = index;
    this.#topics = load.topicsPerPublisher ?? 1;
    const { qos, retain = false, protocolVersion: version, properties } = load;
    const content = { topicName: topicName(load, index), payload: payloadOf(index, load.payloadBytes), qos, retain, version, properties };
    this.#burst = publishBurst(content, load.burst);
  }

  /** Sends at most `room` messages and one burst. @returns how many */
  publish(room: number): number {
    // The burst's bytes are used again, so the last write must have left them.
    if (this.socket.writableLength > 0) return 0;
    const free = this.#load.qos > 0 ? this.#load.window - this.inflight : this.#load.burst;
    const count = Math.min(room, free, this.#load.burst);
    if (count <= 0) return 0;
    this.#number(count);
    if (this.#load.qos > 0) this.inflight += count;
    this.send(this.#burst.bytes, count * this.#burst.packetBytes);
    return count;
  }

  #number(count: number): void {
    // A latency begins here, where the kernel gets the message.
    const time = monotonicMilliseconds();
    const { view, packetBytes, payloadOffset, packetIdOffset } = this.#burst;
    for (let i = 0; i < count; i++) {
      const at = i * packetBytes;
      if (this.#topics > 1) this.#writeTopic(at, this.published % this.#topics);
      writeHeader(view, at + payloadOffset, this.published, this.index, time);
      this.published += 1;
      if (this.#load.qos === 0) continue;
      this.#packetId = this.#packetId === PACKET_ID_MAX ? 1 : this.#packetId + 1;
      view.setUint16(at + packetIdOffset, this.#packetId);
    }
  }

  /** The topic's number in the digits of the last level. */
  #writeTopic(packet: number, topic: number): void {
    const { bytes, topicEnd } = this.#burst;
    let rest = topic;
    for (let at = packet + topicEnd - 1; rest > 0 || bytes[at] !== 0x2f; at--) {
      bytes[at] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }

  override acknowledgement(type: number, packetId: number, reasonCode: number): void {
    if (reasonCode >= 0x80) this.hub.fail(new Error(`bench-pub-${this.index}: a message was refused with ${reasonCode}`));
    if (type === PUBREC) this.answer(PUBREL_FIRST_BYTE, packetId);
    else if (type === PUBACK || type === PUBCOMP) this.inflight -= 1;
  }

  override delivery(): void {
    throw new Error('a publisher received a message');
  }
}
