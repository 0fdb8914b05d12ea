import { Client, type Hub } from './client.js';
import { type MemberCheck, type SequenceCheck } from './integrity.js';
import { PUBREL } from './packet-reader.js';
import { type PayloadCheck, readPublisher, readSequence, readTime } from './payload.js';

const PUBACK_FIRST_BYTE = 0x40;
const PUBREC_FIRST_BYTE = 0x50;
const PUBCOMP_FIRST_BYTE = 0x70;

/** Whom a subscriber tells about each message. */
export interface Audience {
  /** @param forward how many messages of the publisher this subscriber no longer waits for */
  delivered(publisher: number, forward: number, sentAt: number): void;
}

export interface SubscriberRole {
  readonly audience: Audience;
  readonly payloads: PayloadCheck;
  readonly checks: SequenceCheck | MemberCheck;
  /** The publisher that is number 0 of `checks`. */
  readonly firstPublisher: number;
}

/** Receives, checks and acknowledges. */
export class Subscriber extends Client {
  readonly #audience: Audience;
  readonly #payloads: PayloadCheck;
  readonly #checks: SequenceCheck | MemberCheck;
  readonly #firstPublisher: number;

  constructor(hub: Hub, clientId: string, { audience, payloads, checks, firstPublisher }: SubscriberRole) {
    super(hub, clientId);
    this.#audience = audience;
    this.#payloads = payloads;
    this.#checks = checks;
    this.#firstPublisher = firstPublisher;
  }

  override delivery(qos: number, packetId: number, bytes: Buffer, view: DataView, payloadOffset: number, end: number): void {
    if (qos === 1) this.answer(PUBACK_FIRST_BYTE, packetId);
    else if (qos === 2) this.answer(PUBREC_FIRST_BYTE, packetId);
    if (!this.#payloads.isSound(bytes, view, payloadOffset, end)) {
      // Whose it was cannot be known; the gap that it leaves is counted, too.
      this.#checks.faults.corrupted += 1;
      return;
    }
    const publisher = readPublisher(view, payloadOffset);
    const forward = this.#checks.receive(publisher - this.#firstPublisher, readSequence(view, payloadOffset));
    this.#audience.delivered(publisher, forward, readTime(view, payloadOffset));
  }

  override acknowledgement(type: number, packetId: number): void {
    if (type === PUBREL) this.answer(PUBCOMP_FIRST_BYTE, packetId);
  }
}

/** A connection that only holds subscriptions, or only itself. */
export class Holder extends Client {
  override delivery(): void {
    throw new Error('a message reached a connection that should get none');
  }

  override acknowledgement(): void {
    throw new Error('an acknowledgement reached a connection that sends nothing');
  }

  /** Reads nothing from now on. */
  stall(): void {
    this.socket.pause();
  }
}
